"""Bidding: which of the outcomes that a mandate allows to offer at a given level of own utility.

Spaces up to `EAGER_SIZE` are enumerated once. For larger ones a pool stands in for the space: the best allowed
outcome, random walks from it by single changes, and random outcomes. There the ceiling is exact wherever the
mandate can tell its best outcome, and the floor is the lowest in the pool.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from math import ceil
from random import Random
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bargaining import grid
from bargaining.agenda import Agenda
from bargaining.errors import InvalidInputError
from bargaining.mandate import BoundMandate
from bargaining.opponent import OpponentModel
from bargaining.outcome import EAGER_SIZE, Outcome
from bargaining.utility import UtilityFunction

_Numbers: TypeAlias = NDArray[np.int32] | NDArray[np.int64] | NDArray[np.object_]
"""Whole numbers, exact: in the narrowest form that holds them all. Many negotiations run at once."""

_CLIMB = 2000
"""In a large space: how many neighbours are looked at while climbing from the best of the pool."""
_NEAR = 32
"""How many values of one issue a single change may choose from."""
_WALKS, _WALK_STEPS, _DRAWS = 40, 100, 4000
"""The pool for large spaces: random walks, their length, random outcomes."""


class Bidder:
    """Chooses outcomes for one side; never one that its mandate forbids.

    Among equals the lower index goes first: a free choice would be a covert channel.

    Args:
        agenda: What is negotiated.
        utility: The side's own.
        mandate: The side's own.
        seed: Decides which outcomes of a large space are looked at. Small spaces do not use it.

    Raises:
        InvalidInputError: No allowed outcome was found in a large space.
    """

    def __init__(
        self, agenda: Agenda, utility: UtilityFunction, mandate: BoundMandate, seed: int = 0
    ) -> None:
        self._space, self._utility, self._mandate = agenda.space, utility, mandate
        self._pool: NDArray[np.int64] | None = None
        """In a large space, the positions of the outcomes that are looked at, in the order of `_worth`."""
        self._indices = np.empty(0, dtype=np.int32)
        """In any other, the indices of the allowed outcomes, in the order of `_worth`."""
        if self._space.size <= EAGER_SIZE:
            mask = np.frombuffer(mandate.mask(grid.full(self._space.lengths)), dtype=np.bool_)
            # among equals the lower index goes last: sorting keeps the order of equals
            indices = np.flatnonzero(mask)[::-1]
            worth = _narrowest(utility.units())[indices]
            order = np.argsort(worth, kind="stable")
            self._indices = indices[order].astype(np.int32)
        else:
            found = {self._space.index_at(digits): digits for digits in self._drawn(Random(seed))}  # noqa: S311
            pool = [found[index] for index in sorted(found, reverse=True)]
            worth = _narrowest([utility.units_at(digits) for digits in pool])
            order = np.argsort(worth, kind="stable")
            self._pool = np.array(pool, dtype=np.int64)[order]
        self._worth = worth[order]
        """What the outcomes are worth, in multiples of the utility's unit, rising."""
        if not len(order):
            raise InvalidInputError(
                "no outcome that the mandate allows was found; loosen it or make the grids coarser"
            )

    def __len__(self) -> int:
        """How many allowed outcomes there are to choose from."""
        return len(self._worth)

    @property
    def best(self) -> Outcome:
        """The allowed outcome worth most."""
        return self.ranked(0)

    @property
    def ceiling(self) -> Fraction:
        """The highest utility of an allowed outcome."""
        return int(self._worth[-1]) * self._utility.unit

    @property
    def floor(self) -> Fraction:
        """The lowest utility of an allowed outcome."""
        return int(self._worth[0]) * self._utility.unit

    def count(self, level: Fraction) -> int:
        """How many allowed outcomes are worth at least a level."""
        return len(self) - self._first_worth(level)

    def ranked(self, rank: int) -> Outcome:
        """The allowed outcome at a rank by utility: 0 is the best.

        Raises:
            IndexError: There are not so many.
        """
        if not 0 <= rank < len(self):
            raise IndexError("no outcome of this rank")
        return self._space.at(self._index(len(self) - 1 - rank))

    def candidates(
        self, level: Fraction, count: int, opponent: OpponentModel | None = None
    ) -> tuple[Outcome, ...]:
        """Allowed outcomes worth at least `level`, the most promising first.

        With a model of the other side: what that likes best; of those what is worth most to the own side, so
        that nothing is given away that the other side does not value. Without: what is worth least to the own
        side, since nobody knows what else would help.

        Args:
            level: The least own utility.
            count: At most so many; fewer if there are no more.
            opponent: What is known of the other side.
        """
        start = self._first_worth(level)
        if start == len(self):
            return ()
        if opponent is None or not opponent.knows:
            # outcomes of equal worth stay together
            dearest = self._worth[min(start + count, len(self)) - 1]
            end = int(np.searchsorted(self._worth, dearest, side="right"))
            cheapest = sorted((int(self._worth[place]), self._index(place)) for place in range(start, end))
            return tuple(self._space.at(index) for _, index in cheapest[:count])
        scores = self._scores(opponent, start)
        # a later place is worth more, or as much with a lower index
        ranked = [
            (-int(scores[place]), -int(self._worth[start + place]), self._index(start + int(place)))
            for place in _highest(scores, count)
        ]
        if self._pool is not None:
            summit = self._climb(min(ranked), ceil(level / self._utility.unit), opponent)
            ranked = list({*ranked, summit})
        return tuple(self._space.at(index) for _, _, index in sorted(ranked)[:count])

    def _index(self, place: int) -> int:
        """The index in the space of the outcome at a place."""
        if self._pool is None:
            return int(self._indices[place])
        return self._space.index_at(self._pool[place].tolist())

    def _first_worth(self, level: Fraction) -> int:
        """The first place whose outcome is worth a level."""
        least = ceil(level / self._utility.unit)
        if least <= self._worth[0]:
            return 0
        # compared before it is searched for: only a number between the two is sure to fit
        return (
            len(self)
            if least > self._worth[-1]
            else int(np.searchsorted(self._worth, np.array(least, self._worth.dtype)))
        )

    def _scores(self, opponent: OpponentModel, start: int) -> NDArray[np.int64]:
        """How much the other side likes the outcomes from a place on."""
        if self._pool is not None:
            return opponent.liked(self._pool[start:])
        total = np.zeros(1, dtype=np.int64)
        for place, length in enumerate(self._space.lengths):
            total = np.add.outer(total, opponent.likings(place, np.arange(length))).ravel()
        return total[self._indices[start:]]

    def _climb(
        self, start: tuple[int, int, int], least: int, opponent: OpponentModel
    ) -> tuple[int, int, int]:
        """Improve an outcome for the opponent by single changes that keep it allowed and worth the level."""
        at, looked = start, 0
        while looked < _CLIMB:
            around = np.array(list(self._neighbours(self._space.digits(at[2]))), dtype=np.int64)
            looked += len(around)
            scores = opponent.liked(around)
            nearby = []
            for place in np.flatnonzero(scores >= -at[0]).tolist():
                digits = around[place].tolist()
                if (units := self._utility.units_at(digits)) >= least:
                    rank = (-int(scores[place]), -units, self._space.index_at(digits))
                    if rank < at and self._mandate.holds(digits):
                        nearby.append(rank)
            if not nearby:
                break
            at = min(nearby)
        return at

    def _neighbours(self, digits: Sequence[int]) -> Iterator[tuple[int, ...]]:
        for place, length in enumerate(self._space.lengths):
            here = digits[place]
            spread = (
                {step * (length - 1) // (_NEAR - 1) for step in range(_NEAR)}
                if length > _NEAR
                else range(length)
            )
            for digit in sorted({*spread, max(here - 1, 0), min(here + 1, length - 1)} - {here}):
                yield (*digits[:place], digit, *digits[place + 1 :])

    def _drawn(self, random: Random) -> Iterator[tuple[int, ...]]:
        """Allowed positions in a large space, some of them twice."""
        lengths = self._space.lengths
        best = self._mandate.best
        starts = [self._space.digits_of(best)] if best is not None else []
        for _ in range(_DRAWS):
            digits = tuple(random.randrange(length) for length in lengths)
            if self._mandate.holds(digits):
                starts.append(digits)
        yield from starts
        for start in starts[:1] * _WALKS:
            at = start
            for _ in range(_WALK_STEPS):
                place = random.randrange(len(lengths))
                moved = (*at[:place], random.randrange(lengths[place]), *at[place + 1 :])
                if self._mandate.holds(moved):
                    at = moved
                    yield at


def _narrowest(numbers: Sequence[int]) -> _Numbers:
    with suppress(OverflowError):
        return np.array(numbers, dtype=np.int32)
    with suppress(OverflowError):
        return np.array(numbers, dtype=np.int64)
    return np.array(numbers, dtype=object)


def _highest(scores: NDArray[np.int64], count: int) -> NDArray[np.intp]:
    """The places of the highest scores; of equal ones the last."""
    if count >= len(scores):
        return np.arange(len(scores))
    edge = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > edge)
    return np.concatenate([above, np.flatnonzero(scores == edge)[len(above) - count :]])
