"""The advisor: what a delegate should offer and accept now, by its principal's own numbers.

Covered: a few mandate-safe offers at the current aspiration level, whether to accept what stands, and the move
to make when the model makes none. Not covered: words. The model chooses, adjusts and argues.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from bargaining.agenda import Agenda
from bargaining.bidding import Bidder
from bargaining.mandate import Allowed, BoundMandate
from bargaining.move import Accept, Move, Offer, Pass
from bargaining.opponent import FrequencyModel
from bargaining.outcome import Outcome
from bargaining.table import View
from bargaining.tactic import Curve, aspiration
from bargaining.utility import UtilityFunction

OFFERS = 3
"""How many offers are proposed to the model."""

SLACK = Fraction(1, 10)
"""How far below the aspiration level the model may go, as a share of the range from floor to ceiling."""


def steady(elapsed: Fraction) -> Fraction:
    """Concede slowly at first: the square of the share of the time that is over."""
    return elapsed * elapsed


@dataclass(frozen=True, slots=True)
class Advice:
    """What the advisor says about one turn. It derives from the brief, so it is as private as the brief."""

    offers: tuple[Outcome, ...]
    """Mandate-safe offers, best first. Empty if there are no preferences to choose by."""
    accept: bool
    """Whether to accept the offer that stands."""
    move: Move
    """The move to make if the model makes none, with no message."""
    least: Fraction | None = None
    """The lowest own utility that the model may settle for in this turn, if the advisor has a say in it."""
    most: Fraction | None = None
    """The highest own utility that it may still ask for: only in the last round, where more would end in no deal."""

    def __repr__(self) -> str:
        return "<Advice: redacted>"


class Advisor(Protocol):
    """Knows what to do next for one side."""

    def advise(self, view: View) -> Advice:
        """Advice for the turn that the view shows. Called at least once in each own turn."""
        ...


class UtilityAdvisor:
    """Concedes from the best outcome towards the reservation value by the clock, towards what the other side wants.

    Its model of the other side is the frequency model of `bargaining.opponent`.
    """

    def __init__(
        self,
        agenda: Agenda,
        role: str,
        utility: UtilityFunction,
        mandate: BoundMandate,
        *,
        curve: Curve = steady,
        seed: int = 0,
    ) -> None:
        self._role = role
        self._utility = utility
        self._mandate = mandate
        self._curve = curve
        self._bidder = Bidder(agenda, utility, mandate, seed)
        self._opponent = FrequencyModel(agenda)
        self._other = agenda.other(role)
        self._observed = 0
        self._top = self._bidder.ceiling

    def advise(self, view: View) -> Advice:
        """Offers at the aspiration level; accept what is worth as much as the best of them."""
        theirs = view.table.offers(self._other)
        for outcome in theirs[self._observed :]:
            self._opponent.observe(outcome)
        self._observed = len(theirs)
        ceiling, floor = self._bidder.ceiling, self._bidder.floor
        # never ask for more than before, even if the last round was brought forward and put off again
        self._top = level = min(self._top, aspiration(view, ceiling, floor, self._curve))
        offers = self._bidder.candidates(
            level, OFFERS, self._opponent if theirs else None, theirs[-1] if theirs else None
        )
        slack = SLACK * (ceiling - floor)
        accept = self._acceptable(view, offers[0] if offers else self._bidder.best)
        move = _first_safe_move(view, accept=accept, offers=offers)
        last = view.table.round >= view.table.rounds
        return Advice(offers, accept, move, max(floor, level - slack), level + slack if last else None)

    def _acceptable(self, view: View, following: Outcome) -> bool:
        """Whether what stands is worth as much now as the next own offer would be a round later."""
        standing = view.standing
        if (
            standing is None
            or not self._mandate.mandate.authority.accept
            or not isinstance(standing.move, Offer)
        ):
            return False
        if not isinstance(self._mandate.allows(standing.move.outcome), Allowed):
            return False
        now = view.table.round
        worth = self._utility.discounted(standing.move.outcome, now)
        return now >= view.table.rounds or worth >= self._utility.discounted(following, now + 1)


class Caution:
    """Stands in for an advisor that is switched off or has no preferences to choose by: it has no opinion.

    Its move repeats the side's last offer. Before there is one it makes the opening, or none: an offer that is
    merely allowed would be a bad one, and would show where the limits are.

    Args:
        role: Which side it acts for.
        opening: A mandate-safe outcome that the side would like, if that is known.
    """

    def __init__(self, role: str, opening: Outcome | None = None) -> None:
        self._role = role
        self._opening = (opening,) if opening else ()

    def advise(self, view: View) -> Advice:
        """No offers, no opinion; a safe move."""
        offers = view.table.offers(self._role)[-1:] or self._opening
        return Advice((), accept=False, move=_first_safe_move(view, accept=False, offers=offers))


def _first_safe_move(view: View, *, accept: bool, offers: tuple[Outcome, ...]) -> Move:
    if accept and view.standing is not None:
        return Accept(offer=view.standing.number)
    return Offer(outcome=offers[0]) if offers else Pass()
