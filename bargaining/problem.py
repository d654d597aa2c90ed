"""The bargaining problem: what each outcome is worth to both sides, and what they have if they do not agree.

Covered: two sides, finitely many outcomes, exact payoffs; spaces that can be enumerated.
Not covered: lotteries over outcomes, and problems seen by one side only. Whoever builds one knows both briefs.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bargaining import grid
from bargaining.agenda import Agenda
from bargaining.errors import InvalidInputError
from bargaining.mandate import BoundMandate
from bargaining.outcome import EAGER_SIZE
from bargaining.utility import UtilityFunction

Integers: TypeAlias = NDArray[np.int64] | NDArray[np.object_]
"""Whole numbers: 64 bits where all of them fit, Python's own where they do not. Exact either way."""

_FITS = 2**62
"""Below this, a number, its negative and the sum of two fit into 64 bits."""


class BargainingProblem:
    """Payoffs of two sides and their disagreement point. Immutable; outcomes are known by their index.

    Args:
        payoffs: For each outcome what it is worth to both sides, in multiples of `units`.
        disagreement: What each side has without an agreement. It may be worth less than every outcome, and
            less than 0: it is never clipped, because that would move the solutions.
        units: How much one of a side's payoffs is worth.
        feasible: For each outcome whether it may be agreed. None: all may.

    Raises:
        TypeError: A payoff is not a whole number.
        ValueError: The lengths do not agree, or a unit is not above 0.
    """

    def __init__(
        self,
        payoffs: Sequence[tuple[int, int]] | NDArray[np.generic],
        disagreement: tuple[Fraction, Fraction],
        units: tuple[Fraction | int, Fraction | int] = (1, 1),
        feasible: bytes | Sequence[bool] | NDArray[np.bool_] | None = None,
    ) -> None:
        table = payoffs if isinstance(payoffs, np.ndarray) else np.array(payoffs, dtype=object)
        if table.size == 0:
            table = np.empty((0, 2), dtype=np.int64)
        if table.ndim != 2 or table.shape[1] != 2:
            raise ValueError("expected two payoffs for each outcome")
        self.payoffs = (_column(table[:, 0]), _column(table[:, 1]))
        """What the outcomes are worth to each side, in multiples of `units`, in index order. Read-only."""
        self.size = len(table)
        """How many outcomes there are."""
        self.units = (Fraction(units[0]), Fraction(units[1]))
        """How much one of a side's payoffs is worth."""
        if min(self.units) <= 0:
            raise ValueError("a unit must be above 0")
        self.disagreement = (Fraction(disagreement[0]), Fraction(disagreement[1]))
        """What each side has without an agreement."""
        self.feasible = _mask(feasible, self.size)
        """Which outcomes may be agreed. Read-only."""
        self.feasible_count = int(self.feasible.sum())
        """How many outcomes may be agreed."""

    @classmethod
    def of(
        cls,
        agenda: Agenda,
        utilities: Mapping[str, UtilityFunction],
        mandates: Mapping[str, BoundMandate],
        disagreement: Mapping[str, Fraction] | None = None,
    ) -> "BargainingProblem":
        """The problem that two briefs make of an agenda; what both mandates allow is feasible.

        Args:
            agenda: What is negotiated. Its first role is the first side.
            utilities: By role.
            mandates: By role.
            disagreement: By role. None: a side's reservation value, or where it has none its worst outcome.

        Raises:
            InvalidInputError: The agenda has more than `EAGER_SIZE` outcomes.
        """
        if agenda.space.size > EAGER_SIZE:
            raise InvalidInputError(
                f"the agenda has more than {EAGER_SIZE:,} outcomes, too many to compare; choose larger steps"
            )
        first, second = agenda.roles
        everything = grid.full(agenda.space.lengths)
        masks = [np.frombuffer(mandates[role].mask(everything), dtype=np.bool_) for role in agenda.roles]
        columns = [_integers(utilities[role].units()) for role in agenda.roles]
        given = disagreement or {role: _fallback(utilities[role], mandates[role]) for role in agenda.roles}
        return cls(
            np.stack(columns, axis=1),
            (given[first], given[second]),
            (utilities[first].unit, utilities[second].unit),
            masks[0] & masks[1],
        )

    def value(self, index: int) -> tuple[Fraction, Fraction]:
        """What an outcome is worth to each side."""
        first, second = (
            int(column[index]) * unit for column, unit in zip(self.payoffs, self.units, strict=True)
        )
        return first, second

    def points(self, indices: Sequence[int] | None = None) -> NDArray[np.float64]:
        """What outcomes are worth to each side, rounded to floats: to be drawn, never to decide.

        Args:
            indices: Which outcomes. None: all of them, in index order.
        """
        chosen = slice(None) if indices is None else np.array(indices, dtype=np.int64)
        return np.stack(
            [
                column[chosen].astype(np.float64) * float(u)
                for column, u in zip(self.payoffs, self.units, strict=True)
            ],
            axis=1,
        )

    @cached_property
    def rational(self) -> tuple[int, ...]:
        """The individually rational outcomes: feasible, and no worse for either side than no agreement."""
        return tuple(np.flatnonzero(self._rational).tolist())

    @cached_property
    def ideal(self) -> tuple[Fraction, Fraction] | None:
        """The most that each side can get from a rational outcome. None: no outcome is rational."""
        if not self._rational.any():
            return None
        first, second = (
            int(column[self._rational].max()) * unit
            for column, unit in zip(self.payoffs, self.units, strict=True)
        )
        return first, second

    @cached_property
    def frontier(self) -> tuple[int, ...]:
        """The efficient outcomes; see `bargaining.solution.frontier`."""
        where = np.flatnonzero(self.feasible)
        first, second = (column[where] for column in self.payoffs)
        if object in (first.dtype, second.dtype):
            return tuple(int(where[place]) for place in _sweep(first.tolist(), second.tolist()))
        # sorted by the first side's payoff, then the second's, both falling, then by index
        order = np.lexsort((-second, -first))
        falling = second[order]
        best = np.maximum.accumulate(falling)
        better = np.ones(len(falling), dtype=np.bool_)
        better[1:] = falling[1:] > best[:-1]
        return tuple(where[order[better]].tolist())

    @cached_property
    def _rational(self) -> NDArray[np.bool_]:
        mask = self.feasible
        for column, unit, point in zip(self.payoffs, self.units, self.disagreement, strict=True):
            mask = mask & (column >= ceil(point / unit)).astype(np.bool_)
        return mask


