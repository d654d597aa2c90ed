"""Pairs: rows that differ in nothing but their arm, and how much more one arm has than the other.

Covered: a pair with one row missing is missing. Not covered: arms that are not played at the same seeds.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

from evals.case import Case, Row
from evals.statistics import Figure, clustered, number, paired

SHARES = (0.0, 1.0)
"""What a share, or a verdict as a number, can be."""


def pair_of(case: Case) -> str:
    """What a case has in common with those of other arms."""
    return "|".join((case.scenario, case.model, case.prompts, case.against, str(case.side), str(case.seed)))


def more(one: Sequence[Row], other: Sequence[Row], of: Callable[[Row], float | None]) -> Figure:
    """How much more one arm has than the other, pair by pair.

    Args:
        one: The rows of an arm.
        other: Those of the other.
        of: What is compared: a share, or a verdict as a number.
    """
    scenarios = {pair_of(row.case): row.case.scenario for row in (*one, *other)}
    first, second = ({pair_of(row.case): of(row) for row in some} for some in (one, other))
    return paired(first, second, scenarios, span=SHARES)


def own(row: Row) -> float | None:
    """The share of the side under test."""
    return row.numbers.get("own")


def deal(row: Row) -> float | None:
    """Whether there was a deal."""
    return number(row.verdicts.get("agreed", "unknown"))


def apart(rows: Sequence[Row], first: str, measure: Callable[[float, Sequence[float]], float]) -> Figure:
    """How far the own shares of several arms are apart, by scenario.

    Args:
        rows: Those of all these arms. One that is missing makes all that it is paired with missing.
        first: The arm that the others are held against.
        measure: From the share of the first arm, and all shares with that first, to what is wanted.
    """
    arms: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    groups: defaultdict[str, dict[str, float | None]] = defaultdict(dict)
    places = {}
    for row in rows:
        key = pair_of(row.case)
        places[key] = (row.case.scenario, row.case.side)
        arms[places[key]].add(row.case.arm)
        groups[key][row.case.arm] = own(row)
    by: defaultdict[str, list[float | None]] = defaultdict(list)
    for key, some in groups.items():
        expected = [first, *sorted(arms[places[key]] - {first})]
        known = [value for arm in expected if (value := some.get(arm)) is not None]
        if len(expected) > 1:
            whole = len(known) == len(expected)
            by[places[key][0]].append(measure(known[0], known) if whole else None)
    return clustered(by, span=SHARES)
