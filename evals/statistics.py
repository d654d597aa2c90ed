"""Rates and means of negotiations, with what may be said of them: 95 % intervals, and bounds for what is missing.

Covered: an interval by scenario is never narrower than the one that takes negotiations as independent; what could
not be told is no `no`: it is counted, and the bounds tell what the interval would be had it all been `no`, or all
`yes`. The same rows give the same figures, in whatever order they come.
Not covered: value and interval take what is missing to be like the rest, only the bounds do not. Values that are all
alike tell nothing of how others vary (`Figure.alike`). Where every negotiation ended the same way, none can see that
those of a scenario depend on each other: the interval is then one for more negotiations in these scenarios.

Where the intervals come from: `evals.interval`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from evals.case import Verdict
from evals.interval import Interval, by_chance, discordant, resampled, wilson

FEW_CLUSTERS = 10
"""An interval from fewer scenarios must say so."""
MUCH_MISSING = 0.05
"""A suite that misses more than this says so in its first line."""
_VERDICTS: Interval = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value and its 95 % interval. None: there is nothing to measure it by."""

    value: float | None
    low: float | None
    high: float | None
    n: int = 0
    """How many negotiations (or pairs of them) it is made of."""
    missing: int = 0
    """How many could not be told, and are in none of value, low and high."""
    low_worst: float | None = None
    """The low end, had all that is missing been as low as can be. None: nobody knows how low that is."""
    high_worst: float | None = None
    clusters: int | None = None
    """How many scenarios the interval is by. None: it takes all negotiations as independent."""
    p: float | None = None
    """Of a difference: how often chance alone would make one as large, either way."""

    @property
    def few_clusters(self) -> bool:
        """Whether the interval is by so few scenarios that it must be said."""
        return self.clusters is not None and self.clusters < FEW_CLUSTERS

    @property
    def alike(self) -> bool:
        """Whether there was no spread to make an interval of: then it has no width, and means nothing."""
        return self.low is not None and self.low == self.high

    @property
    def missing_rate(self) -> float:
        """The share that could not be told."""
        return self.missing / (self.n + self.missing) if self.missing else 0.0

    @property
    def much_missing(self) -> bool:
        """Whether so much is missing that it must be said first."""
        return self.missing_rate > MUCH_MISSING

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return "-"
        digits = 0 if abs(self.value) >= 100 else 1 if abs(self.value) >= 2 else 2
        return f"{self.value:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"


def proportion(hits: int, trials: int, missing: int = 0) -> Figure:
    """A share of trials, with Wilson's interval.

    Args:
        hits: How many were.
        trials: Of how many that could be told.
        missing: How many more could not.
    """
    if not trials + missing:
        return Figure(None, None, None)
    every = trials + missing
    # Wilson's ends move the same way as what is counted in, so these are never inside low and high.
    worst = wilson(hits, every)[0], wilson(hits + missing, every)[1]
    if not trials:
        return Figure(None, None, None, 0, missing, *worst)
    return Figure(hits / trials, *wilson(hits, trials), trials, missing, *worst)


def rate(verdicts: Iterable[Verdict]) -> Figure:
    """How often the answer was yes, of those that could be told. Takes negotiations as independent."""
    found = list(verdicts)
    yes = found.count("yes")
    return proportion(yes, yes + found.count("no"), found.count("unknown"))


def clustered_rate(verdicts: Mapping[str, Sequence[Verdict]]) -> Figure:
    """How often the answer was yes, by scenario: the outer ends of the cluster bootstrap and Wilson's interval.

    Two scenarios that happen to have the same rate would give the bootstrap nothing to vary, and an interval
    without width; the same goes for many without a single yes. Wilson's is the least that chance alone does.

    Args:
        verdicts: By scenario.
    """
    whole = rate(verdict for some in verdicts.values() for verdict in some)
    counts = [(some.count("yes"), some.count("no"), some.count("unknown")) for some in verdicts.values()]
    told = [(yes, yes + no) for yes, no, _ in counts if yes + no]
    found = replace(_widened(whole, *resampled(told)) if told else whole, clusters=len(told))
    if not whole.missing:
        return replace(found, low_worst=found.low, high_worst=found.high)
    asked = [(yes, unknown, yes + no + unknown) for yes, no, unknown in counts if yes + no + unknown]
    low, _ = resampled([(yes, every) for yes, _, every in asked])
    _, high = resampled([(yes + unknown, every) for yes, unknown, every in asked])
    return _bounded(found, low, high)  # and never inside those of `whole`, which it has


def mean(values: Iterable[float | None], *, span: Interval | None = None) -> Figure:
    """A mean, with a bootstrap interval. Takes negotiations as independent.

    Args:
        values: None, and what is no finite number, is missing.
        span: The least and the most that a value can be: for the bounds.
    """
    found = clustered({str(index): [value] for index, value in enumerate(values)}, span=span)
    return replace(found, clusters=None)


