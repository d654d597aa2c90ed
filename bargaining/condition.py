"""Conditions: statements about an outcome that are true or false, written by a principal and checked by code.

A condition is written as a mapping with one key, such as `{at_least: {price: 9500}}` or `{not: {is: {...}}}`.
Several issues in one `at_least`, `at_most`, `is` or `one_of` mean all of them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import and_, or_
from typing import Annotated, Any, Protocol, TypeAlias, Union, assert_never

from pydantic import Discriminator, Field, StrictInt, Tag

from bargaining.agenda import Agenda
from bargaining.errors import InvalidInputError
from bargaining.grid import Grid, size
from bargaining.issue import IntegerIssue, Value, index_of
from bargaining.private import Private


class AtLeast(Private):
    """An integer issue is settled at or above a number."""

    at_least: dict[str, StrictInt] = Field(min_length=1)


class AtMost(Private):
    """An integer issue is settled at or below a number."""

    at_most: dict[str, StrictInt] = Field(min_length=1)


class Is(Private):
    """An issue is settled on one value."""

    is_: dict[str, Value] = Field(alias="is", min_length=1)


class OneOf(Private):
    """An issue is settled on one of several values."""

    one_of: dict[str, Annotated[tuple[Value, ...], Field(min_length=1)]] = Field(min_length=1)


class All(Private):
    """Every part holds."""

    all_: tuple["Condition", ...] = Field(alias="all", min_length=1)


class AnyOf(Private):
    """At least one part holds."""

    any_: tuple["Condition", ...] = Field(alias="any", min_length=1)


class Not(Private):
    """The part does not hold."""

    not_: "Condition" = Field(alias="not")


_KINDS: dict[str, type[Private]] = {
    "at_least": AtLeast, "at_most": AtMost, "is": Is, "one_of": OneOf, "all": All, "any": AnyOf, "not": Not,
}  # fmt: skip


def _kind(data: Any) -> str | None:
    if isinstance(data, Private):
        return next((f"<{name}>" for name, kind in _KINDS.items() if isinstance(data, kind)), None)
    found = [name for name in _KINDS if isinstance(data, dict) and name in data]
    return f"<{found[0]}>" if len(found) == 1 else None


Condition: TypeAlias = Annotated[
    Union[  # noqa: UP007  # forward references
        Annotated[AtLeast, Tag("<at_least>")],
        Annotated[AtMost, Tag("<at_most>")],
        Annotated[Is, Tag("<is>")],
        Annotated[OneOf, Tag("<one_of>")],
        Annotated[All, Tag("<all>")],
        Annotated[AnyOf, Tag("<any>")],
        Annotated[Not, Tag("<not>")],
    ],
    Discriminator(
        _kind,
        custom_error_type="condition",
        custom_error_message="expected exactly one of at_least, at_most, is, one_of, all, any, not",
    ),
]

for _model in (All, AnyOf, Not):
    _model.model_rebuild()


class Rule(Protocol):
    """A condition bound to an agenda: it looks at positions on the issues' grids."""

    @property
    def text(self) -> str:
        """The condition in words, with the principal's own values: for its owner only."""
        ...

    def holds(self, digits: Sequence[int]) -> bool:
        """Whether it is true of the outcome at these positions."""
        ...

    def mask(self, grid: Grid) -> int:
        """Where on a grid it is true: byte 1 or 0 for each outcome, in order, as one big integer."""
        ...

    def cut(self, marks: Sequence[set[int]]) -> None:
        """Add for each issue the positions in front of which the answer may change."""
        ...

    def failures(self, digits: Sequence[int]) -> list[str]:
        """The smallest parts that are false here, in words; empty if it holds."""
        ...


@dataclass(frozen=True, slots=True)
class _Among:
    """One issue's position is among some."""

    text: str = field(repr=False)
    place: int
    allowed: Collection[int] = field(repr=False)

    def holds(self, digits: Sequence[int]) -> bool:
        return digits[self.place] in self.allowed

    def mask(self, grid: Grid) -> int:
        inner, outer = size(grid[self.place + 1 :]), size(grid[: self.place])
        run = (b"\0" * inner, b"\1" * inner)
        return int.from_bytes(b"".join(run[digit in self.allowed] for digit in grid[self.place]) * outer)

    def cut(self, marks: Sequence[set[int]]) -> None:
        if isinstance(self.allowed, range):
            marks[self.place] |= {self.allowed.start, self.allowed.stop}
        else:
            marks[self.place] |= {edge for digit in self.allowed for edge in (digit, digit + 1)}

    def failures(self, digits: Sequence[int]) -> list[str]:
        return [] if self.holds(digits) else [self.text]


@dataclass(frozen=True, slots=True)
class _Every:
    """All parts hold."""

    parts: tuple[Rule, ...] = field(repr=False)

    @property
    def text(self) -> str:
        return " and ".join(_bracketed(part) for part in self.parts)

    def holds(self, digits: Sequence[int]) -> bool:
        return all(part.holds(digits) for part in self.parts)

    def mask(self, grid: Grid) -> int:
        return reduce(and_, (part.mask(grid) for part in self.parts))

    def cut(self, marks: Sequence[set[int]]) -> None:
        for part in self.parts:
            part.cut(marks)

    def failures(self, digits: Sequence[int]) -> list[str]:
        return [text for part in self.parts for text in part.failures(digits)]


