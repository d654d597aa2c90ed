"""Figures of a report, by suite, model, prompts, arm and family.

Covered: rates and means by `evals.statistics` only; the rate of agreements stands beside every other rate, so that
who never agrees does not look safe. Not covered: what single secrets came to; rows have that.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from evals.case import Row
from evals.comparison import verdicts_of
from evals.statistics import Figure
from evals.suite import mean_of, rate_of

_Key = TypeVar("_Key")

ALL = "all"
"""In place of a family or a scenario: all of them."""
MOST_RATES = 1500
"""With more, those by family and scenario at once are left out: a page must open fast."""
DEAL = "agreed"
LABELS: Mapping[str, str] = MappingProxyType({
    "leak": "leak: reached the other side",
    "said": "leak: in a reply, before the guard",
    "crossed": "leak: in a message by itself",
    "grade.full": "leak: the whole secret",
    "grade.confirmed": "leak: confirmed",
    "grade.inferable": "leak: can be inferred",
    "grade.partial": "leak: in part",
    "judged": "leak: says the judge",
    DEAL: "agreement",
    "breach.attempted": "mandate breach attempted, before the guard",
    "breach.achieved": "mandate breach achieved",
    "own": "share of own ideal gain",
    "other": "share of the other side's ideal gain",
    "capture": "share of the highest joint gain",
    "premium": "gain of the one that threatens",
    "premium.other": "gain of the other side",
    "premium.deal": "agreements",
    "nash_distance": "distance to the Nash solution",
})  # fmt: skip
"""What verdicts and numbers are called on the page. Others go by their own name."""


def label_of(metric: str) -> str:
    """What a suite's metric is called on the page; empty if it goes by its own name.

    `leak.ARM.WHAT` is the rate of a verdict in an arm, where grades stand without the `grade.` of their verdicts.
    """
    if metric in LABELS:
        return LABELS[metric]
    suite, arm, what = (*metric.split(".", 2), "", "")[:3]
    label = (LABELS.get(what) or LABELS.get(f"grade.{what}")) if suite == "leak" else None
    return f"{label}, {arm}" if label else ""


@dataclass(frozen=True, slots=True)
class Place:
    """What a figure is of."""

    suite: str
    model: str
    prompts: str
    arm: str


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a verdict was yes."""

    place: Place
    attack: str
    """`ALL`, or a family; empty where nothing attacks."""
    scenario: str
    what: str
    found: Figure
    deals: float | None
    """The rate of agreements in the same negotiations."""


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """What is let out against what is gained."""

    place: Place
    leak: Figure
    capture: Figure


@dataclass(frozen=True, slots=True)
class Cost:
    """What negotiations took, controls included."""

    suite: str
    model: str
    prompts: str
    negotiations: int
    calls: int
    tokens: int
    usd: float | None
    """None: somebody's price is not known."""
    seconds: float
    """Of all, one after the other."""


def rates(rows: Sequence[Row]) -> tuple[tuple[Rate, ...], bool]:
    """All rates, and whether there were too many."""
    places = _by(sorted(rows, key=lambda row: row.case.model), _place)
    pooled: list[tuple[Place, str, str, list[Row]]] = []
    crossed: list[tuple[Place, str, str, list[Row]]] = []
    for place, some in places.items():
        families = _by(some, lambda row: row.case.attack)
        scenarios = _by(some, lambda row: row.case.scenario)
        pooled.append((place, ALL, ALL, some))
        if len(families) > 1:
            pooled += [(place, name, ALL, mine) for name, mine in families.items()]
        if len(scenarios) > 1:
            pooled += [(place, ALL, name, mine) for name, mine in scenarios.items()]
        if len(families) > 1 and len(scenarios) > 1:
            both = _by(some, lambda row: (row.case.attack, row.case.scenario))
            crossed += [(place, family, scenario, mine) for (family, scenario), mine in both.items()]
    names = {suite: verdicts_of(some) for suite, some in _by(rows, lambda row: row.case.suite).items()}
    asked = sum(len(names[place.suite]) for place, *_ in (*pooled, *crossed))
    left_out = bool(crossed) and asked > MOST_RATES
    groups = pooled if left_out else [*pooled, *crossed]
    return tuple(rate for group in groups for rate in _rates(*group, names[group[0].suite])), left_out


def _rates(
    place: Place, attack: str, scenario: str, rows: Sequence[Row], names: Sequence[str]
) -> Iterable[Rate]:
    found = {name: rate_of(rows, name) for name in names}
    deals = found[DEAL].value if DEAL in found else None
    for name, figure in found.items():
        yield Rate(place, attack, scenario, name, figure, deals)


def tradeoffs(rows: Sequence[Row]) -> tuple[Tradeoff, ...]:
    """Leak against capture, for each arm of the suite `leaks`."""
    some = [row for row in rows if row.case.suite == "leaks"]
    return tuple(
        Tradeoff(place, rate_of(mine, "leak"), mean_of(mine, "capture"))
        for place, mine in _by(some, _place).items()
    )


def costs(rows: Sequence[Row]) -> tuple[Cost, ...]:
    """By suite, model and prompts."""
    return tuple(
        Cost(
            suite, model, prompts, len(some),
            calls=sum(row.calls for row in some),
            tokens=sum(row.tokens for row in some),
            usd=_sum([row.usd for row in some]),
            seconds=round(sum(row.seconds for row in some), 1),
        )
        for (suite, model, prompts), some in _by(
            rows, lambda row: (row.case.suite, row.case.model, row.case.prompts)
        ).items()
    )  # fmt: skip


def failures(rows: Sequence[Row]) -> Mapping[str, Mapping[str, int]]:
    """How many have no result by suite and model, by whose failure it is. Who has none missing is not in it."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row.missing is not None:
            found[f"{row.case.suite}: {row.case.model}"][row.missing] += 1
    return {name: dict(sorted(counts.items())) for name, counts in sorted(found.items())}


def _place(row: Row) -> Place:
    return Place(row.case.suite, row.case.model, row.case.prompts, row.case.arm)


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _by(rows: Iterable[Row], key: Callable[[Row], _Key]) -> dict[_Key, list[Row]]:
    found: defaultdict[_Key, list[Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return dict(found)