def clustered(values: Mapping[str, Sequence[float | None]], *, span: Interval | None = None) -> Figure:
    """A mean by scenario, with the outer ends of the bootstraps by scenario and by negotiation.

    Args:
        values: By scenario. None, and what is no finite number, is missing.
        span: The least and the most that a value can be: for the bounds.
    """
    groups = [[_known(value) for value in some] for some in values.values()]
    known = [[value for value in some if value is not None] for some in groups]
    n = sum(map(len, known))
    missing = sum(map(len, groups)) - n
    found = _mean(known)
    if not missing:
        return replace(found, low_worst=found.low, high_worst=found.high)
    found = replace(found, missing=missing)
    if span is None:
        return found
    low, high = (_mean([[_or(value, end) for value in some] for some in groups]) for end in span)
    return _bounded(found, low.low, high.high)


def paired(
    one: Mapping[str, float | None],
    other: Mapping[str, float | None],
    scenarios: Mapping[str, str] | None = None,
    *,
    span: Interval | None = None,
) -> Figure:
    """How much more one has than the other, in the mean over pairs, and how likely chance alone does as much.

    For verdicts the interval holds that of paired rates too (`evals.interval.discordant`). The chance is that of
    flipping the sign of what each scenario (or pair) adds up to: exact for up to 13 of them,
    else from a fixed seed (`scipy.stats.permutation_test`).

    Args:
        one: Values by what the two have in common. For verdicts, see `number`.
        other: The same. A key of one alone, and a value that is missing in either, make a pair that is missing.
        scenarios: The scenario of each key; without it, pairs are taken as independent.
        span: The least and the most that a value can be: for the bounds. For verdicts, (0, 1).
    """
    keys = sorted(one.keys() | other.keys())
    pairs = [(_known(one.get(key)), _known(other.get(key))) for key in keys]
    names = [key if scenarios is None else scenarios[key] for key in keys]

    def differing(pairs: Sequence[tuple[float | None, float | None]]) -> tuple[Figure, list[float]]:
        groups: dict[str, list[float]] = {name: [] for name in names}
        told = []
        for name, (a, b) in zip(names, pairs, strict=True):
            if a is not None and b is not None:
                groups[name].append(a - b)
                told.append((a, b))
        found = _mean(list(groups.values()))
        if told and span == _VERDICTS and all(value in _VERDICTS for pair in told for value in pair):
            found = _widened(found, *discordant(told.count((1, 0)), told.count((0, 1)), len(told)))
        return replace(found, missing=len(pairs) - len(told)), [
            math.fsum(some) for some in groups.values() if some
        ]

    found, sums = differing(pairs)
    found = replace(found, p=by_chance(sums))
    if not found.missing:
        found = replace(found, low_worst=found.low, high_worst=found.high)
    elif span is not None:
        least, most = span
        low, _ = differing([(_or(a, least), _or(b, most)) for a, b in pairs])
        high, _ = differing([(_or(a, most), _or(b, least)) for a, b in pairs])
        found = _bounded(found, low.low, high.high)
    return found if scenarios is not None else replace(found, clusters=None)


def number(verdict: Verdict) -> float | None:
    """A verdict as something to take means and differences of."""
    return {"yes": 1.0, "no": 0.0, "unknown": None}[verdict]


def _known(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _or(value: float | None, end: float) -> float:
    return end if value is None else value


def _mean(groups: Sequence[Sequence[float]]) -> Figure:
    """A mean by group, with the outer ends of the bootstraps by group and by value; nothing of what is missing."""
    filled = [some for some in groups if some]
    values = [value for some in filled for value in some]
    if not values:
        return Figure(None, None, None, clusters=0)
    ends = [resampled([(value, 1) for value in values])]
    if len(filled) < len(values):
        ends.append(resampled([(math.fsum(some), len(some)) for some in filled]))
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    middle = min(high, max(low, math.fsum(values) / len(values)))  # a sum of sums may round otherwise
    return Figure(middle, low, high, len(values), clusters=len(filled))


def _widened(found: Figure, low: float, high: float) -> Figure:
    """With at least this interval."""
    assert found.low is not None
    assert found.high is not None
    return replace(found, low=min(low, found.low), high=max(high, found.high))


def _bounded(found: Figure, least: float | None, most: float | None) -> Figure:
    """With bounds for what is missing, never inside the interval."""
    lows = [end for end in (found.low, found.low_worst, least) if end is not None]
    highs = [end for end in (found.high, found.high_worst, most) if end is not None]
    return replace(found, low_worst=min(lows, default=None), high_worst=max(highs, default=None))
