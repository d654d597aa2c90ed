"""Utility: how much each outcome is worth to one principal, in exact arithmetic.

Covered: additive preferences (a score for each option, or a line through points over an integer grid, times a
weight), extra value for named combinations, a discount per round.
Not covered: utilities that depend on anything but the outcome and the round.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import lcm
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, StrictInt, Tag

from bargaining import grid, score
from bargaining.agenda import Agenda
from bargaining.errors import InvalidInputError
from bargaining.issue import IntegerIssue, Issue, Value, index_of
from bargaining.number import Exact
from bargaining.outcome import EAGER_SIZE, Outcome
from bargaining.private import Private


def _not_negative(number: Fraction) -> Fraction:
    if number < 0:
        raise ValueError("must not be negative")
    return number


def _share(number: Fraction) -> Fraction:
    if not 0 < number <= 1:
        raise ValueError("must be more than 0 and at most 1")
    return number


class _Weighted(Private):
    weight: Annotated[Exact, AfterValidator(_not_negative)] = Fraction(1)
    """What the issue's scores are multiplied by."""


class Points(_Weighted):
    """Scores along a line through points, for an integer issue."""

    points: dict[StrictInt, Exact] = Field(min_length=1)
    """Value on the grid: score. In between, the line is straight; it must reach both ends of the grid."""


class Scores(_Weighted):
    """A score for every option."""

    scores: dict[Value, Exact] = Field(min_length=1)


def _shape(data: Any) -> str | None:
    if isinstance(data, Points | Scores):
        return "<points>" if isinstance(data, Points) else "<scores>"
    found = [name for name in ("points", "scores") if isinstance(data, dict) and name in data]
    return f"<{found[0]}>" if len(found) == 1 else None


IssuePreferences = Annotated[
    Annotated[Points, Tag("<points>")] | Annotated[Scores, Tag("<scores>")],
    Discriminator(
        _shape,
        custom_error_type="issue_preferences",
        custom_error_message="expected either points or scores, and perhaps a weight",
    ),
]
"""How much the values of one issue are worth."""


class Combination(Private):
    """Extra value, or a loss, when several issues are settled in a certain way together."""

    when: dict[str, Value] = Field(min_length=1)
    value: Exact


class Preferences(Private):
    """How much each outcome is worth to a principal. Secret: the other side must not learn it."""

    issues: dict[str, IssuePreferences] = Field(min_length=1)
    combinations: tuple[Combination, ...] = Field(default=(), max_length=1000)
    discount_per_round: Annotated[Exact, AfterValidator(_share)] = Fraction(1)
    """What is left of an outcome's value after each round: 1 means that time costs nothing."""


