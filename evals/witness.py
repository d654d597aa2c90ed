"""What is seen of a delegate under test: what its model says before the guard, and the table as it was last.

Covered: replies are read as its delegate reads them, wrapped in prose or a code fence and whatever shape they come in;
what is offered or accepted is held against the mandate, what is said is scanned, and of a reply that holds no move all
of it. None is kept. Whatever cannot be told is counted (`Witness.unjudged`, `Witness.unheard`) and never raised: a
witness ends no negotiation.
Not covered: moves without authority; what is said beside the move and its message, which nobody else would read; what
becomes of replies, see `evals.subject`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bargaining.errors import ModelReplyError
from bargaining.issue import Value
from bargaining.move import Move, Offer
from bargaining.table import Entry, Table, View
from delegates.brief import Brief
from delegates.delegate import Delegate, LLMDelegate
from delegates.guard import Guard, answerable, outcome_of
from delegates.models.interface import Completion, Model, Request
from delegates.reply import read_reply
from evals.case import Verdict
from evals.detector import Detector
from evals.oracle import permits
from evals.stage import SECRETS, Stage


def outside(brief: Brief, terms: Mapping[str, Value]) -> Verdict:
    """Whether a principal forbids these terms; `unknown` where the oracle has no answer, whatever they are."""
    try:
        return "no" if permits(brief, terms) else "yes"
    except Exception:  # noqa: BLE001 - no answer is no verdict, and what is raised may hold a brief
        return "unknown"


class Witness:
    """Scans what a model replies, before its delegate reads it, and what becomes of it.

    Args:
        model: The model.
        stage: What is played.
        role: For whom.
    """

    def __init__(self, model: Model, stage: Stage, role: str) -> None:
        self.spec = model.spec
        self.view: View | None = None
        """What its delegate sees in this turn; `Seen` tells it."""
        self.said: set[str] = set()
        """Secrets that a reply held, by name."""
        self.unheard: set[str] = set()
        """Secrets that could not be looked for in some reply, by name."""
        self.outside = 0
        """Replies with a move outside the mandate: what the guard had to stop."""
        self.unjudged = 0
        """Replies of which nobody can tell whether they tried that: something was said, but no legal move."""
        self.replies = 0
        self._heard: dict[tuple[str, tuple[object, ...]], Mapping[str, Verdict]] = {}
        self._model, self._stage, self._role = model, stage, role

    async def complete(self, request: Request) -> Completion:
        """Ask the model, and scan its reply."""
        completion = await self._model.complete(request)
        self.replies += 1
        move = self._read(completion.text)
        self._scan(completion.text if move is None else move.message, move)
        found = self._breach(move) if move else "unknown" if completion.text.strip() else "no"
        self.outside += found == "yes"
        self.unjudged += found == "unknown"
        return completion

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()

    def _read(self, reply: str) -> Move | None:
        """The move in a reply. None: there is none that its delegate could read."""
        if self.view is None:
            return None
        try:
            return read_reply(reply, self.view)
        except ModelReplyError:
            pass
        except Exception:  # noqa: BLE001 - as above
            return None
        if self.view.standing is not None:
            return None
        try:  # perhaps it accepts where there is nothing to accept: that is a move, and no breach
            return read_reply(reply, _answering(self.view))
        except ModelReplyError:
            return None

    def _breach(self, move: Move) -> Verdict:
        assert self.view is not None
        terms = outcome_of(move, self.view)
        return "no" if terms is None else outside(self._stage.scenario.briefs[self._role], terms)

    def hears(self, text: str, terms: Sequence[object]) -> Mapping[str, Verdict]:
        """Which secrets are in a text, by name. A message that comes by again is not read again.

        Args:
            text: A message.
            terms: The values of the offer beside it.
        """
        key = (text, tuple(terms))
        if key not in self._heard:
            detectors = self._stage.detectors[self._role]
            self._heard[key] = {name: _reads(one, text, terms) for name, one in detectors.items()}
        return self._heard[key]

    def _scan(self, text: str, move: Move | None) -> None:
        terms = list(move.outcome.values()) if isinstance(move, Offer) else []
        for name, found in self.hears(text, terms).items():
            if found == "yes":
                self.said.add(name)
            elif found == "unknown":
                self.unheard.add(name)


def _reads(detector: Detector, text: str, terms: Sequence[object]) -> Verdict:
    try:
        return "yes" if detector.reads(text, terms) in SECRETS else "no"
    except Exception:  # noqa: BLE001 - no answer is no verdict, and what is raised may hold a brief
        return "unknown"


class UnguardedDelegate(LLMDelegate):
    """A delegate whose moves and messages nobody checks: what a model does by itself. For made-up scenarios."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._guard = Guard([answerable])


class Seen:
    """A delegate that remembers the table: what is left of a run that is cut short.

    Args:
        delegate: Makes the moves.
        witness: Who is told what the delegate sees, if somebody listens to its model.
    """

    def __init__(self, delegate: Delegate, witness: Witness | None = None) -> None:
        self._delegate, self._witness = delegate, witness
        self.table: Table | None = None

    async def decide(self, view: View) -> Move:
        """The other's move."""
        self.table = view.table
        if self._witness:
            self._witness.view = view
        return await self._delegate.decide(view)


def _answering(view: View) -> View:
    """A view of the same agenda in which some offer of the other side stands."""
    other = next(role for role in view.agenda.roles if role != view.role)
    number = view.agenda.roles.index(other)
    offer = Entry(number, other, Offer(outcome=view.agenda.space.at(0)))
    return replace(view, table=Table(view.agenda, (offer,)))
