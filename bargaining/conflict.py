"""Conflict as the alternative to a deal: what each side expects of a fight over a pie of 1.

Covered: two sides with beliefs and costs of their own who are neutral to risk, care for the other side, exact
arithmetic throughout. A share is always the first side's.
Not covered: aversion to risk (`bargaining.risk`), outcomes on a grid (`bargaining.problem`), which threats may
count as an alternative at all.

After Fearon, "Rationalist explanations for war", International Organization, 1995.
"""

from dataclasses import dataclass
from fractions import Fraction

from bargaining.errors import InvalidInputError

_NONE, _WHOLE = Fraction(0), Fraction(1)


@dataclass(frozen=True, slots=True)
class ConflictLottery:
    """What happens without a deal: one side wins everything, and both bear the cost of the fight.

    Raises:
        InvalidInputError: A belief is not between 0 and 1, or a cost is negative.
    """

    beliefs: tuple[Fraction, Fraction]
    """How likely each side thinks it is that the first one wins."""
    costs: tuple[Fraction, Fraction] = (_NONE, _NONE)
    """What the fight costs each side whether it wins or not, in shares of the pie."""

    def __post_init__(self) -> None:
        if not all(0 <= belief <= 1 for belief in self.beliefs):
            raise InvalidInputError("a belief is a probability; give a number from 0 to 1")
        if any(cost < 0 for cost in self.costs):
            raise InvalidInputError("a conflict cannot cost less than nothing; give 0 or more")

    @property
    def disagreement(self) -> tuple[Fraction, Fraction]:
        """What each side expects of the fight.

        It may be negative and is never clipped: a side that would lose more than everything gives way further
        than one that would lose just everything.
        """
        return self.beliefs[0] - self.costs[0], 1 - self.beliefs[1] - self.costs[1]

    @property
    def surplus(self) -> Fraction:
        """How much larger the pie is than what both expect of the fight: the costs less the shared optimism."""
        first, second = self.disagreement
        return 1 - first - second

    @property
    def zone(self) -> tuple[Fraction, Fraction] | None:
        """The lowest and the highest share that both prefer to the fight. None: there is no such deal.

        A surplus of exactly nothing is no zone: nobody would gain by a deal.
        """
        if self.surplus <= 0:
            return None
        first, second = self.disagreement
        return max(_NONE, first), min(_WHOLE, 1 - second)

    @property
    def split(self) -> Fraction | None:
        """The Nash share, which is also the egalitarian one. None: there is no deal.

        Each side gets what it expects of the fight and half of the surplus,

            x = d₁ + S/2 = (p₁ + p₂)/2 + (c₂ - c₁)/2,

        as far as the pie goes: nobody gets more than all of it.
        """
        if self.zone is None:
            return None
        return min(max(self.disagreement[0] + self.surplus / 2, _NONE), _WHOLE)

    @property
    def kalai_smorodinsky(self) -> Fraction | None:
        """The share at which both get the same part of the most that they could gain. None: there is no deal.

        It differs from `split` where the most that one side could gain exceeds what there is: who expects less
        than nothing of the fight cannot be given more than everything.
        """
        if self.zone is None:
            return None
        low, high = self.zone
        first, second = self.disagreement
        gains = high - first, 1 - low - second
        return first + gains[0] * self.surplus / sum(gains)

    def caring(self, first: Fraction = _NONE, second: Fraction = _NONE) -> "ConflictLottery":
        """The same conflict between sides that value the other's share too, told in shares.

        Who values a share of the other side at a part `a` of one of its own has less to win by a fight: a cost
        `c` weighs as much as `c / (1 - a)` does for the indifferent. Shares preferred to the fight and the
        Nash share (which does not depend on scales) follow from the result; equal gains do not.

        Args:
            first: How much of a share of the second side is worth to the first, from 0 to below 1.
            second: The same for the second side.

        Raises:
            InvalidInputError: A number is not in its range.
        """
        if not all(0 <= care < 1 for care in (first, second)):
            raise InvalidInputError("care for the other side is a number from 0 to below 1")
        return ConflictLottery(self.beliefs, (self.costs[0] / (1 - first), self.costs[1] / (1 - second)))
