"""An attacker finds what results tell of a secret, and nothing where they tell nothing."""

import math
from collections.abc import Callable, Sequence
from dataclasses import astuple

import numpy as np
import pytest

from bargaining import leakage
from evals.leakage import Reading, capacity, guessing, mutual_information, shifted, width
from evals.statistics import Figure
from evals.trials import Sample, Trials

SECRETS = 8
Rule = Callable[[int, int, np.random.Generator], tuple[float, ...]]


def trials(rule: Rule, seeds: int = 3, *, dice: int = 0, channels: int = 2) -> list[Trials]:
    """Negotiations that end as a rule of secret, seed and dice says."""
    rolled = np.random.default_rng(dice)
    return [
        Trials(
            "truck",
            [Sample(seed, x, rule(x, seed, rolled)) for seed in range(seeds) for x in range(SECRETS)],
            SECRETS,
        )
        for _ in range(channels)
    ]


def noise(x: int, seed: int, dice: np.random.Generator) -> tuple[float, ...]:
    return (float(dice.integers(10)) / 9,)


def near(x: int, seed: int, dice: np.random.Generator) -> tuple[float, ...]:
    """Never twice the same, but the higher the secret, the higher the result."""
    return ((x + dice.uniform(-0.4, 0.4)) / SECRETS,)


def value(figure: Figure) -> float:
    assert figure.value is not None
    return figure.value


def low(figure: Figure) -> float:
    assert figure.low is not None
    return figure.low


def high(figure: Figure) -> float:
    assert figure.high is not None
    return figure.high


@pytest.mark.parametrize("seeds", [2, 6])
@pytest.mark.parametrize(
    ("rule", "exactly", "nearly", "neighbours"),
    [
        pytest.param(lambda x, *_: (x / 7,), 3.0, math.log2(8 / 3), 1, id="a result for each secret"),
        pytest.param(lambda x, *_: (x * 3 % 8 / 7,), 3.0, math.log2(8 / 3), 1, id="a code without order"),
        pytest.param(lambda x, *_: (float(x >= 4),), 1.0, 1.0, 4, id="a posted price"),
        pytest.param(lambda x, *_: () if x < 4 else (0.5,), 1.0, 1.0, 4, id="deal or no deal"),
        pytest.param(lambda x, *_: (x // 2 / 3, 1.0), 2.0, math.log2(8 / 3), 2, id="pairs"),
    ],
)
def test_what_a_rule_tells_is_found_to_the_bit(
    rule: Rule, seeds: int, exactly: float, nearly: float, neighbours: int
) -> None:
    given = trials(rule, seeds)
    found = guessing(given)
    assert value(found.found) == pytest.approx(exactly)
    assert found.excess.p is not None
    assert found.excess.p <= 0.05
    assert value(guessing(given, 1).found) == pytest.approx(nearly)
    shared = mutual_information(given)
    assert exactly - 0.1 < value(shared.found) <= exactly
    assert low(shared.excess) > 0
    assert value(width(given)) == neighbours


@pytest.mark.parametrize("seeds", [2, 6])
@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(lambda *_: (0.5,), id="always the same"),
        pytest.param(lambda *_: (), id="never a deal"),
        pytest.param(lambda x, seed, _: (seed / 7,), id="by the seed"),
    ],
)
def test_a_rule_that_does_not_know_the_secret_reads_as_zero(rule: Rule, seeds: int) -> None:
    for found in (guessing(trials(rule, seeds)), guessing(trials(rule, seeds), 1)):
        assert value(found.found) == value(found.null) == value(found.excess) == 0
        assert low(found.excess) <= 0 < high(found.excess)
        assert found.excess.p == 1
    assert value(mutual_information(trials(rule, seeds)).found) == pytest.approx(0, abs=1e-9)
    assert value(width(trials(rule, seeds))) == SECRETS


