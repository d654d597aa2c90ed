"""How well two that grade the same agree: a judge and labels, a judge and the detector, two judges.

Covered: Cohen's kappa with its interval, beside the bare share of agreement, since kappa is low where one grade is
nearly all there is (Feinstein and Cicchetti, Journal of Clinical Epidemiology 43, 1990); sensitivity and specificity
for `evals.correction`. What either could not tell is missing, and counted.
Not covered: more than two at once; grades with an order; items that depend on each other, such as ten of one scenario.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evals.case import Verdict
from evals.interval import wilson
from evals.statistics import Figure, proportion

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of two that graded the same items."""

    share: Figure
    """How often they said the same."""
    kappa: Figure
    """The same beyond chance: 1 always, 0 as often as chance would have it. None if both said one thing only."""


def agreement(one: Sequence[str | None], other: Sequence[str | None]) -> Agreement:
    """How well two agree, item by item.

    The interval of kappa: the outer ends of a bootstrap of items, from a fixed seed, and of Wilson's interval of the
    share with chance taken as known (Cohen, Educational and Psychological Measurement 20, 1960, takes it so too): full
    agreement on a few items would give the bootstrap nothing to vary.

    Args:
        one: What the first said of each item. None: it could not tell.
        other: The second, of the same items.
    """
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    missing = len(one) - len(pairs)
    same = sum(a == b for a, b in pairs)
    share = proportion(same, len(pairs), missing)
    kinds = sorted({kind for pair in pairs for kind in pair})
    if len(kinds) < 2:  # chance alone would make them agree always
        return Agreement(share, Figure(None, None, None, len(pairs), missing))
    table = np.zeros((len(kinds), len(kinds)))
    for a, b in pairs:
        table[kinds.index(a), kinds.index(b)] += 1
    value, chance = (float(found[0]) for found in _kappa(table[np.newaxis]))
    draws = np.random.default_rng(0).multinomial(len(pairs), table.ravel() / len(pairs), size=_RESAMPLES)
    drawn, _ = _kappa(draws.reshape(-1, *table.shape).astype(float))
    ends = [*np.nanquantile(drawn, (0.025, 0.975)), value]
    ends += [(end - chance) / (1 - chance) for end in wilson(same, len(pairs))]
    low, high = float(max(-1.0, min(ends))), float(min(1.0, max(ends)))
    return Agreement(share, Figure(value, low, high, len(pairs), missing))


def accuracy(labels: Sequence[bool], found: Sequence[Verdict]) -> tuple[Figure, Figure]:
    """Sensitivity and specificity of verdicts: of what is one, how often it was a yes; of what is none, a no.

    Args:
        labels: Whether each item is one.
        found: The verdict on each.
    """
    told = list(zip(labels, found, strict=True))

    def share(label: bool, right: Verdict) -> Figure:
        some = [verdict for one, verdict in told if one is label]
        unknown = some.count("unknown")
        return proportion(some.count(right), len(some) - unknown, unknown)

    return share(True, "yes"), share(False, "no")


def _kappa(tables: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Kappa of each table of counts, and the agreement by chance; not a number where that is 1."""
    total = tables.sum(axis=(1, 2))
    seen = np.trace(tables, axis1=1, axis2=2) / total
    chance = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / total**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(chance < 1, (seen - chance) / (1 - chance), np.nan), chance
