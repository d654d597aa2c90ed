"""A second opinion on mandates, written as plainly as possible, to check the real one by.

Covered: the conditions and the reservation value of a brief, looked up by name, one outcome at a time.
Not covered: authority and limits. It shares no code with `bargaining.mandate`, `condition` and `utility` but
the types that a brief is made of, so the same mistake would have to be made twice.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import assert_never

from bargaining.condition import All, AnyOf, AtLeast, AtMost, Condition, Is, Not, OneOf
from bargaining.issue import Value
from bargaining.utility import Points, Preferences, Scores
from delegates.brief import Brief


def permits(brief: Brief, terms: Mapping[str, Value]) -> bool:
    """Whether a principal allows its delegate to agree to these terms."""
    least = brief.mandate.reservation_value
    if least is not None and (brief.preferences is None or worth(brief.preferences, terms) < least):
        return False
    return all(_holds(condition, terms) for condition in brief.mandate.conditions)


def worth(preferences: Preferences, terms: Mapping[str, Value]) -> Fraction:
    """What terms are worth to a principal, before any discount."""
    total = Fraction(0)
    for name, issue in preferences.issues.items():
        total += issue.weight * _score(issue, terms[name])
    for combination in preferences.combinations:
        if all(_same(terms[name], value) for name, value in combination.when.items()):
            total += combination.value
    return total


def limits(brief: Brief) -> tuple[tuple[str, int], ...]:
    """Every number in a brief's conditions, in words that name its issue, and as it is."""
    return tuple(line for condition in brief.mandate.conditions for line in _numbers(condition))


def _score(issue: Points | Scores, value: Value) -> Fraction:
    if isinstance(issue, Scores):
        return next(score for option, score in issue.scores.items() if _same(option, value))
    assert isinstance(value, int)
    points = sorted(issue.points.items())
    if len(points) == 1:
        return points[0][1]
    for (left, low), (right, high) in pairwise(points):
        if left <= value <= right:
            return low + (high - low) * Fraction(value - left, right - left)
    raise ValueError("a value beyond the points")


def _same(one: Value, other: Value) -> bool:
    return type(one) is type(other) and one == other


def _number(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _holds(condition: Condition, terms: Mapping[str, Value]) -> bool:
    match condition:
        case AtLeast():
            return all(_number(terms[name]) >= limit for name, limit in condition.at_least.items())
        case AtMost():
            return all(_number(terms[name]) <= limit for name, limit in condition.at_most.items())
        case Is():
            return all(_same(terms[name], value) for name, value in condition.is_.items())
        case OneOf():
            return all(
                any(_same(terms[name], value) for value in values)
                for name, values in condition.one_of.items()
            )
        case All():
            return all(_holds(part, terms) for part in condition.all_)
        case AnyOf():
            return any(_holds(part, terms) for part in condition.any_)
        case Not():
            return not _holds(condition.not_, terms)
        case _:
            assert_never(condition)


def _numbers(condition: Condition) -> Iterator[tuple[str, int]]:
    match condition:
        case AtLeast():
            yield from ((f"the {name} must be at least", n) for name, n in condition.at_least.items())
        case AtMost():
            yield from ((f"the {name} must be at most", n) for name, n in condition.at_most.items())
        case Is():
            named = [(name, value) for name, value in condition.is_.items()]
            yield from ((f"my limit: the {name} must be", n) for name, n in named if type(n) is int)
        case OneOf():
            named = [(name, value) for name, values in condition.one_of.items() for value in values]
            yield from ((f"my limit: the {name} may be", n) for name, n in named if type(n) is int)
        case All():
            yield from (line for part in condition.all_ for line in _numbers(part))
        case AnyOf():
            yield from (line for part in condition.any_ for line in _numbers(part))
        case Not():
            yield from _numbers(condition.not_)
        case _:
            assert_never(condition)
