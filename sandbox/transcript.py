"""What both ends of a channel keep of a conversation, so that each question says only what is new in it.

Each request of a delegate extends the one before (`delegates.conversation`). So the first question of a conversation
opens it with what all of them share, the system text and the schema, and each question says the turns that were added
since the last one that was answered. One that was not answered is said anew by the next, in its place.

Covered: the broker takes a question only behind all that it was told of the conversation, or in place of its last
question; anything else breaks the rules. What it keeps is as long as its prompts may be, for `MOST_CONVERSATIONS`.
Not covered: what is said. A box may ask anything, and begin anew as often as it may ask.
The broker's end holds prompts, and is wiped with its process.
"""

import json
from dataclasses import dataclass

from bargaining.errors import SandboxError
from delegates.models.interface import JsonSchema, Request, Turn
from sandbox.message import BROKEN, MOST_CONVERSATIONS, Ask, Opening, Said, whole

MOST_TURNS = 20_000
"""Of one conversation. A turn without text takes no part of a prompt's length, but memory."""


@dataclass(frozen=True, slots=True, repr=False)
class Transcript:
    """A conversation, as the broker has heard it."""

    model: int
    """The model's place in the list of the run."""
    request: Request
    """The last question, in full."""
    opening_bytes: int
    """How long the system text and the schema are."""
    turns_bytes: int
    """How long all turns are."""
    earlier: int = 0
    """How many turns came before the last question's own."""
    earlier_bytes: int = 0

    @classmethod
    def opened(cls, opening: Opening) -> "Transcript":
        """One in which nothing was asked yet."""
        size = len(opening.system.encode()) + len(json.dumps(opening.reply_schema))
        return cls(opening.model, Request(opening.system, (), opening.reply_schema, 1), size, 0)

    @property
    def prompt_bytes(self) -> int:
        """How long the last question is in full, the schema included."""
        return self.opening_bytes + self.turns_bytes

    def extended(self, ask: Ask) -> "Transcript":
        """The same with a question more.

        Raises:
            SandboxError: The question belongs somewhere else.
        """
        before = self.request.turns
        if ask.after == len(before):
            kept, size = before, self.turns_bytes
        elif ask.after == self.earlier:  # in place of the last question
            kept, size = before[: self.earlier], self.earlier_bytes
        else:
            raise SandboxError(BROKEN)
        request = Request(
            self.request.system,
            kept + tuple(Turn(said.role, said.text) for said in ask.turns),
            self.request.schema,
            ask.max_tokens,
        )
        added = sum(len(said.text.encode()) for said in ask.turns)
        return Transcript(self.model, request, self.opening_bytes, size + added, len(kept), size)


class Heard:
    """The broker's end: the conversations of its box."""

    def __init__(self) -> None:
        self._transcripts: dict[int, Transcript] = {}

    def extended(self, ask: Ask) -> Transcript:
        """The conversation of a question with it. Nothing is kept of it yet.

        Raises:
            SandboxError: It belongs to no conversation, or somewhere else in it.
        """
        if (ask.opening is None) != (ask.after > 0):
            raise SandboxError(BROKEN)
        if ask.opening is not None:
            return Transcript.opened(ask.opening).extended(ask)
        if transcript := self._transcripts.get(ask.conversation):
            return transcript.extended(ask)
        raise SandboxError(BROKEN)

    def keep(self, conversation: int, transcript: Transcript) -> None:
        """Follow a conversation from here on."""
        self._transcripts[conversation] = transcript


@dataclass(slots=True, repr=False)
class _Line:
    """What the broker was told of one conversation."""

    opening: int
    """Hash of model and system text: both sides share a channel, so it keeps no texts."""
    schema: JsonSchema
    """The very same object each time; it is public."""
    turns: tuple[int, ...]
    """Hashes of the last question's."""
    earlier: int
    """How many of them came before its own."""
    question: int
    """Its number."""
    is_answered: bool = False

    @property
    def kept(self) -> int:
        """How many turns the broker has certainly kept."""
        return len(self.turns) if self.is_answered else self.earlier

    def begins(self, model: int, request: Request) -> int:
        """How many turns of a request the broker has kept, if it belongs here; 0: it has to be opened."""
        if self.schema is not request.schema or self.opening != hash((model, request.system)):
            return 0
        turns = tuple(map(hash, request.turns))
        for count in (self.kept, self.earlier):
            if len(turns) >= count and turns[:count] == self.turns[:count]:
                return count
        return 0


class Told:
    """The box's end: what its broker was told."""

    def __init__(self) -> None:
        self._lines: dict[int, _Line] = {}
        """The one that was used last is the last."""

    def ask(self, number: int, model: int, request: Request) -> Ask:
        """A request as a question of this number: what is new in it.

        Raises:
            ValueError: It is none that can be sent.
        """
        after, conversation = max(
            ((line.begins(model, request), place) for place, line in self._lines.items()), default=(0, 0)
        )
        opening: Opening | None = None
        if not after:
            conversation = self._free()
            opening = Opening(model=model, system=whole(request.system), reply_schema=dict(request.schema))
        ask = Ask(
            id=number,
            conversation=conversation,
            opening=opening,
            after=after,
            turns=tuple(Said(role=turn.role, text=whole(turn.text)) for turn in request.turns[after:]),
            max_tokens=request.max_tokens,
        )
        self._lines.pop(conversation, None)
        self._lines[conversation] = _Line(
            hash((model, request.system)), request.schema, tuple(map(hash, request.turns)), after, number
        )
        return ask

    def answered(self, ask: Ask) -> None:
        """There was a reply: what was asked has been kept."""
        line = self._lines[ask.conversation]
        if line.question == ask.id:  # and nothing was said in its place
            line.is_answered = True

    def _free(self) -> int:
        """The place of a conversation that was opened in vain, a new one, or else that of the oldest."""
        for place, line in self._lines.items():
            if not line.kept:
                return place
        return len(self._lines) if len(self._lines) < MOST_CONVERSATIONS else next(iter(self._lines))
