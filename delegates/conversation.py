"""A conversation with a model: what was said so far, and the next reply.

Covered: each request extends the last one, so that providers can cache it; failed calls are counted, and a model
that stays silent counts as unavailable. Not covered: what a reply means.
"""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass

from bargaining.errors import ModelReplyError, ModelTransientError, ModelUnavailableError
from delegates.models.interface import JsonSchema, Model, Request, Turn

SILENT_TURNS = 3
"""After so many turns in a row without any reply, the model counts as unavailable."""

NO_QUEUE: AbstractAsyncContextManager[None] = nullcontext()
"""For conversations that wait for no other."""

_KEPT_REPLY = 2000


@dataclass(slots=True)
class Counters:
    """How often a delegate's safeguards stepped in. Counts only: they say nothing about the brief."""

    turns: int = 0
    unreadable: int = 0
    """Replies that held no legal move."""
    denied: int = 0
    """Moves and messages that the guard denied; a mediator's repeated texts."""
    silenced: int = 0
    """Turns in which the model's move was made without its message, which the guard had denied."""
    bettered: int = 0
    """Offers whose terms were replaced by the advisor's: better for one side, no worse for the other."""
    failed_calls: int = 0
    """Model calls that failed or timed out after all retries."""
    replaced: int = 0
    """Turns in which the advisor's move was made in place of the model's."""
    unstructured: int = 0
    """Replies whose shape the provider did not enforce."""


class Conversation:
    """One side's conversation with its model, or the mediator's. It holds brief content.

    Args:
        model: Asked once per try. Wrap it for retries and budgets.
        system: What every request begins with.
        schema: What every reply must look like.
        reply_tokens: Room for one reply.
        counters: Where failures are counted.
        timeout_seconds: The longest wait for one reply, retries included.
        queue: Entered for each question. A lock that several conversations share makes them ask one after the
            other; waiting for it is not counted as the model's silence.
    """

    def __init__(
        self,
        model: Model,
        system: str,
        schema: JsonSchema,
        reply_tokens: int,
        counters: Counters,
        timeout_seconds: float = 300.0,
        queue: AbstractAsyncContextManager[None] = NO_QUEUE,
    ) -> None:
        self._model, self._system, self._schema = model, system, schema
        self._reply_tokens = reply_tokens
        self._counters = counters
        self._timeout_seconds = timeout_seconds
        self._queue = queue
        self._turns: list[Turn] = []
        self._unsent = ""
        self._silent_turns = 0

    def __repr__(self) -> str:
        return "<Conversation: redacted>"

    def begin(self, text: str) -> None:
        """Begin a turn with a text. It is sent with the next question."""
        self.add(text)
        self._silent_turns += 1  # until the model answers

    def add(self, text: str) -> None:
        """Say something more. It is sent with the next question."""
        # what went unanswered is sent again with more behind it, so that a request always extends the last one
        self._unsent = f"{self._unsent}\n\n{text}" if self._unsent else text

    async def ask(self, seconds_left: float | None) -> str | None:
        """One reply, or None if the model gave none.

        Raises:
            ModelUnavailableError: It gave none in `SILENT_TURNS` turns.
            LimitReachedError: A budget is used up.
        """
        turns = (*self._turns, Turn("user", self._unsent))
        request = Request(self._system, turns, self._schema, self._reply_tokens)
        patience = asyncio.timeout(self._timeout_seconds)
        try:
            async with asyncio.timeout(seconds_left), self._queue, patience:
                completion = await self._model.complete(request)
        except (ModelTransientError, ModelReplyError, TimeoutError):
            completion = None
        if completion is None:
            self._counters.failed_calls += 1
            if self._silent_turns >= SILENT_TURNS:
                raise ModelUnavailableError(
                    f"the model {self._model.spec} gave no answer in {SILENT_TURNS} turns in a row; "
                    "check the server, or try again later"
                )
            return None
        self._silent_turns = 0
        self._counters.unstructured += completion.structure != "schema"
        # providers refuse a blank turn, and no client can encode half of a surrogate pair
        said = completion.text[:_KEPT_REPLY].strip().encode(errors="replace").decode() or "-"
        self._turns += [Turn("user", self._unsent), Turn("assistant", said)]
        self._unsent = ""
        return completion.text
