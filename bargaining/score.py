"""What the values of one issue are worth: a table of scores, or a line through points. Exact."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from math import lcm


class Table:
    """A score for each position."""

    def __init__(self, scores: Sequence[Fraction]) -> None:
        self.denominator = lcm(*(score.denominator for score in scores))
        """Times this, every score is a whole number."""
        self._scores = [int(score * self.denominator) for score in scores]

    def units(self, digit: int, scale: int) -> int:
        """The score at a position, times `scale`: a multiple of `denominator`."""
        return self._scores[digit] * (scale // self.denominator)

    def turns(self, cell: range) -> Iterable[int]:
        """Positions among which the highest and the lowest score of the cell are."""
        return cell


class Line:
    """Straight lines between points over a grid that starts at `minimum` and goes up by `step`."""

    def __init__(self, points: Mapping[int, Fraction], minimum: int, step: int) -> None:
        self._minimum, self._step = minimum, step
        self._knots = sorted(points)
        pieces = [
            ((points[right] - points[left]) / (right - left), left, points[left])
            for left, right in pairwise(self._knots)
        ] or [(Fraction(0), self._knots[0], points[self._knots[0]])]
        lines = [(slope, height - slope * start) for slope, start, height in pieces]
        self.denominator = lcm(*(number.denominator for line in lines for number in line))
        """Times this, every score on the grid is a whole number."""
        self._lines = [(int(a * self.denominator), int(b * self.denominator)) for a, b in lines]

    def units(self, digit: int, scale: int) -> int:
        """The score at a position, times `scale`: a multiple of `denominator`."""
        x = self._minimum + digit * self._step
        piece = min(max(bisect_right(self._knots, x) - 1, 0), len(self._lines) - 1)
        slope, height = self._lines[piece]
        return (slope * x + height) * (scale // self.denominator)

    def turns(self, cell: range) -> Iterable[int]:
        """Positions among which the highest and the lowest score of the cell are: its ends and the knots."""
        found = {cell[0], cell[-1]}
        for knot in self._knots:
            below = (knot - self._minimum) // self._step
            found |= {digit for digit in (below, below + 1) if digit in cell}
        return sorted(found)
