"""What the other side seems to want, from its offers alone.

The frequency model of HardHeaded (van Krimpen, Looije and Hajizadeh, "HardHeaded", in *Complex Automated
Negotiations*, 2013; surveyed by Baarslag et al., "Learning about the opponent in automated bilateral
negotiation", *JAAMAS* 30, 2016): values that are offered often are liked, and issues that rarely change from
one offer to the next matter. Our addition: on an integer grid a value near an offered one counts too, in
proportion.
Not covered: lies. An opponent who offers what it does not want is taken at its word.
"""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import count
from math import lcm

from bargaining.agenda import Agenda
from bargaining.issue import IntegerIssue
from bargaining.outcome import Outcome


class FrequencyModel:
    """An estimate of the other side's utility. Before the first offer it is 0 everywhere."""

    def __init__(self, agenda: Agenda) -> None:
        self._space = agenda.space
        self._ordered = [isinstance(issue, IntegerIssue) for issue in agenda.space.issues.values()]
        self._counts: list[Counter[int]] = [Counter() for _ in self._ordered]
        self._steady = [1] * len(self._ordered)
        self._last: tuple[int, ...] | None = None
        self._likings: list[dict[int, int]] = [{} for _ in self._ordered]
        self._scales: list[int] = []
        self._whole = 1

    def observe(self, outcome: Outcome) -> None:
        """Take in the other side's next offer."""
        digits = self._space.digits_of(outcome)
        for place, digit in enumerate(digits):
            self._counts[place][digit] += 1
            if self._last is not None and self._last[place] == digit:
                self._steady[place] += 1
        self._last = digits
        self._likings = [{} for _ in digits]
        self._scales = []

    def estimate(self, outcome: Outcome) -> Fraction:
        """How much the other side likes an outcome, from 0 to 1."""
        score = self.score(self._space.digits_of(outcome))
        return Fraction(score, self._whole) if self._last is not None else Fraction(0)

    def score(self, digits: Sequence[int]) -> int:
        """The estimate for the outcome at these positions, up to a factor that each observation changes."""
        if self._last is not None and not self._scales:
            self._weigh()
        total = 0
        for scale, liked, place, digit in zip(self._scales, self._likings, count(), digits, strict=False):
            if digit not in liked:
                liked[digit] = self._liking(place, digit)
            total += scale * liked[digit]
        return total

    def _weigh(self) -> None:
        most = [self._liking(place, self._favourite(place)) for place in range(len(self._counts))]
        common = lcm(*most)
        self._scales = [steady * (common // top) for steady, top in zip(self._steady, most, strict=True)]
        self._whole = common * sum(self._steady)

    def _favourite(self, place: int) -> int:
        """A most liked position: the most frequent one, or on a grid the median."""
        counts = self._counts[place]
        if not self._ordered[place]:
            return max(counts, key=lambda digit: counts[digit])
        offered = sorted(counts.elements())
        return offered[len(offered) // 2]

    def _liking(self, place: int, digit: int) -> int:
        counts = self._counts[place]
        if not self._ordered[place]:
            return counts[digit]
        # as high as the grid is long at an offered value, 0 at the far end
        length = self._space.lengths[place]
        return sum(times * (length - abs(digit - offered)) for offered, times in counts.items())
