"""Outcome leakage from samples: how much better an attacker guesses a secret once it has read what was agreed.

The formulas of `bargaining.leakage` want to know the channel. Given frequencies instead, they find a leak in noise:
ten secrets, ten results and 50 negotiations that tell nothing read as 1.04 bits of min-entropy. So here the attacker
guesses where it has not learned (`evals.trials`), and all is done again with the secrets of each seed shuffled: what
is found then is chance, the null. What is found beyond it is there; what is not found, a better attacker might find.

Covered: all secrets are as likely; a leak is never below 0, for who guesses worse than blindly would guess blindly;
what is missing is counted, and the bounds take it that each of them was guessed.
Not covered: what an attacker could learn from other models, scenarios or sides.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from bargaining import leakage
from evals.case import Verdict
from evals.interval import wilson
from evals.statistics import Figure, clustered, clustered_rate
from evals.trials import CLOSE, PERMUTATIONS, Reals, Trials, Whole

MASS = 0.9
"""How much of what an attacker believes counts as possible."""
NOTHING = Figure(None, None, None)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Reading:
    """What an attacker found, and what it would find in nothing."""

    found: Figure = NOTHING
    null: Figure = NOTHING
    """With shuffled secrets; low and high hold 95 in 100 of them."""
    excess: Figure = NOTHING
    """Found, less the mean of the null; its low end is above 0 only if found is above nearly all of the null. Its `p`:
    how often chance alone does as much."""


def guessing(trials: Sequence[Trials], tolerance: int = 0) -> Reading:
    """Min-entropy leakage, or g-leakage for guesses that may be off by some steps, in bits.

    Args:
        trials: Of one channel each, all with the same number of secrets.
        tolerance: How many steps.
    """
    if not trials:
        return Reading()
    count = trials[0].secrets
    blind = leakage.prior_vulnerability(leakage.uniform(count), leakage.within(count, tolerance))

    def bits(rate: float) -> float:
        return math.log2(max(rate, blind) / blind)

    rate = clustered_rate(_by_scenario(trials, lambda one: _verdicts(one, tolerance), "unknown"))
    found = _mapped(rate, bits)
    if rate.value is None:
        return Reading(found)
    # a blind guess is right by chance too: no interval is narrower than that of one
    found = _widened(found, math.inf, bits(wilson(round(blind * rate.n), rate.n)[1]))

    def of(secrets: Sequence[Whole]) -> float:
        hits = [one.hits(some, tolerance) for one, some in zip(trials, secrets, strict=True)]
        return bits(float(np.concatenate(hits).mean()))

    return _compared(found, _chance(trials, of))


def mutual_information(trials: Sequence[Trials]) -> Reading:
    """Mutual information in bits, at least: by how much the attacker's beliefs reduce the surprise at the secret.

    Any beliefs give a lower bound (Barber and Agakov, "The IM algorithm", NIPS 2003). How far these are to be trusted
    is one number, fitted to all samples; the null has it too.
    """

    def gains(secrets: Sequence[Whole]) -> list[Reals]:
        trust = _trust(trials, secrets)
        return [
            np.log2(one.secrets * _tempered(one.right(some), trust, one.secrets))
            for one, some in zip(trials, secrets, strict=True)
        ]

    values = {
        id(one): some.tolist() for one, some in zip(trials, gains([t.truth for t in trials]), strict=True)
    }
    found = clustered(_by_scenario(trials, lambda one: values[id(one)], None), span=(0.0, _most(trials)))
    if found.value is None:
        return Reading(found)
    chance = _chance(trials, lambda secrets: float(np.concatenate(gains(secrets)).mean()))
    return _compared(_widened(found, math.inf, float(np.quantile(chance, 0.975))), chance)


def width(trials: Sequence[Trials]) -> Figure:
    """How many neighbouring secrets stay possible for the attacker, in the mean: all, if it learns nothing."""
    trust = _trust(trials, [one.truth for one in trials])

    def widths(one: Trials) -> list[float]:
        believed = _tempered(one.beliefs(one.truth), trust, one.secrets)
        return [float(leakage.narrowest(row, MASS)) for row in believed.tolist()]

    most = max((float(one.secrets) for one in trials), default=1.0)
    return clustered(_by_scenario(trials, widths, None), span=(1.0, most))


def capacity(trials: Sequence[Trials]) -> Reading:
    """The capacity of the channels of frequencies, in the mean over channels. Read it beside its null only."""
    known = [one for one in trials if len(one.truth)]
    by: defaultdict[str, list[float | None]] = defaultdict(list)
    for one in trials:
        by[one.scenario].append(one.capacity(one.truth) if len(one.truth) else None)
    found = clustered(by)
    if any(one.missing for one in trials):
        found = replace(found, low_worst=0.0, high_worst=_most(trials))
    if found.value is None:
        return Reading(found)

    def of(secrets: Sequence[Whole]) -> float:
        return float(np.mean([one.capacity(some) for one, some in zip(known, secrets, strict=True)]))

    return _compared(found, _chance(known, of))


def shifted(found: Figure, by: float) -> Figure:
    """A figure and its ends, with a number added."""
    return _mapped(found, lambda value: value + by)


# ---------------------------------------------------------------------------------- parts


def _verdicts(one: Trials, tolerance: int) -> list[Verdict]:
    return ["yes" if hit else "no" for hit in one.hits(one.truth, tolerance)]


def _trust(trials: Sequence[Trials], secrets: Sequence[Whole]) -> float:
    """How far to believe the neighbours: what makes the right secrets the most likely, and never all the way."""
    right = [one.right(some) for one, some in zip(trials, secrets, strict=True)]
    whole = np.concatenate([*right, np.empty(0)])
    if not len(whole):
        return 0.0
    shares = 1 - np.geomspace(1 / (len(whole) + 1), 1.0, 25)
    fits = [float(np.log2(_tempered(whole, share, trials[0].secrets)).mean()) for share in shares]
    return float(shares[int(np.argmax(fits))])


def _most(trials: Sequence[Trials]) -> float:
    """All bits of a secret."""
    return max((math.log2(one.secrets) for one in trials), default=0.0)


def _tempered(believed: Reals, trust: float, count: int) -> Reals:
    return trust * believed + (1 - trust) / count


def _by_scenario(
    trials: Sequence[Trials], of: Callable[[Trials], Sequence[_T]], missing: _T
) -> dict[str, list[_T]]:
    by: dict[str, list[_T]] = {}
    for one in trials:
        by.setdefault(one.scenario, []).extend([*of(one), *[missing] * one.missing])
    return by


def _chance(trials: Sequence[Trials], of: Callable[[Sequence[Whole]], float]) -> Reals:
    """A statistic of shuffled secrets."""
    orders = (one.shuffled(seed) for seed, one in enumerate(trials))
    return np.array([of(secrets) for secrets in zip(*orders, strict=True)])


def _mapped(found: Figure, to: Callable[[float], float]) -> Figure:
    def at(end: float | None) -> float | None:
        return None if end is None else to(end)

    return replace(
        found,
        value=at(found.value),
        low=at(found.low),
        high=at(found.high),
        low_worst=at(found.low_worst),
        high_worst=at(found.high_worst),
    )


def _widened(found: Figure, low: float, high: float) -> Figure:
    """With an interval that holds this one."""
    lows = (None if end is None else min(end, low) for end in (found.low, found.low_worst))
    highs = (None if end is None else max(end, high) for end in (found.high, found.high_worst))
    (low_end, low_worst), (high_end, high_worst) = lows, highs
    return replace(found, low=low_end, low_worst=low_worst, high=high_end, high_worst=high_worst)


def _compared(found: Figure, chance: Reals) -> Reading:
    """With the null, given the same statistic of shuffled secrets."""
    assert found.value is not None
    as_much = int((chance >= found.value - CLOSE).sum())
    low, high = (float(end) for end in np.quantile(chance, (0.025, 0.975)))
    middle = float(chance.mean())  # of few that are not 0 it may lie outside
    low, high = min(low, middle), max(high, middle)
    null = Figure(middle, low, high, found.n, found.missing, clusters=found.clusters)
    # who has learned from a frequent result errs each time it comes: chance varies more than single guesses do
    wide = _widened(found, found.value + middle - high, found.value + middle - low)
    return Reading(found, null, replace(shifted(wide, -middle), p=(as_much + 1) / (PERMUTATIONS + 1)))
