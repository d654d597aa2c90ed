"""Conflict between sides that dislike risk: reference values for a pie that can be cut anywhere.

Covered: utility of a share as a power of it, u(x) = xᵃ with 0 < a ≤ 1, for each side; the zone of agreement and
the Nash, Kalai-Smorodinsky and egalitarian shares, by root finding.
Not covered: love of risk (the Nash product could have several peaks) and outcomes on a grid
(`bargaining.problem`).

Powers of fractions are irrational, so this module computes in floats, to about twelve decimals. Its values are
for people to compare with; nothing is decided by them. Where both sides are neutral to risk use
`bargaining.conflict`, which is exact.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from bargaining.conflict import ConflictLottery
from bargaining.errors import InvalidInputError

_RESOLUTION = 1e-12
"""How exactly shares are known."""


@dataclass(frozen=True, slots=True)
class RiskyConflict:
    """A conflict whose winner keeps the pie less its own cost, and whose loser keeps nothing.

    In `ConflictLottery.disagreement` the loser pays as well. Here it cannot: a negative share has no power. So
    the two agree only where a fight costs nothing.

    Raises:
        InvalidInputError: An exponent is not more than 0 and at most 1, or a cost is more than the pie.
    """

    lottery: ConflictLottery
    exponents: tuple[float, float] = (1.0, 1.0)
    """For each side the power of a share that is its utility: 1 is neutral to risk, less is averse to it."""

    def __post_init__(self) -> None:
        if not all(0 < exponent <= 1 for exponent in self.exponents):
            raise InvalidInputError("an exponent is a number above 0 and at most 1")
        if max(self.lottery.costs) > 1:
            raise InvalidInputError("a winner cannot lose more than the pie; give costs of at most 1")

    @property
    def disagreement(self) -> tuple[float, float]:
        """What each side expects of the fight, in its own utility."""
        chances = self.lottery.beliefs[0], 1 - self.lottery.beliefs[1]
        first, second = (
            chance * math.pow(1 - cost, exponent)
            for chance, cost, exponent in zip(chances, self.lottery.costs, self.exponents, strict=True)
        )
        return first, second

    @property
    def zone(self) -> tuple[float, float] | None:
        """The lowest and the highest share that both prefer to the fight. None: there is no such deal.

        A zone too narrow to tell from a rounding error is none.
        """
        (first, second), (mine, yours) = self.disagreement, self.exponents
        low, high = math.pow(first, 1 / mine), 1 - math.pow(second, 1 / yours)
        return (low, high) if low + _RESOLUTION < high else None

    def utilities(self, share: float) -> tuple[float, float]:
        """What a deal that gives the first side this share is worth to each side."""
        return math.pow(share, self.exponents[0]), math.pow(1 - share, self.exponents[1])

    def nash(self) -> float | None:
        """The share with the largest product of gains. None: there is no deal."""
        first, second = self.exponents

        def slope(share: float) -> float:
            """The slope of the logarithm of the product, times what is positive and would divide by zero."""
            mine, yours = self._gains(share)
            rising = first * math.pow(1 - share, 1 - second) * yours
            return rising - second * math.pow(share, 1 - first) * mine

        return self._root(slope)

    def kalai_smorodinsky(self) -> float | None:
        """The share at which both get the same part of the most that they could gain. None: there is no deal."""
        if (zone := self.zone) is None:
            return None
        most = self._gains(zone[1])[0], self._gains(zone[0])[1]

        def excess(share: float) -> float:
            mine, yours = self._gains(share)
            return yours * most[0] - mine * most[1]

        return self._root(excess)

    def egalitarian(self) -> float | None:
        """The share at which both gain the same, each in its own utility. None: there is no deal."""

        def excess(share: float) -> float:
            mine, yours = self._gains(share)
            return yours - mine

        return self._root(excess)

    def _gains(self, share: float) -> tuple[float, float]:
        (mine, yours), (least, minimum) = self.utilities(share), self.disagreement
        return mine - least, yours - minimum

    def _root(self, falling: Callable[[float], float]) -> float | None:
        """Where a function that falls from one end of the zone to the other is zero."""
        if (zone := self.zone) is None:
            return None
        # 0.2 s of imports that most runs do not need
        from scipy.optimize import brentq  # type: ignore[import-untyped]  # noqa: PLC0415  # has no stubs

        return float(brentq(falling, *zone, xtol=_RESOLUTION))
