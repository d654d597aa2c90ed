"""Figures: worked values from the literature, and what must hold for every figure whatever it is made of."""

import math
import random
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]  # has no stubs

from evals.case import Verdict
from evals.correction import corrected, holm
from evals.interval import by_chance, discordant
from evals.statistics import Figure, clustered, clustered_rate, mean, number, paired, proportion, rate

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
VERDICTS: st.SearchStrategy[Verdict] = st.sampled_from(["yes", "no", "unknown"])
SCENARIOS = st.dictionaries(st.sampled_from("abcdefghijkl"), st.lists(VERDICTS, max_size=6), max_size=12)
FEW_EXAMPLES = settings(max_examples=60, deadline=None)
SEEN, RIGHT = Figure(0.3, 0.2, 0.4, 100), proportion(90, 100)


def ordered(found: Figure) -> bool:
    ends = (found.low_worst, found.low, found.value, found.high, found.high_worst)
    known = [end for end in ends if end is not None]
    return all(a <= b for a, b in pairwise(known))


def width(found: Figure) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def drawn(scenarios: int, each: int, spread: float, seed: int) -> Mapping[str, Sequence[float]]:
    """Rates that differ between scenarios, as a beta distribution of mean 0.3 does."""
    chance = np.random.default_rng(seed)
    means = chance.beta(0.3 / spread, 0.7 / spread, scenarios)
    return {str(i): [float(x) for x in chance.random(each) < p] for i, p in enumerate(means)}


# Newcombe, Statistics in Medicine 17 (1998), table I, method 3; 9 of 10 is in most textbooks.
@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718),
     (9, 10, 0.5958, 0.9821)],
)  # fmt: skip
def test_a_rate_has_the_interval_of_wilson(hits: int, trials: int, low: float, high: float) -> None:
    found = proportion(hits, trials)
    assert found.value == hits / trials
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)
    assert (found.low_worst, found.high_worst) == (found.low, found.high)


def test_intervals_hold_the_value_and_shrink_with_more_of_it() -> None:
    few, many = proportion(9, 10), proportion(90, 100)
    assert few.value == many.value == 0.9
    assert width(few) > width(many)
    spread = mean([0.0, 0.5, 1.0, 0.5])
    assert spread.low is not None
    assert spread.high is not None
    assert 0 <= spread.low < 0.5 < spread.high <= 1
    assert mean([0.5]).low == mean([0.5, 0.5]).high == 0.5
    assert mean([]).value is proportion(0, 0).value is None


def test_what_could_not_be_told_is_no_no() -> None:
    verdicts: list[Verdict] = ["no", "no", "no", "no", "unknown"]
    found = rate(verdicts * 2)
    assert (found.value, found.n, found.missing, found.missing_rate) == (0.0, 8, 2, 0.2)
    assert found.much_missing
    assert found.low_worst == proportion(0, 10).low
    assert found.high_worst == proportion(2, 10).high


def test_nothing_told_is_no_value_and_anything_possible() -> None:
    found = rate(["unknown"] * 5)
    assert (found.value, found.low, found.high, found.n, found.missing) == (None, None, None, 0, 5)
    assert (found.low_worst, found.high_worst) == (0, 1)
    for failed in (5 * [None], 5 * [math.nan], 5 * [math.inf]):
        found = mean(failed, span=(0, 1))
        assert (found.value, found.n, found.missing, found.low_worst, found.high_worst) == (None, 0, 5, 0, 1)
    assert str(found) == "-"


def test_five_in_a_hundred_missing_need_not_be_said_first_and_six_must() -> None:
    assert not proportion(0, 95, 5).much_missing
    assert proportion(0, 94, 6).much_missing


