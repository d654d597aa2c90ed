"""The referee: a deterministic check of every move at the table, independent of the delegate that made it.

Covered: whose offer may be accepted and until when, terms, message length, each side's mandate, and what is
signed in the end.
Not covered: what a message says; that is the delegate's own guard.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from bargaining.agenda import Agenda
from bargaining.errors import InvalidOutcomeError
from bargaining.mandate import Allowed, BoundMandate
from bargaining.move import Accept, Move, Offer, Pass, WalkAway
from bargaining.outcome import Outcome
from bargaining.problem import BargainingProblem
from bargaining.solution import improvement
from bargaining.table import Table

Code: TypeAlias = Literal[
    "not a move",
    "terms not on the agenda",
    "message too long",
    "no such offer on the table",
    "own offer",
    "offer replaced",
    "offer expired",
    "outside the mandate",
    "no authority",
]
"""Why a move is refused. A code never holds a value; it is shown to the mover only."""


@dataclass(frozen=True, slots=True)
class Legal:
    """The move may go on the table."""

    move: Move


@dataclass(frozen=True, slots=True)
class Refused:
    """The move never happened."""

    code: Code


class Referee:
    """Knows the agenda and what each side's delegate is allowed to do."""

    def __init__(self, agenda: Agenda, mandates: Mapping[str, BoundMandate]) -> None:
        if set(mandates) != set(agenda.roles):
            raise ValueError("the referee needs a mandate for each role and for nobody else")
        self._agenda = agenda
        self._mandates = dict(mandates)

    def check(self, move: object, table: Table) -> Legal | Refused:
        """Whether the side whose turn it is may make this move, whatever its delegate handed over."""
        made = self._made_anew(move)
        if isinstance(made, Refused):
            return made
        if len(made.message) > (0 if isinstance(made, Pass) else self._agenda.message_characters):
            return Refused("message too long")
        match made:
            case Offer():
                return self._settling(made, made.outcome, table.to_move)
            case Accept():
                return self._accepting(made, table)
            case WalkAway():
                authority = self._mandates[table.to_move].mandate.authority
                return Legal(made) if authority.walk_away else Refused("no authority")
            case Pass():
                return Legal(made)
            case _:
                assert_never(made)

    def _made_anew(self, move: object) -> Move | Refused:
        """The same move from its parts: one built without validation can hold anything, in any order."""
        try:
            match move:
                case Offer():
                    return Offer(outcome=self._agenda.space.outcome(dict(move.outcome)), message=move.message)
                case Accept():
                    return Accept(offer=move.offer, message=move.message)
                case WalkAway():
                    return WalkAway(message=move.message)
                case Pass():
                    return Pass(message=move.message)
        except InvalidOutcomeError:
            return Refused("terms not on the agenda")
        except Exception:  # noqa: BLE001 - what a delegate from outside hands over can raise anything
            return Refused("not a move")
        return Refused("not a move")

    def _accepting(self, move: Accept, table: Table) -> Legal | Refused:
        mover = table.to_move
        entry = table.entries[move.offer] if 0 <= move.offer < len(table.entries) else None
        if entry is None or not isinstance(entry.move, Offer):
            return Refused("no such offer on the table")
        if entry.role == mover:
            return Refused("own offer")
        standing = table.standing(mover)
        if standing is None:
            return Refused("offer expired")
        if standing.number != entry.number:
            return Refused("offer replaced")
        if not self._mandates[mover].mandate.authority.accept:
            return Refused("no authority")
        return self._settling(move, entry.move.outcome, mover)

    def _settling(self, move: Move, outcome: Outcome, mover: str) -> Legal | Refused:
        allowed = isinstance(self._mandates[mover].allows(outcome), Allowed)
        return Legal(move) if allowed else Refused("outside the mandate")

    def admits(self, text: object) -> Outcome | None:
        """A mediator's text made anew, whatever was handed over; None if it is not an outcome of the agenda."""
        try:
            return self._agenda.space.outcome(dict(text))  # type: ignore[call-overload]  # that is what is checked
        except Exception:  # noqa: BLE001 - what a mediator from outside hands over can raise anything
            return None

    def counts(self, answer: object, role: str, text: Outcome) -> bool:
        """Whether an answer is a yes that a side may give to a text: inside its mandate, and with authority."""
        mandate = self._mandates[role]
        signs = answer is True and mandate.mandate.authority.accept
        return signs and isinstance(mandate.allows(text), Allowed)

    def settle(self, agreed: Outcome) -> Outcome | None:
        """What is signed for an outcome that both sides agreed to; None if it is outside a mandate.

        That is the outcome itself or, if the agenda asks for it, both briefs have preferences and both delegates may
        accept, an efficient one that both sides value at least as much. Both mandates are asked once more about
        whatever leaves.
        """
        if not self._approves(agreed):
            return None
        final = self._improved(agreed) if self._agenda.settlement == "improved" else agreed
        return final if self._approves(final) else None

    def _improved(self, agreed: Outcome) -> Outcome:
        utilities = {role: m.utility for role, m in self._mandates.items() if m.utility is not None}
        may_accept = all(m.mandate.authority.accept for m in self._mandates.values())
        if len(utilities) < len(self._mandates) or not may_accept:
            return agreed
        space = self._agenda.space
        problem = BargainingProblem.of(self._agenda, utilities, self._mandates)
        return space.at(improvement(problem, space.index(agreed)))

    def _approves(self, outcome: Outcome) -> bool:
        return outcome in self._agenda.space and all(
            isinstance(mandate.allows(outcome), Allowed) for mandate in self._mandates.values()
        )
