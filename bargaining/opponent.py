"""What the other side seems to want, from what it offered and what it refused.

Covered: a frequency model (HardHeaded: van Krimpen, Looije and Hajizadeh, in *Complex Automated Negotiations*,
2013; surveyed by Baarslag et al., *JAAMAS* 30, 2016): the first offer is what it likes best, values offered
often and early are liked, and issues in which it stays matter. On a scale a value is liked the less, the
farther it is from the first one. Then a perceptron with a fixed number of passes corrects the estimate until
it fits a side that concedes: each of its offers is worth no less to it than the one after, and more than the
offer of ours that it refused in the same turn (it would accept what is as good as its own next offer). The
second rule is our addition; it is what finds out about values that the other mandate forbids.
Not covered: lies, and issues whose worth depends on one another.

Whole numbers only, and none can exceed 64 bits: the same offers give the same estimate on every machine.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bargaining.agenda import Agenda
from bargaining.issue import CategoricalIssue, IntegerIssue
from bargaining.move import Offer
from bargaining.outcome import Outcome
from bargaining.table import Entry, View

_WHOLE = 10**6
"""The weights of all issues together; also the liking for the best value of an issue."""
_STEP = _WHOLE // 20
"""How far one pass moves the weights; the rules that are broken share it."""
_PASSES = 20
_MARGIN = _WHOLE * _WHOLE * 2 // 5
"""How much better its own offer must be than what it refused. Large, so that what was refused is not repeated."""
_TOLERANCE = _WHOLE * _WHOLE // 10
"""How much worse than the one after an offer may seem: a first offer may have been any of several equals."""
_PATIENCE = 3
"""Every issue weighs as if its first value had been kept so many times more."""
_TABLED = 1000
"""How near they are to the first offer is kept for all values of scales up to this length."""
_RECENT = 64
"""The first offer and so many of the latest are looked at."""


class OpponentModel:
    """An estimate of what outcomes are worth to the other side. Before its first offer it knows nothing."""

    def __init__(self, agenda: Agenda) -> None:
        self._space = agenda.space
        self._scaled = [
            # two values are no scale: there is nothing between them
            (isinstance(issue, IntegerIssue) or (isinstance(issue, CategoricalIssue) and issue.ordered))
            and len(issue.values) > 2
            for issue in agenda.space.issues.values()
        ]
        self._role = ""
        self._entries: tuple[Entry, ...] = ()
        self._offers: list[tuple[int, ...]] = []
        self._refused: list[tuple[int, ...] | None] = []
        self._weights: list[NDArray[np.int64]] | None = None
        self._extremes: tuple[int, int] | None = None
        self._tables: dict[int, NDArray[np.int64]] = {}

    @property
    def knows(self) -> bool:
        """Whether the other side has made an offer yet."""
        return bool(self._offers)

    def read(self, view: View) -> None:
        """Take in what has happened at the table since the last time."""
        entries, known = view.table.entries, len(self._entries)
        if view.role != self._role or entries[:known] != self._entries:
            self._role, self._entries, known = view.role, (), 0
            self._offers, self._refused, self._weights, self._extremes = [], [], None, None
            self._tables = {}
        for number in range(known, len(entries)):
            move = entries[number].move
            if entries[number].role == self._role or not isinstance(move, Offer):
                continue
            before = entries[number - 1].move if number else None
            self._offers.append(self._space.digits_of(move.outcome))
            self._refused.append(self._space.digits_of(before.outcome) if isinstance(before, Offer) else None)
            self._weights = self._extremes = None
        self._entries = entries

    def likings(self, place: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """How much the other side likes these positions of an issue; for all issues together, add them up."""
        if self._weights is None:
            self._weights = self._fit()
        weights = self._weights[place]
        return weights[0] * self._nearness(place, positions) if self._scaled[place] else weights[positions]

    def liked(self, rows: Sequence[Sequence[int]] | NDArray[np.int64]) -> NDArray[np.int64]:
        """How much the other side likes outcomes, each given by a row of positions."""
        columns = np.asarray(rows, dtype=np.int64).T
        return sum(
            (self.likings(place, column) for place, column in enumerate(columns)),
            start=np.zeros(len(rows), dtype=np.int64),
        )

    def estimates(self, outcomes: Sequence[Outcome]) -> list[Fraction]:
        """How much the other side likes some outcomes: 1 for what it likes best, 0 for what it likes least."""
        if not self.knows:
            return [Fraction(0)] * len(outcomes)
        scores = self.liked([self._space.digits_of(outcome) for outcome in outcomes]).tolist()
        if self._extremes is None:
            self._extremes = self._find_extremes()
        least, most = self._extremes
        return [Fraction(score - least, most - least) if most > least else Fraction(1) for score in scores]

    def _find_extremes(self) -> tuple[int, int]:
        """How much the other side likes the outcome that it likes least, and the one that it likes best."""
        least = most = 0
        for place, length in enumerate(self._space.lengths):
            # on a scale the extremes are at the first offer and at the ends
            ends = [0, length - 1, self._offers[0][place]]
            found = self.likings(place, np.array(ends if self._scaled[place] else range(length)))
            least, most = least + int(found.min()), most + int(found.max())
        return least, most

    def _nearness(self, place: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """How near positions on a scale are to the first offer: 0 at the far end."""
        length = self._space.lengths[place]
        if length > _TABLED:
            return self._near(place, positions)
        if place not in self._tables:
            self._tables[place] = self._near(place, np.arange(length))
        return self._tables[place][positions]

    def _near(self, place: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        first, length = self._offers[0][place], self._space.lengths[place]
        far = max(first, length - 1 - first)
        near = far - np.abs(positions - first)
        if far < 2**40:
            return near * _WHOLE // far
        return (near.astype(object) * _WHOLE // far).astype(np.int64)

    def _fit(self) -> list[NDArray[np.int64]]:
        """For each issue its weight, on a scale; else what each of its values is worth."""
        latest = slice(max(1, len(self._offers) - _RECENT), None)
        offers = [self._offers[0], *self._offers[latest]]
        refused = [self._refused[0], *self._refused[latest]]
        answered = [(theirs, ours) for theirs, ours in zip(offers, refused, strict=True) if ours is not None]
        shape = (-1, len(self._scaled))
        history = np.array(offers, dtype=np.int64)
        better = np.array([*offers[:-1], *(theirs for theirs, _ in answered)], dtype=np.int64).reshape(shape)
        worse = np.array([*offers[1:], *(ours for _, ours in answered)], dtype=np.int64).reshape(shape)
        margins = np.array([-_TOLERANCE] * (len(offers) - 1) + [_MARGIN] * len(answered), dtype=np.int64)
        kept = _PATIENCE + (history == history[0]).sum(axis=0)
        importance = kept * _WHOLE // kept.sum()
        # concessions say less than wishes: each offer counts for less than the one before it
        fading = 10 * _WHOLE // (10 + 3 * np.arange(len(offers)))
        rules, weights, columns = [], [], []
        for place, is_scaled in enumerate(self._scaled):
            if is_scaled:
                near, far = self._nearness(place, better[:, place]), self._nearness(place, worse[:, place])
                rules.append((near - far)[:, None])
                weights.append(importance[place : place + 1])
                columns.append(np.zeros(1, dtype=np.int64))
            else:
                # not `np.unique`: it loads a part of numpy when it is first called, and a closed box can load nothing
                seen = np.array(sorted({*history[:, place].tolist(), *worse[:, place].tolist()}))
                counts = fading @ (history[:, place, None] == seen)
                rules.append(
                    _WHOLE * _difference(better[:, place, None] == seen, worse[:, place, None] == seen)
                )
                weights.append(importance[place] * counts // counts.max())
                columns.append(seen)
        fitted = _corrected(np.concatenate(weights), np.concatenate(rules, axis=1), margins)
        parts = np.split(fitted, np.cumsum([len(column) for column in columns])[:-1])
        return [
            part if is_scaled else _spread(part, column, length)
            for part, column, is_scaled, length in zip(
                parts, columns, self._scaled, self._space.lengths, strict=True
            )
        ]


def _difference(yes: NDArray[np.bool_], no: NDArray[np.bool_]) -> NDArray[np.int64]:
    return yes.astype(np.int64) - no.astype(np.int64)


def _corrected(
    weights: NDArray[np.int64], rules: NDArray[np.int64], margins: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Weights that break fewer of the rules: each row of `rules`, weighed, should reach its margin."""
    telling = rules.any(axis=1)
    rules, margins = rules[telling], margins[telling]
    for _ in range(_PASSES):
        broken = rules @ weights < margins
        count = int(np.count_nonzero(broken))
        if not count:
            break
        weights = weights + _STEP * (broken @ rules) // (_WHOLE * count)
    return weights


def _spread(worth: NDArray[np.int64], seen: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """What every value of an issue is worth: nothing, where nobody has said anything about it."""
    table = np.zeros(length, dtype=np.int64)
    table[seen] = worth * _WHOLE
    return table
