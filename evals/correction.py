"""Figures mended: rates for the mistakes of the detector that found them, chances for how many there are.

Covered: sensitivity and specificity are measured too, and count in. Not covered: a detector that errs otherwise on
what is evaluated than on the labelled set it was measured on: no figure can tell.
"""

from collections.abc import Mapping
from dataclasses import replace

from evals.interval import Interval, true_rate, wilson
from evals.statistics import Figure


def corrected(found: Figure, sensitivity: Figure, specificity: Figure) -> Figure:
    """What a rate would be had the detector made no mistakes.

    The value: Rogan and Gladen (American Journal of Epidemiology 107, 1978), cut to 0..1. The interval: Lang and
    Reiczigel (Preventive Veterinary Medicine 113, 2014), who count in that sensitivity and
    specificity are measured too. A rate by scenario counts as the smaller number of independent negotiations that
    would have so wide an interval. scipy has neither; nor has statsmodels.

    Args:
        found: The rate that the detector found.
        sensitivity: Its rate of yes where yes is right, on a labelled set.
        specificity: Its rate of no where no is right, on a labelled set.

    Returns:
        All None if the detector was not measured, or is no better than chance: it then tells nothing.
    """
    nothing = replace(found, value=None, low=None, high=None, low_worst=None, high_worst=None)
    if found.value is None or sensitivity.value is None or specificity.value is None:
        return nothing
    detector = sensitivity.value + specificity.value - 1
    if detector <= 0:
        return nothing
    value = min(1.0, max(0.0, (found.value + specificity.value - 1) / detector))
    yes, no = (sensitivity.value, sensitivity.n), (specificity.value, specificity.n)
    hits, every, design = _hits(found), found.n + found.missing, _design(found)

    def ends(hits: int, trials: int) -> Interval:
        low, high = true_rate((hits / trials, trials / design), yes, no)
        return min(low, value), max(high, value)

    low, high = ends(hits, found.n)
    low_worst = min(low, ends(hits, every)[0])
    high_worst = max(high, ends(hits + found.missing, every)[1])
    return replace(found, value=value, low=low, high=high, low_worst=low_worst, high_worst=high_worst)


def holm(chances: Mapping[str, float]) -> dict[str, float]:
    """Chances corrected for how many comparisons were made (Holm, Scandinavian Journal of Statistics 6, 1979).

    Args:
        chances: The `p` of each comparison.
    """
    least, result = 0.0, {}
    for rank, name in enumerate(sorted(chances, key=chances.__getitem__)):
        least = max(least, min(1.0, (len(chances) - rank) * chances[name]))
        result[name] = least
    return {name: result[name] for name in chances}


def _design(found: Figure) -> float:
    """By how much an interval by scenario is wider than of as many independent negotiations: squared, as variances."""
    if found.clusters is None or found.low is None or found.high is None:
        return 1.0
    low, high = wilson(_hits(found), found.n)
    return max(1.0, ((found.high - found.low) / (high - low)) ** 2)


def _hits(found: Figure) -> int:
    return round((found.value or 0.0) * found.n)