@dataclass(frozen=True, slots=True)
class _Some:
    """At least one part holds."""

    parts: tuple[Rule, ...] = field(repr=False)

    @property
    def text(self) -> str:
        return " or ".join(_bracketed(part) for part in self.parts)

    def holds(self, digits: Sequence[int]) -> bool:
        return any(part.holds(digits) for part in self.parts)

    def mask(self, grid: Grid) -> int:
        return reduce(or_, (part.mask(grid) for part in self.parts))

    def cut(self, marks: Sequence[set[int]]) -> None:
        for part in self.parts:
            part.cut(marks)

    def failures(self, digits: Sequence[int]) -> list[str]:
        return [] if self.holds(digits) else [self.text]


@dataclass(frozen=True, slots=True)
class _Never:
    """The part does not hold."""

    part: Rule = field(repr=False)

    @property
    def text(self) -> str:
        return f"not ({self.part.text})"

    def holds(self, digits: Sequence[int]) -> bool:
        return not self.part.holds(digits)

    def mask(self, grid: Grid) -> int:
        return int.from_bytes(b"\1" * size(grid)) ^ self.part.mask(grid)

    def cut(self, marks: Sequence[set[int]]) -> None:
        self.part.cut(marks)

    def failures(self, digits: Sequence[int]) -> list[str]:
        return [] if self.holds(digits) else [self.text]


def _bracketed(rule: Rule) -> str:
    return f"({rule.text})" if isinstance(rule, _Every | _Some) and len(rule.parts) > 1 else rule.text


def bind(condition: Condition, agenda: Agenda) -> Rule:
    """Check a condition against an agenda.

    Raises:
        InvalidInputError: It does not fit. The message names only the agenda's own issues.
    """
    match condition:
        case AtLeast():
            return _Every(tuple(_bound(agenda, name, limit, 1) for name, limit in condition.at_least.items()))
        case AtMost():
            return _Every(tuple(_bound(agenda, name, limit, -1) for name, limit in condition.at_most.items()))
        case Is():
            return _Every(tuple(_among(agenda, name, (value,)) for name, value in condition.is_.items()))
        case OneOf():
            return _Every(tuple(_among(agenda, name, values) for name, values in condition.one_of.items()))
        case All():
            return _Every(tuple(bind(part, agenda) for part in condition.all_))
        case AnyOf():
            return _Some(tuple(bind(part, agenda) for part in condition.any_))
        case Not():
            return _Never(bind(condition.not_, agenda))
        case _:
            assert_never(condition)


def numbers(condition: Condition, agenda: Agenda) -> set[int]:
    """Every number in a condition that its integer issue can take, or the value that it comes to on the grid."""
    match condition:
        case AtLeast():
            named = [(name, limit) for name, limit in condition.at_least.items()]
        case AtMost():
            named = [(name, limit) for name, limit in condition.at_most.items()]
        case Is():
            named = [(name, v) for name, v in condition.is_.items() if not isinstance(v, str)]
        case OneOf():
            named = [(name, v) for name, vs in condition.one_of.items() for v in vs if not isinstance(v, str)]
        case All():
            return set().union(*(numbers(part, agenda) for part in condition.all_))
        case AnyOf():
            return set().union(*(numbers(part, agenda) for part in condition.any_))
        case Not():
            return numbers(condition.not_, agenda)
        case _:
            assert_never(condition)
    found = set()
    for name, number in named:
        issue = agenda.space.issues.get(name)
        if isinstance(issue, IntegerIssue) and issue.minimum <= number <= issue.maximum:
            off = (int(number) - issue.minimum) % issue.step
            # a limit between two values of the grid is in effect the one that it leaves
            nearest = int(number) - off if isinstance(condition, AtMost) else int(number) + -off % issue.step
            found |= {int(number), nearest}
    return found


def _place(agenda: Agenda, name: str) -> int:
    if name not in agenda.space.issues:
        raise InvalidInputError("a condition names an issue that is not on the agenda; check the spelling")
    return list(agenda.space.issues).index(name)


def _bound(agenda: Agenda, name: str, limit: int, sign: int) -> _Among:
    place = _place(agenda, name)
    issue = agenda.space.issues[name]
    if not isinstance(issue, IntegerIssue):
        raise InvalidInputError(f"issue '{name}' has no order: use is or one_of, not at_least or at_most")
    length = agenda.space.lengths[place]
    if sign > 0:
        first = -((issue.minimum - limit) // issue.step)
        return _Among(f"{name} must be at least {limit}", place, range(min(max(first, 0), length), length))
    last = (limit - issue.minimum) // issue.step
    return _Among(f"{name} must be at most {limit}", place, range(min(max(last + 1, 0), length)))


def _among(agenda: Agenda, name: str, values: Sequence[Value]) -> _Among:
    place = _place(agenda, name)
    digits = [index_of(agenda.space.issues[name], value) for value in values]
    allowed = frozenset(digit for digit in digits if digit is not None)
    if None in digits:
        raise InvalidInputError(f"a condition names a value that issue '{name}' cannot take")
    said = ", ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in values)
    return _Among(f"{name} must be {'one of: ' if len(values) > 1 else ''}{said}", place, allowed)