class UtilityFunction:
    """Preferences bound to an agenda.

    Raises:
        InvalidInputError: They do not fit the agenda. The message names only the agenda's own issues.
    """

    def __init__(self, preferences: Preferences, agenda: Agenda) -> None:
        issues = agenda.space.issues
        if set(preferences.issues) - set(issues):
            raise InvalidInputError(
                "the preferences name an issue that is not on the agenda; check the spelling"
            )
        if missing := [name for name in issues if name not in preferences.issues]:
            raise InvalidInputError(f"the preferences say nothing about issue '{missing[0]}'; add it")
        self._space = agenda.space
        self._discount = preferences.discount_per_round
        self._parts = tuple(_part(issue, preferences.issues[name]) for name, issue in issues.items())
        self._combinations = tuple(self._bind(combination) for combination in preferences.combinations)
        self.unit = Fraction(
            1,
            lcm(
                *(part.denominator for part in self._parts),
                *(value.denominator for _, value in self._combinations),
            ),
        )
        """Every value is a whole number of these."""
        self._scale = self.unit.denominator
        self._bonuses = tuple((when, int(value * self._scale)) for when, value in self._combinations)
        self.best = self._extreme(1)
        """The highest value of any outcome."""
        self.worst = self._extreme(-1)
        """The lowest value of any outcome."""

    def value(self, outcome: Outcome) -> Fraction:
        """What an outcome is worth, whenever it is agreed."""
        return self.units_at(self._space.digits_of(outcome)) * self.unit

    def discounted(self, outcome: Outcome, round: int) -> Fraction:  # noqa: A002  # as the table calls it
        """What an outcome is worth when it is agreed in a round, counted from 1."""
        return self.value(outcome) * self._discount ** (round - 1)

    def swing(self, issue: str) -> tuple[Value, Value, Fraction]:
        """The best and the worst value of one issue, and how much lies between them, combinations aside."""
        place = list(self._space.issues).index(issue)
        part, values = self._parts[place], self._space.issues[issue].values
        turns = [(part.units(digit, self._scale), -digit) for digit in part.turns(range(len(values)))]
        (most, best), (least, worst) = max(turns), min(turns)
        return values[-best], values[-worst], (most - least) * self.unit

    def units(self) -> list[int]:
        """The value of every outcome in index order, in multiples of `unit`.

        Raises:
            ValueError: The space has more than `EAGER_SIZE` outcomes.
        """
        if self._space.size > EAGER_SIZE:
            raise ValueError("the space is too large to enumerate")
        return self.units_on(grid.full(self._space.lengths))

    def units_at(self, digits: Sequence[int]) -> int:
        """The value of the outcome at these positions, in multiples of `unit`."""
        total = sum(part.units(digit, self._scale) for part, digit in zip(self._parts, digits, strict=True))
        for when, bonus in self._bonuses:
            if all(digits[place] == digit for place, digit in when):
                total += bonus
        return total

    def units_on(self, positions: grid.Grid) -> list[int]:
        """The value of every outcome on a grid, in lexicographic order, in multiples of `unit`."""
        totals = [0]
        for part, digits in zip(self._parts, positions, strict=True):
            gains = [part.units(digit, self._scale) for digit in digits]
            totals = [total + gain for total in totals for gain in gains]
        for when, bonus in self._bonuses:
            fixed = dict(when)
            matching = [0]
            for place, digits in enumerate(positions):
                steps = [
                    step for step, digit in enumerate(digits) if place not in fixed or fixed[place] == digit
                ]
                matching = [index * len(digits) + step for index in matching for step in steps]
            for index in matching:
                totals[index] += bonus
        return totals

    def peaks(self, cuts: Sequence[Iterable[int]], sign: int = 1) -> grid.Grid:
        """From each cell the position worth most (with `sign` -1: least).

        The cells are cut in front of `cuts`, given for each issue, and around whatever a combination names.
        """
        marks = [set(cut) for cut in cuts]
        for when, _ in self._bonuses:
            for place, digit in when:
                marks[place] |= {digit, digit + 1}
        return tuple(
            [
                max(part.turns(cell), key=lambda digit, p=part: (sign * p.units(digit, self._scale), -digit))  # type: ignore[misc]  # a default in a lambda
                for cell in grid.cells(length, mark)
            ]
            for part, length, mark in zip(self._parts, self._space.lengths, marks, strict=True)
        )

    def _extreme(self, sign: int) -> Fraction:
        peaks = self.peaks([()] * len(self._parts), sign)
        if grid.size(peaks) > EAGER_SIZE:
            raise InvalidInputError("the combinations name too many values together; use fewer combinations")
        return sign * max(sign * units for units in self.units_on(peaks)) * self.unit

    def _bind(self, combination: Combination) -> tuple[tuple[tuple[int, int], ...], Fraction]:
        places = {name: place for place, name in enumerate(self._space.issues)}
        when = []
        for name, value in combination.when.items():
            if name not in places:
                raise InvalidInputError(
                    "a combination names an issue that is not on the agenda; check the spelling"
                )
            digit = index_of(self._space.issues[name], value)
            if digit is None:
                raise InvalidInputError(f"a combination names a value that issue '{name}' cannot take")
            when.append((places[name], digit))
        return tuple(when), combination.value


def _part(issue: Issue, preferences: Points | Scores) -> score.Table | score.Line:
    if isinstance(preferences, Scores):
        return score.Table([points * preferences.weight for points in _scores(issue, preferences)])
    if not isinstance(issue, IntegerIssue):
        raise InvalidInputError(
            f"issue '{issue.name}' has no grid to draw a line over; give scores, not points"
        )
    if min(preferences.points) > issue.minimum or max(preferences.points) < issue.maximum:
        raise InvalidInputError(
            f"the points of issue '{issue.name}' do not reach both ends of its grid; add them"
        )
    points = {x: y * preferences.weight for x, y in preferences.points.items()}
    return score.Line(points, issue.minimum, issue.step)


def _scores(issue: Issue, preferences: Scores) -> list[Fraction]:
    if any(index_of(issue, option) is None for option in preferences.scores):
        raise InvalidInputError(f"the scores of issue '{issue.name}' name a value that it cannot take")
    if len(preferences.scores) < len(issue.values):
        raise InvalidInputError(f"the scores of issue '{issue.name}' leave out some values; score every one")
    return [preferences.scores[value] for value in issue.values]