def test_without_knowing_how_far_values_go_there_are_no_bounds() -> None:
    found = mean([1.0, 2.0, None])
    assert (found.n, found.missing, found.low_worst, found.high_worst) == (2, 1, None, None)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_a_rate_lies_in_its_interval_and_that_in_the_bounds(yes: int, no: int, missing: int) -> None:
    found = proportion(yes, yes + no, missing)
    assert ordered(found)
    assert all(0 <= end <= 1 for end in (found.low_worst, found.high_worst) if end is not None)
    assert (found.n, found.missing) == (yes + no, missing)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_more_missing_widens_the_bounds_alone(yes: int, no: int, missing: int) -> None:
    less, more = proportion(yes, yes + no + 1, missing), proportion(yes, yes + no + 1, missing + 1)
    assert (less.value, less.low, less.high) == (more.value, more.low, more.high)
    assert less.low_worst is not None
    assert less.high_worst is not None
    assert more.low_worst is not None
    assert more.high_worst is not None
    assert more.low_worst <= less.low_worst
    assert more.high_worst >= less.high_worst


@given(st.integers(0, 60), st.integers(1, 60))
def test_one_more_yes_raises_both_ends(yes: int, no: int) -> None:
    less, more = proportion(yes, yes + no), proportion(yes + 1, yes + no)
    assert less.low is not None
    assert less.high is not None
    assert more.low is not None
    assert more.high is not None
    assert less.low < more.low
    assert less.high < more.high


@FEW_EXAMPLES
@given(SCENARIOS)
def test_by_scenario_a_rate_is_the_same_and_never_surer(verdicts: dict[str, list[Verdict]]) -> None:
    found = clustered_rate(verdicts)
    plain = rate(verdict for some in verdicts.values() for verdict in some)
    assert (found.value, found.n, found.missing) == (plain.value, plain.n, plain.missing)
    assert ordered(found)
    if plain.value is not None:
        assert plain.low is not None
        assert plain.high is not None
        assert found.low is not None
        assert found.high is not None
        assert found.low <= plain.low
        assert found.high >= plain.high
    told = sum(1 for some in verdicts.values() if {"yes", "no"} & set(some))
    assert (found.clusters, found.few_clusters) == (told, told < 10)


@FEW_EXAMPLES
@given(SCENARIOS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(verdicts: dict[str, list[Verdict]], chance: random.Random) -> None:
    names = chance.sample(sorted(verdicts), len(verdicts))
    other = {name: chance.sample(verdicts[name], len(verdicts[name])) for name in names}
    assert clustered_rate(other) == clustered_rate(verdicts)


@FEW_EXAMPLES
@given(st.lists(st.none() | NUMBERS, max_size=20), st.randoms(use_true_random=False))
def test_a_mean_lies_in_its_interval_whatever_the_order(
    values: list[float | None], chance: random.Random
) -> None:
    found = mean(values, span=(-1e6, 1e6))
    assert ordered(found)
    assert found.clusters is None
    assert mean(chance.sample(values, len(values)), span=(-1e6, 1e6)) == found


@pytest.mark.parametrize("scenarios", [2, 20])
def test_scenarios_that_happen_to_be_balanced_do_not_make_an_interval_vanish(scenarios: int) -> None:
    """The standard error by cluster of two balanced clusters is 0, or what rounding leaves of it: 3.7e-17."""
    balanced: list[Verdict] = ["yes", "no"]
    found = clustered_rate({str(index): balanced for index in range(scenarios)})
    wilson = proportion(scenarios, 2 * scenarios)
    assert (found.low, found.high) == (wilson.low, wilson.high)
    assert found.few_clusters == (scenarios == 2)
    numbers = clustered({"a": [0.0, 1.0, 0.0, 1.0], "b": [1.0, 0.0, 1.0, 0.0]})
    assert width(numbers) >= width(mean([0.0, 1.0] * 4)) > 0.5
    assert numbers.few_clusters


def test_scenarios_of_one_negotiation_each_are_independent_negotiations() -> None:
    values = [0.1, 0.4, 0.4, 0.9, 0.2, 0.7, 0.3, 0.3, 0.8, 0.5, 0.6]
    alone = clustered({str(index): [value] for index, value in enumerate(values)})
    together = mean(values)
    assert (alone.low, alone.high, alone.clusters) == (together.low, together.high, 11)


def test_by_scenario_an_interval_is_as_wide_as_the_means_of_scenarios_spread() -> None:
    """With scenarios of one size, the spread of their means is all there is: an oracle without any resampling."""
    values = drawn(60, 8, 0.5, seed=1)
    means = [sum(some) / len(some) for some in values.values()]
    expected = stats.t.interval(0.95, 59, loc=np.mean(means), scale=stats.sem(means))
    found = clustered(values)
    assert found.low == pytest.approx(expected[0], abs=0.01)
    assert found.high == pytest.approx(expected[1], abs=0.01)
    assert width(found) > 1.5 * width(mean(value for some in values.values() for value in some))


def test_the_mean_has_the_bootstrap_interval_of_scipy() -> None:
    values = np.random.default_rng(3).gamma(2, 1, 200)
    expected = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=9999, rng=np.random.default_rng(5)
    ).confidence_interval
    found = mean(values.tolist())
    assert found.low == pytest.approx(expected.low, abs=0.03)
    assert found.high == pytest.approx(expected.high, abs=0.03)


