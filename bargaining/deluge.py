"""The rising bar: which texts a side would sign, by its own numbers alone.

The Great Deluge (Dueck, "New optimization heuristics: the Great Deluge algorithm and the record-to-record
travel", *Journal of Computational Physics* 104, 1993) walks wherever the water has not risen to yet. Here each
side has water of its own: it signs what is worth at least its bar, which rises from its reservation value to the
best that its mandate allows. A text that both still sign late is worth much to both; where both bars rise alike,
the last one that both sign is near the Kalai-Smorodinsky solution.

Covered: deadlines by rounds and by the clock, sides without preferences (the mandate decides).
Not covered: guessing what the other side would sign. A bar depends on nothing but time, so a side that keeps a high
bar from the start gets the better of one that follows this rule. Where a mandate is cut too finely to tell its best
outcome, the bar rises to the best of all outcomes, and its last part passes nothing.
"""

from fractions import Fraction
from math import isfinite

from bargaining.agenda import Agenda
from bargaining.mandate import Allowed, BoundMandate
from bargaining.text import TextView
from bargaining.utility import UtilityFunction

SLACK = Fraction(1, 10)
"""How far below the bar a text is still worth a thought, as a share of the way from floor to ceiling."""


def rise(elapsed: Fraction) -> Fraction:
    """How far the bar has risen when a share of the time is over: slowly where most deals are, then fast.

    Two sides that share something fixed can both reach about half of the way, less if their mandates narrow it
    down; the square leaves two thirds of the rounds for that half.
    """
    return elapsed * elapsed


class RisingBar:
    """One side's bar.

    Args:
        utility: The side's own; None if it has no preferences.
        mandate: The side's own.
    """

    def __init__(self, utility: UtilityFunction | None, mandate: BoundMandate) -> None:
        self._utility, self._mandate = utility, mandate
        self._floor = self._height = Fraction(0)
        if utility is not None:
            self._floor = utility.worst if mandate.reservation is None else mandate.reservation
            ceiling = utility.best if mandate.best is None else utility.value(mandate.best)
            self._height = ceiling - self._floor

    def signs(self, view: TextView) -> bool:
        """Whether the side would sign the text now."""
        return self._reaches(view, Fraction(0))

    def considers(self, view: TextView) -> bool:
        """Whether the text is allowed and not far below the bar."""
        return self._reaches(view, SLACK)

    def _reaches(self, view: TextView, slack: Fraction) -> bool:
        if not isinstance(self._mandate.allows(view.text), Allowed):
            return False
        if self._utility is None:
            return True
        bar = rise(elapsed(view.agenda, view.round, view.seconds_left)) - slack
        return self._utility.value(view.text) >= self._floor + self._height * bar


def elapsed(agenda: Agenda, round: int, seconds_left: float | None) -> Fraction:  # noqa: A002  # as the view calls it
    """The share of the time that is over: 0 in the first round, 1 in the last, by rounds or by the clock."""
    rounds = agenda.rounds
    over = Fraction(min(round, rounds) - 1, rounds - 1) if rounds > 1 else Fraction(0)
    if agenda.seconds is not None and seconds_left is not None and isfinite(seconds_left):
        over = max(over, 1 - Fraction(seconds_left) / agenda.seconds)
    return min(over, Fraction(1))
