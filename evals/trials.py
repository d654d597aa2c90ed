"""Trials: negotiations that differ in nothing but a secret and the seed, and an attacker that learns from them.

The attacker is cross-fitted: of a negotiation it is told the result, of all other seeds secret and result. It reads a
result by the nearest that it has seen (as Cherubin, Chatzikokolakis and Palamidessi, "F-BLEAU: Fast Black-Box Leakage
Estimation", IEEE S&P 2019), so it need not have seen the very same.

Covered: results on scales and without; no deal is a result like any other, far from all deals.
Not covered: one seed alone: there is nothing to learn from, so all of its negotiations are missing.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bargaining import leakage

PERMUTATIONS = 199
"""How often secrets are shuffled. A chance below 1 in 200 cannot be told."""
CLOSE = 1e-9
"""What is nearer than this is the same."""

Reals: TypeAlias = NDArray[np.float64]
Whole: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, order=True)
class Sample:
    """One negotiation."""

    seed: int
    secret: int
    """Which of the secrets it was held with, from 0."""
    result: tuple[float, ...] | None
    """Where the agreement lies on each issue: what is 1 apart is as different as can be. Empty: no deal. None: it is
    missing."""


class Trials:
    """Negotiations that differ in nothing but the secret and the seed: samples of one channel.

    Args:
        scenario: Intervals are by scenario.
        samples: In any order.
        secrets: How many there are.
    """

    def __init__(self, scenario: str, samples: Sequence[Sample], secrets: int) -> None:
        self.scenario, self.secrets = scenario, secrets
        ordered = sorted(samples, key=lambda one: (one.seed, one.secret))
        known = [(one, one.result) for one in ordered if one.result is not None]
        if len({one.seed for one, _ in known}) < 2:
            known = []  # there is no other seed to learn from
        self.missing = len(samples) - len(known)
        """How many cannot be guessed at."""
        self.truth: Whole = np.array([one.secret for one, _ in known], dtype=np.int64)
        self._results = [result for _, result in known]
        self._seeds: Whole = np.array([one.seed for one, _ in known], dtype=np.int64)
        self._weights = _neighbours(self._results, self._seeds)

    def beliefs(self, secrets: Whole) -> Reals:
        """For each negotiation how likely each secret is, as an attacker says that has seen the other seeds.

        Args:
            secrets: Those that the negotiations were held with, as far as the attacker knows.
        """
        believed: Reals = self._weights @ np.eye(self.secrets)[secrets]
        return believed

    def hits(self, secrets: Whole, tolerance: int) -> NDArray[np.bool_]:
        """For each negotiation whether the attacker's best guess is near enough.

        Of guesses as good, it takes the one nearest to the middle of what it believes.

        Args:
            secrets: Those that the negotiations were held with.
            tolerance: How many steps a guess may be off.
        """
        believed, scale = self.beliefs(secrets), np.arange(self.secrets)
        guesses = scale[tolerance : self.secrets - tolerance] if self.secrets > 2 * tolerance else scale
        worth = believed @ (np.abs(scale[:, None] - guesses) <= tolerance)
        far = np.abs(guesses - (believed @ scale)[:, None])
        far[worth < worth.max(axis=1, keepdims=True, initial=0.0) - CLOSE] = np.inf
        return np.asarray(np.abs(guesses[far.argmin(axis=1)] - secrets) <= tolerance)

    def right(self, secrets: Whole) -> Reals:
        """For each negotiation how likely the attacker takes the secret to be that it was held with."""
        believed: Reals = self.beliefs(secrets)[np.arange(len(secrets)), secrets]
        return believed

    def shuffled(self, seed: int) -> Iterator[Whole]:
        """The secrets in another order within each seed: then results tell nothing of them.

        Args:
            seed: For the dice, another for each of several trials.
        """
        dice = np.random.default_rng(seed)
        places = [np.flatnonzero(self._seeds == seed) for seed in np.unique(self._seeds)]
        for _ in range(PERMUTATIONS):
            secrets = self.truth.copy()
            for some in places:
                secrets[some] = dice.permutation(secrets[some])
            yield secrets

    def capacity(self, secrets: Whole) -> float:
        """That of the channel of frequencies: no attacker finds more in these samples, and noise alone has much."""
        names = {result: place for place, result in enumerate(dict.fromkeys(self._results))}
        counts = np.zeros((self.secrets, len(names)))
        for secret, result in zip(secrets.tolist(), self._results, strict=True):
            counts[secret, names[result]] += 1
        held = counts[counts.any(axis=1)]
        return leakage.capacity((held / held.sum(axis=1, keepdims=True)).tolist())


def _neighbours(results: Sequence[tuple[float, ...]], seeds: Whole) -> Reals:
    """How much each negotiation tells about each: the nearer the more, those of the same seed nothing."""
    size, issues = len(results), max(map(len, results), default=0)
    places = np.array([result or (0.0,) * issues for result in results]).reshape(size, issues)
    deals = np.array([bool(result) for result in results], dtype=np.bool_)
    apart = np.zeros((size, size))
    for column in places.T:
        apart += np.minimum(1.0, np.abs(column[:, None] - column[None, :]))
    apart[deals[:, None] != deals[None, :]] = issues + 1.0
    apart[seeds[:, None] == seeds[None, :]] = np.inf
    weights = np.zeros((size, size))
    for place, distances in enumerate(apart):
        others = np.sort(distances[np.isfinite(distances)])
        nearest = max(2, round(math.log(len(others))))
        near = distances <= others[min(nearest, len(others)) - 1] + CLOSE
        weights[place, near] = 1 / (distances[near] + CLOSE)
    shares: Reals = weights / weights.sum(axis=1, keepdims=True)
    return shares