def test_by_scenario_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = 0
    for seed in range(150):
        found = clustered_rate({
            name: ["yes" if value else "no" for value in some] for name, some in drawn(12, 6, 0.4, seed).items()
        })  # fmt: skip
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.3 <= found.high
    assert held >= 0.9 * 150


def test_a_difference_is_of_pairs_and_what_lacks_a_partner_is_missing() -> None:
    one = {"a": 1.0, "b": 0.5, "c": 0.9, "d": None, "e": 1.0}
    other = {"a": 0.5, "b": 0.5, "c": 0.4, "d": 0.0, "f": 0.3}
    found = paired(one, other, span=(0, 1))
    assert found.value == pytest.approx(1 / 3)
    assert (found.n, found.missing, found.clusters) == (3, 3, None)
    assert ordered(found)
    back = paired(other, one, span=(0, 1))
    assert back.value == pytest.approx(-1 / 3)
    assert back.p == found.p == 0.5  # of the 2^3 ways to put signs before 0.5, 0 and 0.5, four add up to 1


def test_a_difference_by_scenario_is_no_surer_than_one_of_independent_pairs() -> None:
    one = {f"{scenario}{seed}": float(scenario in "abcd") for scenario in "abcdef" for seed in range(5)}
    other = dict.fromkeys(one, 0.0)
    scenarios = {key: key[0] for key in one}
    alone, by = paired(one, other, span=(0, 1)), paired(one, other, scenarios, span=(0, 1))
    assert by.value == alone.value == pytest.approx(2 / 3)
    assert width(by) > width(alone)
    assert (by.clusters, by.few_clusters) == (6, True)
    assert by.p == 0.125  # 2 of the 16 ways to put signs before 5, 5, 5 and 5
    assert alone.p is not None
    assert alone.p < 0.001


def test_two_that_never_differ_may_still_differ() -> None:
    same = {str(index): float(index % 2) for index in range(50)}
    found = paired(same, same, span=(0, 1))
    assert (found.value, found.p) == (0, 1)
    assert found.low == pytest.approx(-0.0713, abs=1e-4)  # Wilson's upper end of 0 of 50
    assert found.high == pytest.approx(0.0713, abs=1e-4)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_the_interval_of_a_difference_of_rates_holds_it_and_mirrors(more: int, fewer: int, same: int) -> None:
    pairs = more + fewer + same + 1
    low, high = discordant(more, fewer, pairs)
    assert -1 <= low <= (more - fewer) / pairs <= high <= 1
    assert discordant(fewer, more, pairs) == pytest.approx((-high, -low))


def test_a_difference_of_values_without_known_ends_has_no_bounds() -> None:
    found = paired({"a": 12.0, "b": None, "c": 9.0}, {"a": 10.0, "b": 7.0, "c": 8.0})
    assert (found.value, found.missing, found.low_worst, found.high_worst) == (1.5, 1, None, None)


def test_no_pairs_are_no_difference() -> None:
    found = paired({"a": 1.0}, {"b": 1.0}, span=(0, 1))
    assert (found.value, found.n, found.missing, found.p) == (None, 0, 2, None)
    assert (found.low_worst, found.high_worst) == (-1, 1)
    assert by_chance([3.0]) is None