def _sweep(first: Sequence[int], second: Sequence[int]) -> Iterable[int]:
    """The places of the efficient pairs, in plain Python: the first payoff falls, the second must rise."""
    most: int | None = None
    for place in sorted(range(len(first)), key=lambda i: (-first[i], -second[i], i)):
        if most is None or second[place] > most:
            most = second[place]
            yield place


def _integers(numbers: Sequence[int]) -> Integers:
    """Python's whole numbers in the narrowest array that holds them exactly."""
    fits = all(-_FITS < number < _FITS for number in numbers)
    return np.array(numbers, dtype=np.int64) if fits else np.array(numbers, dtype=object)


def _column(numbers: NDArray[np.generic]) -> Integers:
    if np.issubdtype(numbers.dtype, np.signedinteger):
        column: Integers = numbers.astype(np.int64)
        if len(column) and not -_FITS < column.min() <= column.max() < _FITS:
            column = column.astype(object)
    else:
        given = numbers.tolist()
        # numpy would round a float or a long integer without a word
        if not all(type(number) is int for number in given):
            raise TypeError("payoffs are whole numbers; give the size of a unit in units")
        column = _integers(given)
    column.flags.writeable = False
    return column


def _mask(feasible: bytes | Sequence[bool] | NDArray[np.bool_] | None, size: int) -> NDArray[np.bool_]:
    if feasible is None:
        mask = np.ones(size, dtype=np.bool_)
    elif isinstance(feasible, bytes):
        mask = np.frombuffer(feasible, dtype=np.uint8) != 0
    else:
        mask = np.array(feasible, dtype=np.bool_)
    if mask.shape != (size,):
        raise ValueError("expected one mark for each outcome")
    mask.flags.writeable = False
    return mask


def _fallback(utility: UtilityFunction, mandate: BoundMandate) -> Fraction:
    return utility.worst if mandate.reservation is None else mandate.reservation
