"""The advisor: what a delegate should offer and accept now, by its principal's own numbers.

Covered: a few mandate-safe offers at the current aspiration level, whether to accept what stands, and the move
to make when the model makes none. Not covered: words. The model chooses, adjusts and argues.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Protocol

from bargaining.agenda import Agenda
from bargaining.mandate import BoundMandate
from bargaining.move import Move, Offer, Pass
from bargaining.outcome import Outcome
from bargaining.table import View
from bargaining.tactic import TimeBased, steady
from bargaining.utility import UtilityFunction

OFFERS = 3
"""How many offers are proposed to the model."""

SLACK = Fraction(1, 20)
"""How far below the aspiration level the model may go, as a share of the range from floor to ceiling.

Measured with stand-ins for the model (`evals.players`) on 40 random scenarios, two kinds of stand-in and four tactics,
everyone against everyone (`python -m evals.tournament --random 40 --seed 1000 --tactics
boulware,steady,linear,conceder,random,worst`): the advisor alone gets 0.66 of what its side can gain, with a model
that picks anywhere within the slack 0.65, with one that always settles for the least allowed 0.64. Before the terms
of such offers were bettered, these were 0.64, 0.60 and 0.57."""


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
    better: Callable[[Outcome], Outcome | None] = field(default=lambda outcome: None, compare=False)  # noqa: ARG005
    """One of the offers that is better than an outcome for one side and, as far as one can tell, no worse for the
    other, if there is one: nothing is given for nothing."""

    def __repr__(self) -> str:
        return "<Advice: redacted>"


class Advisor(Protocol):
    """Knows what to do next for one side."""

    def advise(self, view: View) -> Advice:
        """Advice for the turn that the view shows. Called at least once in each own turn."""
        ...


class UtilityAdvisor:
    """Advises by the tactic `steady`: a delegate that is left alone with it plays exactly that tactic."""

    def __init__(
        self, agenda: Agenda, role: str, utility: UtilityFunction, mandate: BoundMandate, *, seed: int = 0
    ) -> None:
        self._role = role
        self._tactic = TimeBased(steady, agenda, utility, mandate, seed)

    def advise(self, view: View) -> Advice:
        """The tactic's plan, and how far from it the model may go."""
        assert view.role == self._role, "an advisor knows one side only"
        plan = self._tactic.plan(view, OFFERS)
        floor, ceiling = self._tactic.range
        slack = SLACK * (ceiling - floor)
        last = view.table.round >= view.table.rounds
        least = max(floor, plan.level - slack)
        most = plan.level + slack if last else None
        better = partial(self._tactic.better, offers=plan.offers)
        return Advice(plan.offers, plan.accepts, plan.move, least, most, better)


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
        return Advice((), accept=False, move=Offer(outcome=offers[0]) if offers else Pass())