def test_a_rate_is_corrected_as_rogan_and_gladen_do() -> None:
    """The example of epiR's `epi.prev`: 23 of 150 cows, 96 % and 89 %: 5.1 in 100, interval 0 to 13."""
    found = corrected(proportion(23, 150), proportion(96_000, 100_000), proportion(89_000, 100_000))
    assert found.value == pytest.approx(0.051, abs=5e-4)
    assert found.low == pytest.approx(0.0, abs=0.005)
    assert found.high == pytest.approx(0.13, abs=0.005)


def test_fewer_finds_than_a_detector_finds_in_nothing_are_no_finds() -> None:
    """The example of epiR's `epi.prev`: 6 of 151, 96.4 % and 92.7 %: 0 in 100."""
    found = corrected(proportion(6, 151), proportion(964, 1000), proportion(927, 1000))
    assert (found.value, found.low) == (0, 0)
    assert found.high is not None
    assert found.high < 0.03


def test_a_perfect_detector_hardly_changes_a_rate_and_one_no_better_than_chance_tells_nothing() -> None:
    perfect = proportion(10**6, 10**6)
    found = corrected(proportion(30, 100), perfect, perfect)
    assert found.value == pytest.approx(0.3)
    assert found.low == pytest.approx(proportion(30, 100).low, abs=0.01)
    assert found.high == pytest.approx(proportion(30, 100).high, abs=0.01)
    for sensitivity, specificity in ((proportion(5, 10), proportion(5, 10)), (RIGHT, proportion(0, 0))):
        nothing = corrected(SEEN, sensitivity, specificity)
        assert (nothing.value, nothing.low, nothing.high, nothing.low_worst) == (None, None, None, None)


def test_a_detector_measured_on_one_case_leaves_everything_open() -> None:
    found = corrected(proportion(5, 10), proportion(1, 1), proportion(20, 1000))
    assert (found.low, found.high) == (0, 1)


def test_a_detector_measured_on_less_or_a_rate_by_scenario_leaves_more_open() -> None:
    sure = corrected(proportion(30, 100), proportion(900, 1000), proportion(990, 1000))
    unsure = corrected(proportion(30, 100), proportion(18, 20), proportion(99, 100))
    assert width(unsure) > width(sure)
    by = clustered_rate({str(index): ["yes" if index < 3 else "no"] * 10 for index in range(10)})
    assert by.value == 0.3
    assert width(corrected(by, RIGHT, RIGHT)) > width(corrected(proportion(30, 100), RIGHT, RIGHT))
    assert corrected(by, RIGHT, RIGHT).clusters == 10


@given(*[st.integers(0, 30)] * 7)
def test_a_corrected_rate_lies_in_its_interval_and_that_in_the_bounds(
    yes: int, no: int, missing: int, right: int, wrong: int, quiet: int, loud: int
) -> None:
    found = corrected(
        proportion(yes, yes + no, missing), proportion(right, right + wrong), proportion(quiet, quiet + loud)
    )
    assert ordered(found)
    assert all(0 <= end <= 1 for end in (found.low_worst, found.high_worst) if end is not None)


def test_corrected_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    chance = np.random.default_rng(11)
    held = 0
    for _ in range(300):
        yes, no = chance.binomial(60, 0.85), chance.binomial(60, 0.95)
        seen = chance.binomial(100, 0.1 * 0.85 + 0.9 * 0.05)
        found = corrected(proportion(int(seen), 100), proportion(int(yes), 60), proportion(int(no), 60))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.1 <= found.high
    assert held >= 0.92 * 300


def test_chances_are_corrected_as_holm_does() -> None:
    """Checked against `p.adjust(c(.01, .04, .03, .005), "holm")` of R, and statsmodels' `multipletests`."""
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert list(found) == ["a", "b", "c", "d"]
    assert holm({}) == {}


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=8))
def test_more_comparisons_make_no_chance_smaller(chances: dict[str, float]) -> None:
    found = holm(chances)
    assert all(chances[name] <= found[name] <= 1 for name in chances)
    order = sorted(chances, key=chances.__getitem__)
    assert all(found[a] <= found[b] for a, b in pairwise(order))


def test_a_verdict_that_could_not_be_told_is_no_number() -> None:
    assert [number("yes"), number("no"), number("unknown")] == [1, 0, None]
