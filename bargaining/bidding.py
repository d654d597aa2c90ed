"""Bidding: which of the outcomes that a mandate allows to offer at a given level of own utility.

Spaces up to `EAGER_SIZE` are enumerated once. For larger ones a pool stands in for the space: the best allowed
outcome, random walks from it by single changes, and random outcomes. There the ceiling is exact wherever the
mandate can tell its best outcome, and the floor is the lowest in the pool.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil
from random import Random

from bargaining import grid
from bargaining.agenda import Agenda
from bargaining.errors import InvalidInputError
from bargaining.mandate import BoundMandate
from bargaining.opponent import FrequencyModel
from bargaining.outcome import EAGER_SIZE, Outcome
from bargaining.utility import UtilityFunction

_BAND = Fraction(1, 20)
"""Outcomes up to this share of the range from floor to ceiling above the level are compared: a concession is one
by the own utility, even where the model of the other side is wrong."""
_WINDOW = 4000
"""At most so many of them are compared. Keeps a call well below 50 ms."""
_CLIMB = 2000
"""How many neighbours are looked at while climbing from the best of the window."""
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
        self._agenda, self._space = agenda, agenda.space
        self._utility, self._mandate = utility, mandate
        # One integer for each allowed outcome, ordered by utility and then by falling index
        size = self._space.size
        if size <= EAGER_SIZE:
            mask, worth = mandate.mask(grid.full(self._space.lengths)), utility.units()
            self._keys = sorted(worth[i] * size + (size - 1 - i) for i in range(size) if mask[i])
        else:
            found = {self._space.index_at(digits): digits for digits in self._pool(Random(seed))}  # noqa: S311
            self._keys = sorted(utility.units_at(d) * size + (size - 1 - i) for i, d in found.items())
        if not self._keys:
            raise InvalidInputError(
                "no outcome that the mandate allows was found; loosen it or make the grids coarser"
            )

    def __len__(self) -> int:
        """How many allowed outcomes there are to choose from."""
        return len(self._keys)

    @property
    def best(self) -> Outcome:
        """The allowed outcome worth most."""
        return self.ranked(0)

    @property
    def ceiling(self) -> Fraction:
        """The highest utility of an allowed outcome."""
        return self._keys[-1] // self._space.size * self._utility.unit

    @property
    def floor(self) -> Fraction:
        """The lowest utility of an allowed outcome."""
        return self._keys[0] // self._space.size * self._utility.unit

    def ranked(self, rank: int) -> Outcome:
        """The allowed outcome at a rank by utility: 0 is the best.

        Raises:
            IndexError: There are not so many.
        """
        if not 0 <= rank < len(self._keys):
            raise IndexError("no outcome of this rank")
        return self._space.at(self._index(self._keys[-1 - rank]))

    def candidates(
        self,
        level: Fraction,
        count: int,
        opponent: FrequencyModel | None = None,
        toward: Outcome | None = None,
    ) -> tuple[Outcome, ...]:
        """Allowed outcomes worth at least `level`, the most promising first.

        Args:
            level: The least own utility.
            count: At most so many; fewer if there are no more.
            opponent: If given, what it likes best goes first.
            toward: If given and `opponent` is not, what is most similar goes first.
        """
        least, size = ceil(level / self._utility.unit), self._space.size
        start = bisect_left(self._keys, least * size)
        if start == len(self._keys):
            return ()
        # the band starts at an outcome that exists, and outcomes of equal worth stay together
        enough = self._keys[min(start + count, len(self._keys)) - 1] // size
        band = int(_BAND * (self.ceiling - self.floor) / self._utility.unit)
        most = max(self._keys[start] // size + band, enough)
        end = bisect_left(self._keys, (most + 1) * size)
        window = [divmod(key, self._space.size) for key in self._keys[start : min(end, start + _WINDOW)]]
        found = [(units, self._space.size - 1 - rest) for units, rest in window]
        found.sort()
        if opponent is None and toward is not None:
            # one observation makes every issue count the same: what scores high is similar
            opponent = FrequencyModel(self._agenda)
            opponent.observe(toward)
        if opponent is None:
            return tuple(self._space.at(index) for _, index in found[:count])
        ranked = [(-opponent.score(self._space.digits(index)), -units, index) for units, index in found]
        summit = self._climb(min(ranked), least, most, opponent)
        chosen = sorted({*ranked, summit})[:count]
        return tuple(self._space.at(index) for _, _, index in chosen)

    def _index(self, key: int) -> int:
        return self._space.size - 1 - key % self._space.size

    def _climb(
        self, start: tuple[int, int, int], least: int, most: int, opponent: FrequencyModel
    ) -> tuple[int, int, int]:
        """Improve an outcome for the opponent by single changes that keep it allowed and in the band."""
        at, looked = start, 0
        while looked < _CLIMB:
            nearby = []
            for digits in self._neighbours(self._space.digits(at[2])):
                looked += 1
                score = -opponent.score(digits)
                if score <= at[0] and least <= (units := self._utility.units_at(digits)) <= most:
                    rank = (score, -units, self._space.index_at(digits))
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

    def _pool(self, random: Random) -> Iterator[tuple[int, ...]]:
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