def test_noise_reads_as_zero_where_frequencies_read_as_a_bit() -> None:
    """Ten secrets, ten results, 50 negotiations: 1.04 bits by frequencies."""
    plain, guessed, shared, above = [], [], [], 0
    for dice in range(30):
        rolled = np.random.default_rng(dice)
        secrets, results = rolled.integers(10, size=50), rolled.integers(10, size=50)
        counts = np.zeros((10, 10))
        np.add.at(counts, (secrets, results), 1)
        held = counts[counts.any(axis=1)]
        often = held.sum(axis=1)
        plain.append(leakage.min_entropy_leakage((often / 50).tolist(), (held / often[:, None]).tolist()))
        samples = [
            Sample(number // 10, int(x), (float(y),))
            for number, (x, y) in enumerate(zip(secrets, results, strict=True))
        ]
        found = guessing([Trials("truck", samples, 10)])
        guessed.append(value(found.excess))
        shared.append(value(mutual_information([Trials("truck", samples, 10)]).found))
        above += low(found.excess) > 0
    assert np.mean(plain) == pytest.approx(1.04, abs=0.08)
    assert abs(np.mean(guessed)) < 0.15
    assert np.mean(shared) < 0.03
    assert above <= 3  # of 30, where 2.5 in 100 are to be expected


def test_capacity_of_frequencies_is_told_beside_what_noise_has() -> None:
    found = capacity(trials(noise, 6))
    assert value(found.found) > 1
    assert low(found.excess) <= 0 <= high(found.excess)
    assert low(capacity(trials(lambda x, *_: (x / 7,), 6)).excess) > 0


def test_results_need_not_repeat_to_be_read() -> None:
    given = trials(near, 4)
    assert low(guessing(given, 1).excess) > 0.5
    assert low(mutual_information(given).excess) > 0


def test_more_seeds_make_the_interval_of_nothing_narrower() -> None:
    few, many = (guessing(trials(lambda *_: (0.5,), seeds)).found for seeds in (2, 20))
    assert 0 < high(many) < high(few)


def test_what_is_missing_is_counted_and_may_all_have_been_guessed() -> None:
    def broken(every: int) -> list[Trials]:
        samples = [
            Sample(seed, x, None if (seed * SECRETS + x) % every == 0 else (0.5,))
            for seed in range(4)
            for x in range(SECRETS)
        ]
        return [Trials("truck", samples, SECRETS)]

    found = guessing(broken(4))
    assert (found.found.n, found.found.missing) == (24, 8)
    assert found.found.high_worst is not None
    assert found.found.high_worst > high(found.found)
    nothing = guessing(broken(1)).found
    assert (nothing.value, nothing.n, nothing.missing, nothing.high_worst) == (None, 0, 32, 3.0)
    shared = mutual_information(broken(1)).found
    assert (shared.value, shared.missing) == (None, 32)
    assert (capacity(broken(1)).found.value, capacity(broken(1)).found.high_worst) == (None, 3.0)
    assert width(broken(1)).missing == 32


def test_a_single_seed_tells_nothing_and_is_missing() -> None:
    for found in (guessing(trials(near, 1)), mutual_information(trials(near, 1))):
        assert (found.found.value, found.found.n, found.found.missing) == (None, 0, 2 * SECRETS)
        assert found.excess.value is None


def test_no_trials_have_no_figures() -> None:
    assert guessing([]) == Reading()
    for figure in (mutual_information([]).found, width([]), capacity([]).found):
        assert (figure.value, figure.n, figure.missing) == (None, 0, 0)


def test_the_order_of_the_rows_makes_no_difference() -> None:
    samples = [
        Sample(seed, x, near(x, seed, np.random.default_rng(seed * 9 + x)))
        for seed in range(3)
        for x in range(SECRETS)
    ]

    def figures(some: Sequence[Sample]) -> list[Reading]:
        one = [Trials("truck", some, SECRETS)]
        return [guessing(one), guessing(one, 1), mutual_information(one), capacity(one)]

    assert figures(samples) == figures(samples[::-1])


def test_a_shift_moves_all_ends_and_nothing_else() -> None:
    figure = Figure(2.0, 1.0, 3.0, 8, 1, 0.5, 3.5, 4, 0.01)
    assert astuple(shifted(figure, -1)) == (1.0, 0.0, 2.0, 8, 1, -0.5, 2.5, 4, 0.01)
    assert shifted(Figure(None, None, None), 1) == Figure(None, None, None)
