"""The mandate: the part of a brief that code checks. What a delegate may agree to, do and spend.

Covered: conditions over the issues, a reservation value, authority to accept and to walk away, limits.
Not covered: what a delegate says. That is the guard's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from math import ceil
from operator import and_
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, StrictBool, StrictInt

from bargaining import grid
from bargaining.agenda import Agenda
from bargaining.condition import Condition, bind, numbers
from bargaining.errors import InvalidInputError
from bargaining.number import Exact
from bargaining.outcome import EAGER_SIZE, Outcome
from bargaining.private import Private
from bargaining.utility import UtilityFunction


def _positive(number: Fraction) -> Fraction:
    if number <= 0:
        raise ValueError("must be more than 0")
    return number


class Authority(Private):
    """What a delegate may do on its own."""

    accept: StrictBool = True
    walk_away: StrictBool = True


class Limits(Private):
    """What a delegate may spend. None: no limit."""

    tokens: StrictInt | None = Field(default=None, gt=0)
    usd: Annotated[Exact, AfterValidator(_positive)] | None = None
    seconds: StrictInt | None = Field(default=None, gt=0)


class Mandate(Private):
    """What a principal allows its delegate. Secret: the other side must not learn it."""

    conditions: tuple[Condition, ...] = Field(default=(), max_length=1000)
    """Every one must hold."""
    reservation_value: Exact | None = None
    """No outcome worth less than this, before any discount, is allowed. It needs preferences."""
    authority: Authority = Authority()
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Allowed:
    """The mandate allows the outcome."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The mandate forbids the outcome."""

    reason: str = field(repr=False)
    """For the mandate's owner only: it may hold the owner's values."""


Verdict: TypeAlias = Allowed | Denied


class BoundMandate:
    """A mandate bound to an agenda and to its owner's utility function, if there is one.

    Whether any outcome is allowed is decided exactly, jointly for conditions and reservation value, wherever
    the conditions and combinations cut the space into at most `EAGER_SIZE` cells: always for spaces up to
    that size, and nearly always beyond. Where they cut it finer, an impossible mandate is not noticed.

    Raises:
        InvalidInputError: The mandate does not fit the agenda, or allows no outcome at all.
    """

    def __init__(self, mandate: Mandate, agenda: Agenda, utility: UtilityFunction | None) -> None:
        if mandate.reservation_value is not None and utility is None:
            raise InvalidInputError("a reservation value needs preferences to measure it by; add preferences")
        self.mandate = mandate
        self.reservation = mandate.reservation_value
        """The least that an allowed outcome is worth, if that is limited."""
        self._space = agenda.space
        self.utility = utility
        """Its owner's utility function, if there are preferences."""
        self._rules = tuple(bind(condition, agenda) for condition in mandate.conditions)
        self._least: int | None = None
        if self.reservation is not None and utility is not None:
            self._least = ceil(self.reservation / utility.unit)
        self.best = self._find_best()
        """An allowed outcome: if there are preferences, the one worth most. None: too large to tell."""

    def allows(self, outcome: Outcome) -> Verdict:
        """Whether the delegate may agree to an outcome. Utility counts before any discount."""
        if outcome not in self._space:
            return Denied("these terms are not an outcome of the agenda")
        digits = self._space.digits_of(outcome)
        reasons = [reason for rule in self._rules for reason in rule.failures(digits)]
        if not self._worth_enough(digits):
            reasons.append("it is worth less than the reservation value")
        return Denied("; ".join(dict.fromkeys(reasons))) if reasons else Allowed()

    def holds(self, digits: Sequence[int]) -> bool:
        """Whether the outcome at these positions is allowed: `allows`, faster and without a reason."""
        return all(rule.holds(digits) for rule in self._rules) and self._worth_enough(digits)

    def mask(self, positions: grid.Grid) -> bytes:
        """For each outcome on a grid, in lexicographic order, 1 if it is allowed and 0 if not."""
        everywhere = int.from_bytes(b"\1" * grid.size(positions))
        held = reduce(and_, (rule.mask(positions) for rule in self._rules), everywhere)
        mask = held.to_bytes(grid.size(positions))
        if self._least is None or self.utility is None:
            return mask
        least = self._least
        worth = self.utility.units_on(positions)
        return bytes(bit and units >= least for bit, units in zip(mask, worth, strict=True))

    def describe(self) -> tuple[str, ...]:
        """Each condition in words, for the owner only. The reservation value is not among them."""
        return tuple(rule.text for rule in self._rules)

    def secret_numbers(self, agenda: Agenda) -> frozenset[Fraction]:
        """The numbers that would give the mandate away.

        Args:
            agenda: Numbers outside the grids of its integer issues are left out: they say nothing.
        """
        found = {Fraction(n) for condition in self.mandate.conditions for n in numbers(condition, agenda)}
        return frozenset(found if self.reservation is None else {*found, self.reservation})

    def _worth_enough(self, digits: Sequence[int]) -> bool:
        return self._least is None or self.utility is None or self.utility.units_at(digits) >= self._least

    def _find_best(self) -> Outcome | None:
        marks: list[set[int]] = [set() for _ in self._space.lengths]
        for rule in self._rules:
            rule.cut(marks)
        if self.utility is None:
            cells = zip(self._space.lengths, marks, strict=True)
            peaks: grid.Grid = tuple([cell[0] for cell in grid.cells(length, mark)] for length, mark in cells)
        else:
            peaks = self.utility.peaks(marks)
        if grid.size(peaks) > EAGER_SIZE:
            return None
        mask = self.mask(peaks)
        allowed = [index for index, bit in enumerate(mask) if bit]
        if not allowed:
            raise InvalidInputError(
                "the mandate allows no outcome at all: its conditions and its reservation value contradict"
                " each other or the agenda; loosen one"
            )
        worth = self.utility.units_on(peaks) if self.utility else [0] * len(mask)
        index = max(allowed, key=lambda i: (worth[i], -i))
        digits: list[int] = []
        for positions in reversed(peaks):
            index, step = divmod(index, len(positions))
            digits.append(positions[step])
        return self._space.at(self._space.index_at(digits[::-1]))
