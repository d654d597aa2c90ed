"""What a side seems to like, from its answers to whole texts: for a mediator, who sees no brief.

A perceptron with a margin (Rosenblatt 1958; Krauth and Mézard, "Learning algorithms with optimal stability in
neural networks", 1987): a weight for each value of each issue, one for time (a side that asks for more and more
says no more and more), corrected by the answers that it gets most wrong. Whole numbers only, so that every
machine gets the same. On a scale, neighbouring values share their weights.
"""

from collections.abc import Sequence

import numpy as np

from bargaining.agenda import Agenda

_KNOTS = 5
"""How many values of a scale have a weight of their own; those between them share both."""
_OPTIONS = 32
"""How many options of one issue are told apart."""
_WHOLE = 4
"""What a feature counts that is fully there."""
_LATE = 32
"""What time counts at the end."""
_MARGIN = 16
_CORRECTIONS = 12
"""How many of the worst mistakes are corrected after each answer."""


class Taste:
    """An estimate of how much one side likes a text, learned from yes and no."""

    def __init__(self, agenda: Agenda) -> None:
        self._lengths = agenda.space.lengths
        self._rounds = agenda.rounds
        self._ordered = [issue.ordered for issue in agenda.issues]
        knots = [
            min(length, _KNOTS if ordered else _OPTIONS)
            for length, ordered in zip(self._lengths, self._ordered, strict=True)
        ]
        self._starts = [sum(knots[:place]) for place in range(len(knots))]
        self._knots = knots
        size = sum(knots) + 2
        self._seen = np.zeros((self._rounds, size), dtype=np.int64)
        self._said = np.zeros(self._rounds, dtype=np.int64)
        self._count = 0
        self._weights = np.zeros(size, dtype=np.int64)
        self._known: list[int] = [0] * size
        self.scale = 1
        """The size of the weights: what makes the scores of two sides comparable."""
        self._parts: list[dict[int, int]] = [{} for _ in knots]

    def learn(self, digits: Sequence[int], round: int, *, liked: bool) -> None:  # noqa: A002  # as the ballot calls it
        """Take in the answer to the text at these positions."""
        row = self._seen[self._count]
        for place, digit in enumerate(digits):
            for knot, share in self._features(place, digit):
                row[knot] += share
        row[-2:] = _WHOLE, _LATE * round // self._rounds
        self._said[self._count] = 1 if liked else -1
        self._count += 1
        seen, said = self._seen[: self._count], self._said[: self._count]
        margins = said * (seen @ self._weights)
        for _ in range(_CORRECTIONS):
            worst = int(margins.argmin())
            if margins[worst] > _MARGIN:
                break
            step = said[worst] * seen[worst]
            self._weights += step
            margins += said * (seen @ step)
        self._known = [int(weight) for weight in self._weights]
        self.scale = sum(abs(weight) for weight in self._known[:-2]) or 1
        self._parts = [{} for _ in self._parts]

    def score(self, digits: Sequence[int]) -> int:
        """How much the side seems to like the text at these positions, on a scale of its own."""
        total = 0
        for place, (parts, digit) in enumerate(zip(self._parts, digits, strict=True)):
            if digit not in parts:
                parts[digit] = sum(self._known[knot] * share for knot, share in self._features(place, digit))
            total += parts[digit]
        return total

    def _features(self, place: int, digit: int) -> tuple[tuple[int, int], ...]:
        start, knots, length = self._starts[place], self._knots[place], self._lengths[place]
        if not self._ordered[place] or length <= knots:
            return ((start + digit * knots // length, _WHOLE),)
        knot, beyond = divmod(digit * (knots - 1) * _WHOLE // (length - 1), _WHOLE)
        return ((start + knot, _WHOLE - beyond), (start + min(knot + 1, knots - 1), beyond))
