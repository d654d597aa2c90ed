"""Where negotiations ended, beside what was possible.

Covered: outcomes that are alike are one point with a count; of more points than can be drawn, a sample from a fixed
seed, and it is said of how many. Not covered: rows without both sides' shares.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

from evals.case import Row

MOST_POINTS = 2000
"""Of all scenarios together."""
_LEAST_EACH = 30
_Counts: TypeAlias = Counter[tuple[str, str, str, str, tuple[float, float]]]
"""By suite, model, prompts, arm and shares."""


@dataclass(frozen=True, slots=True)
class Point:
    """Negotiations that ended alike, in shares of both sides' ideal gains: role 0 first."""

    suite: str
    model: str
    prompts: str
    arm: str
    shares: tuple[float, float]
    count: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How all negotiations of a model's arm ended in a scenario."""

    suite: str
    model: str
    prompts: str
    arm: str
    negotiations: int
    nothing: int
    """Of these, without an agreement, or with one worth nothing to either."""
    shares: tuple[float, float]
    """In the mean."""


@dataclass(frozen=True, slots=True)
class Scatter:
    """The outcomes of a scenario."""

    scenario: str
    roles: tuple[str, str]
    frontier: tuple[tuple[float, float], ...]
    """Empty: not known."""
    nash: tuple[float, float] | None
    points: tuple[Point, ...]
    ended: tuple[Ended, ...]
    """Of all, whatever is drawn."""
    negotiations: int
    """How many have an outcome; the points stand for `drawn` of them."""
    unplaced: int
    """How many more have a result but no shares for both sides."""

    @property
    def drawn(self) -> int:
        """How many negotiations the points stand for."""
        return sum(point.count for point in self.points)


def scatters(rows: Sequence[Row], stages: Mapping[str, Any]) -> tuple[Scatter, ...]:
    """A scatter for each scenario of which outcomes are known.

    Args:
        rows: Without controls.
        stages: What `evals.report.stages` wrote.
    """
    names = sorted({row.case.scenario for row in rows})
    most = max(_LEAST_EACH, MOST_POINTS // max(1, len(names)))
    found = [
        _scatter(name, [row for row in rows if row.case.scenario == name and row.missing is None],
                 stages.get(name) or {}, most)
        for name in names
    ]  # fmt: skip
    return tuple(one for one in found if one.points)


def _scatter(name: str, rows: Sequence[Row], stage: Mapping[str, Any], most: int) -> Scatter:
    counts: _Counts = Counter()
    unplaced = 0
    for row in rows:
        own, other, case = row.numbers.get("own"), row.numbers.get("other"), row.case
        if own is None or other is None:
            unplaced += 1
            continue
        shares = (own, other) if case.side == 0 else (other, own)
        place = (round(shares[0], 3), round(shares[1], 3))
        counts[case.suite, case.model, case.prompts, case.arm, place] += 1
    drawn = counts
    if len(counts) > most:
        places = sorted(counts)
        dice = Random(0)  # noqa: S311 - a sample, no secret
        drawn = Counter(dice.sample(places, most, counts=[counts[place] for place in places]))
    roles = stage.get("roles") or ("role 0", "role 1")
    return Scatter(
        scenario=name,
        roles=(str(roles[0]), str(roles[1])),
        frontier=tuple((float(x), float(y)) for x, y in stage.get("frontier", ())),
        nash=tuple(map(float, stage["nash"])) if stage.get("nash") else None,  # type: ignore[arg-type]  # a pair
        points=tuple(Point(*place, count) for place, count in sorted(drawn.items())),
        ended=_ended(counts),
        negotiations=sum(counts.values()),
        unplaced=unplaced,
    )


def _ended(counts: _Counts) -> tuple[Ended, ...]:
    groups: defaultdict[tuple[str, str, str, str], list[tuple[tuple[float, float], int]]] = defaultdict(list)
    for (*place, shares), count in counts.items():
        suite, model, prompts, arm = place
        groups[suite, model, prompts, arm].append((shares, count))
    found = []
    for group, some in sorted(groups.items()):
        every = sum(count for _, count in some)
        first, second = (sum(shares[side] * count for shares, count in some) / every for side in (0, 1))
        nothing = sum(count for shares, count in some if not any(shares))
        found.append(Ended(*group, every, nothing, (round(first, 4), round(second, 4))))
    return tuple(found)
