"""Ratings: how strong each player is beside the others, from who did better in the same seat.

Covered: players who never met, through those whom both met; who wins everything, or nothing, has a finite rating.
Not covered: that A may beat B, B beat C, and C beat A: one number for each player cannot tell that. By how much a
player does better does not count, only whether.

The model is that of Bradley and Terry (Biometrika 39, 1952); a tie is half a win. Beside what was seen, each player
drew once with somebody of rating 0: without that, the most likely rating of who won everything is infinite (Hunter,
"MM algorithms for generalized Bradley-Terry models", Annals of Statistics 32, 2004, on when it is not; Caron and
Doucet, Journal of Computational and Graphical Statistics 21, 2012, on such a prior). It draws all ratings a little
towards each other. Fitted by Newton's method: with the draw, the likelihood has exactly one maximum. Neither scipy nor
statsmodels has the model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]  # has no stubs

from evals.interval import Interval
from evals.statistics import Figure

POINTS = 400 / log(10)
"""Of a rating, for one unit of log-odds: who has 400 more than another does better ten times as often (Elo's scale)."""
_DRAWN = 0.5
_RESAMPLES = 500
_LONGEST_STEP, _SMALLEST_STEP, _STEPS = 2.0, 1e-10, 200

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Duel:
    """Two players in the same seat, one after the other."""

    scenario: str
    seat: str
    """Duels in one seat depend on each other: they are drawn together where an interval is made."""
    one: str
    other: str
    score: float | None
    """1: the one did better; 0: the other did; a half: both did as well. None: it could not be told."""


def ratings(duels: Sequence[Duel]) -> Mapping[str, Figure]:
    """The rating of each player; their mean is 0.

    The interval has the outer ends of two bootstraps, one that draws whole scenarios and one that draws seats. A
    negotiation may be part of more than one seat: the second is somewhat too narrow.

    Args:
        duels: In any order.
    """
    known = sorted((duel for duel in duels if duel.score is not None), key=_order)
    players = sorted({name for duel in known for name in (duel.one, duel.other)})
    if not known:
        return {}
    places = {player: place for place, player in enumerate(players)}
    middle = _fitted(_wins(known, places)[None])[0]
    ends = [
        _resampled(_by(known, places, [duel.seat for duel in known]), middle),
        _resampled(_by(known, places, [duel.scenario for duel in known]), middle),
    ]
    found = {}
    for player, place in places.items():
        held = [duel for duel in duels if player in (duel.one, duel.other)]
        told = [duel for duel in held if duel.score is not None]
        low = min(interval[place][0] for interval in ends)
        high = max(interval[place][1] for interval in ends)
        scenarios = len({duel.scenario for duel in told})
        value = float(middle[place])
        missing = len(held) - len(told)
        found[player] = Figure(
            value,
            low,
            high,
            len(told),
            missing,
            low_worst=None if missing else low,
            high_worst=None if missing else high,
            clusters=scenarios,
        )
    return found


def _order(duel: Duel) -> tuple[str, str, str, str, float]:
    return duel.scenario, duel.seat, duel.one, duel.other, duel.score or 0.0


def _wins(duels: Sequence[Duel], places: Mapping[str, int]) -> Floats:
    wins = np.zeros((len(places), len(places)))
    for duel in duels:
        assert duel.score is not None
        one, other = places[duel.one], places[duel.other]
        wins[one, other] += duel.score
        wins[other, one] += 1 - duel.score
    return wins


def _by(duels: Sequence[Duel], places: Mapping[str, int], groups: Sequence[str]) -> Floats:
    """Who won how often against whom, by group."""
    listed = sorted(set(groups))
    some = {
        name: [duel for duel, group in zip(duels, groups, strict=True) if group == name] for name in listed
    }
    return np.stack([_wins(some[name], places) for name in listed])


def _resampled(groups: Floats, middle: Floats) -> list[Interval]:
    """For each player the percentiles of a bootstrap that draws whole groups, expanded as `evals.interval` does."""
    count = len(groups)
    if count == 1:
        return [(float(value), float(value)) for value in middle]
    drawn = np.random.default_rng(0).multinomial(count, [1 / count] * count, size=_RESAMPLES)
    fitted = _fitted(np.einsum("bg,gij->bij", drawn.astype(float), groups))
    wide = float(stats.norm.sf(sqrt(count / (count - 1)) * float(stats.t.ppf(0.975, count - 1))))
    lows, highs = np.quantile(fitted, [wide, 1 - wide], axis=0)
    return [
        (min(float(low), float(value)), max(float(high), float(value)))
        for low, high, value in zip(lows, highs, middle, strict=True)
    ]


def _fitted(wins: Floats) -> Floats:
    """The most likely ratings for each of many tables of wins."""
    games = wins + wins.swapaxes(1, 2)
    won = wins.sum(axis=2) + _DRAWN
    strength = np.zeros(won.shape)
    diagonal = np.arange(won.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(strength[:, None, :] - strength[:, :, None]))
        alone = 1 / (1 + np.exp(-strength))
        slope = won - (games * chance).sum(axis=2) - 2 * _DRAWN * alone
        spread = games * chance * (1 - chance)
        curve = -spread
        curve[:, diagonal, diagonal] += spread.sum(axis=2) + 2 * _DRAWN * alone * (1 - alone)
        step = np.linalg.solve(curve, slope[..., None])[..., 0]
        longest = np.abs(step).max(axis=1, keepdims=True)
        strength += step * _LONGEST_STEP / np.maximum(longest, _LONGEST_STEP)
        if longest.max() < _SMALLEST_STEP:
            break
    fitted: Floats = POINTS * (strength - strength.mean(axis=1, keepdims=True))
    return fitted
