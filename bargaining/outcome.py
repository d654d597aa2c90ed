"""Outcomes and the outcome space: every way in which the issues can be settled together."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from bargaining.errors import InvalidOutcomeError
from bargaining.issue import BooleanIssue, CategoricalIssue, IntegerIssue, Value, index_of

EAGER_SIZE = 10**6
"""Spaces up to this size may be enumerated whole; larger ones only lazily or by index."""


class Outcome(Mapping[str, Value]):
    """One value for every issue: immutable, hashable, in the agenda's order. Made by an `OutcomeSpace`."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = dict(values)

    def __getitem__(self, issue: str) -> Value:
        return self._values[issue]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        # bool is an int in Python: without the types, {flag: True} would equal {flag: 1}
        return isinstance(other, Outcome) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Outcome({self._values!r})"

    def _key(self) -> tuple[tuple[str, type, Value], ...]:
        return tuple(sorted((name, type(value), value) for name, value in self._values.items()))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(
            cls, serialization=core_schema.plain_serializer_function_ser_schema(dict)
        )


class OutcomeSpace:
    """The Cartesian product of the issues, indexed in lexicographic order.

    Nothing is stored but the issues: indexing works at any size.
    """

    def __init__(self, issues: Sequence[CategoricalIssue | IntegerIssue | BooleanIssue]) -> None:
        self.issues = {issue.name: issue for issue in issues}
        self._grid = tuple((issue, issue.values) for issue in issues)
        self.lengths = tuple(len(values) for _, values in self._grid)
        """How many values each issue has."""
        self.size = prod(self.lengths)
        """How many outcomes there are."""

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Outcome]:
        """All outcomes in index order, made one at a time."""
        return (self.at(index) for index in range(self.size))

    def __contains__(self, terms: object) -> bool:
        return isinstance(terms, Mapping) and self._problem(terms) is None

    def at(self, index: int) -> Outcome:
        """The outcome at an index.

        Raises:
            IndexError: The index is not in `range(size)`.
        """
        return Outcome(
            {issue.name: values[i] for (issue, values), i in zip(self._grid, self.digits(index), strict=True)}
        )

    def digits(self, index: int) -> tuple[int, ...]:
        """The position on each issue's grid of the outcome at an index, in the order of the issues."""
        if not 0 <= index < self.size:
            raise IndexError("outcome index out of range")
        found = []
        for _, values in reversed(self._grid):
            index, digit = divmod(index, len(values))
            found.append(digit)
        return tuple(reversed(found))

    def index(self, outcome: Mapping[str, Value]) -> int:
        """The index of an outcome: the inverse of `at`."""
        return self.index_at(self.digits_of(outcome))

    def digits_of(self, outcome: Mapping[str, Value]) -> tuple[int, ...]:
        """The position of each of an outcome's values on its issue's grid, in the order of the issues."""
        digits = []
        for issue, _ in self._grid:
            digit = index_of(issue, outcome.get(issue.name))
            if digit is None:
                raise InvalidOutcomeError(f"no such value for issue '{issue.name}'")
            digits.append(digit)
        return tuple(digits)

    def index_at(self, digits: Sequence[int]) -> int:
        """The index of the outcome at these positions: the inverse of `digits`."""
        index = 0
        for digit, length in zip(digits, self.lengths, strict=True):
            index = index * length + digit
        return index

    def outcome(self, terms: Mapping[str, object]) -> Outcome:
        """Check terms from outside and make them an outcome.

        Raises:
            InvalidOutcomeError: An issue is unknown or missing, or a value is off the grid. The message names
                the issue if it is one of the agenda's and never repeats a value or an unknown name.
        """
        if problem := self._problem(terms):
            raise InvalidOutcomeError(problem)
        values = {}
        for issue, grid in self._grid:
            digit = index_of(issue, terms[issue.name])
            assert digit is not None
            values[issue.name] = grid[digit]
        return Outcome(values)

    def _problem(self, terms: Mapping[str, object]) -> str | None:
        if set(terms) - set(self.issues):
            return "a term that is not an issue of this agenda"
        for issue, _ in self._grid:
            if issue.name not in terms:
                return f"no value for issue '{issue.name}'"
            if index_of(issue, terms[issue.name]) is None:
                return f"no such value for issue '{issue.name}'"
        return None
