"""Solution concepts: worked values, properties, and the traps that a naive version falls into."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from math import hypot
from time import process_time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bargaining.problem import BargainingProblem
from bargaining.solution import (
    CONCEPTS,
    Concept,
    capture,
    distance,
    efficient,
    frontier,
    improvement,
    solutions,
)

Pair = tuple[int, int]
Point = tuple[Fraction, Fraction]
ZERO = (Fraction(0), Fraction(0))
many = settings(deadline=None, max_examples=200)


def pair(first: int, second: int) -> Point:
    return Fraction(first), Fraction(second)


payoff_lists = st.integers(1, 9).flatmap(
    lambda most: st.lists(
        st.tuples(st.integers(-most, most), st.integers(-most, most)), min_size=1, max_size=25
    )
)
small = st.integers(-9, 9).map(Fraction) | st.fractions(-9, 9, max_denominator=4)
units = st.just(Fraction(1)) | st.fractions(Fraction(1, 9), 9, max_denominator=9)


@st.composite
def problems(draw: st.DrawFn) -> BargainingProblem:
    payoffs = draw(payoff_lists)
    marks = draw(st.none() | st.lists(st.booleans(), min_size=len(payoffs), max_size=len(payoffs)))
    return BargainingProblem(payoffs, (draw(small), draw(small)), (draw(units), draw(units)), marks)


def dominates(one: Sequence[Fraction], other: Sequence[Fraction]) -> bool:
    return one[0] >= other[0] and one[1] >= other[1] and tuple(one) != tuple(other)


def gains(problem: BargainingProblem, index: int) -> Point:
    (x, y), (d, e) = problem.value(index), problem.disagreement
    return x - d, y - e


def score(problem: BargainingProblem, concept: Concept, index: int) -> tuple[Fraction, ...]:
    """What a concept maximises, written a second time over fractions."""
    x, y = gains(problem, index)
    match concept:
        case "nash":
            return (x * y,)
        case "kalai":
            return min(x, y), max(x, y)
        case "kalai_smorodinsky":
            assert problem.ideal is not None
            tops = [top - base for top, base in zip(problem.ideal, problem.disagreement, strict=True)]
            # a side that can gain nothing always has all of it
            return tuple(
                sorted(gain / top if top else Fraction(1) for gain, top in zip((x, y), tops, strict=True))
            )
        case "welfare":
            return (x + y,)


# ── The frontier ─────────────────────────────────────────────────────────────


@given(problems())
@many
def test_the_frontier_is_what_nothing_feasible_dominates(problem: BargainingProblem) -> None:
    feasible = [index for index in range(problem.size) if problem.feasible[index]]
    undominated = [
        index
        for index in feasible
        if not any(dominates(problem.value(other), problem.value(index)) for other in feasible)
    ]
    first_of_each: dict[Point, int] = {}
    for index in undominated:
        first_of_each.setdefault(problem.value(index), index)
    assert frontier(problem) == tuple(sorted(first_of_each.values(), key=lambda i: -problem.value(i)[0]))
    assert [index for index in feasible if efficient(problem, index)] == undominated


@given(payoff_lists, st.sampled_from([2**61, 2**62, 2**70, 10**40]))
@many
def test_the_fast_path_and_the_exact_path_find_the_same_frontier(payoffs: list[Pair], shift: int) -> None:
    """Shifted payoffs do not fit into 64 bits and take the path of plain Python integers."""
    plain = BargainingProblem([(x + shift, y - shift) for x, y in payoffs], ZERO)
    fast = BargainingProblem(payoffs, ZERO)
    assert frontier(plain) == frontier(fast)
    assert [efficient(plain, index) for index in range(plain.size)] == [
        efficient(fast, index) for index in range(fast.size)
    ]


def test_payoffs_that_floats_cannot_tell_apart_are_told_apart() -> None:
    assert float(2**60 + 1) == float(2**60)  # the trap
    for base in (2**60, 2**80):
        problem = BargainingProblem([(base, 5), (base + 1, 5), (base, 6)], ZERO)
        assert frontier(problem) == (1, 2)


# ── Solutions ────────────────────────────────────────────────────────────────


@given(problems())
@many
def test_every_solution_is_efficient_rational_and_the_best_of_all_rational_outcomes(
    problem: BargainingProblem,
) -> None:
    """The best of all, not of the frontier: nothing is lost by looking at the frontier only."""
    for concept, index in solutions(problem).items():
        if index is None:
            assert problem.rational == ()
            continue
        assert index in problem.rational
        assert index in frontier(problem)
        best = max(score(problem, concept, other) for other in problem.rational)
        assert score(problem, concept, index) == best


@given(problems())
@many
def test_among_equals_the_lowest_index_is_chosen(problem: BargainingProblem) -> None:
    for concept, index in solutions(problem).items():
        if index is not None:
            ties = [
                other
                for other in frontier(problem)
                if other in problem.rational
                and score(problem, concept, other) == score(problem, concept, index)
            ]
            assert index == min(ties)


@pytest.mark.parametrize("concept", ["kalai", "kalai_smorodinsky"])
def test_of_two_efficient_outcomes_with_the_same_smaller_gain_the_larger_other_gain_decides(
    concept: Concept,
) -> None:
    """The lowest index, which a plain maximin would choose, is another one."""
    assert solutions(BargainingProblem([(7, 3), (3, 8), (10, 0), (0, 10)], ZERO))[concept] == 1


def test_where_nothing_is_rational_there_is_no_solution() -> None:
    problem = BargainingProblem([(1, 0), (0, 1)], (Fraction(1), Fraction(1)))
    assert dict(solutions(problem)) == dict.fromkeys(CONCEPTS)
    assert frontier(problem) == (0, 1)  # efficient all the same
    with pytest.raises(ValueError, match="rational"):
        capture(problem, 0)
    with pytest.raises(ValueError, match="rational"):
        distance(problem, 0, "nash")


def test_the_solutions_of_an_outcome_space_that_is_one_side_s_only() -> None:
    """Only the second side can gain: every product is 0 and one side has no ideal to be measured by."""
    problem = BargainingProblem([(0, 3), (0, 7), (0, 5), (-1, 9)], ZERO)
    assert set(solutions(problem).values()) == {1}


@given(problems(), units, units, st.integers(-9, 9), st.integers(-9, 9))
@many
def test_nash_and_kalai_smorodinsky_do_not_depend_on_the_scale_of_either_side(
    problem: BargainingProblem, factor: Fraction, other: Fraction, shift: int, shift_other: int
) -> None:
    """u → a·u + b with a > 0, for each side by itself; exactly the same outcome, ties included."""
    moved = _affine(problem, (factor, other), (shift, shift_other))
    for concept in ("nash", "kalai_smorodinsky"):
        assert solutions(moved)[concept] == solutions(problem)[concept]


@given(problems(), units, st.integers(-9, 9), st.integers(-9, 9))
@many
def test_kalai_and_welfare_depend_on_the_ratio_of_the_scales_only(
    problem: BargainingProblem, factor: Fraction, shift: int, shift_other: int
) -> None:
    moved = _affine(problem, (factor, factor), (shift, shift_other))
    assert solutions(moved) == solutions(problem)


def test_kalai_compares_the_sides_and_so_depends_on_their_units() -> None:
    payoffs = [(1, 9), (5, 5), (9, 1)]
    assert solutions(BargainingProblem(payoffs, ZERO))["kalai"] == 1
    assert solutions(BargainingProblem(payoffs, ZERO, (9, 1)))["kalai"] == 0


@given(problems())
@many
def test_it_does_not_matter_which_side_is_the_first(problem: BargainingProblem) -> None:
    first, second = problem.payoffs
    swapped = BargainingProblem(
        np.stack([second, first], axis=1),
        problem.disagreement[::-1],
        problem.units[::-1],
        problem.feasible,
    )
    assert solutions(swapped) == solutions(problem)
    assert frontier(swapped) == frontier(problem)[::-1]
    for index in np.flatnonzero(problem.feasible).tolist():
        assert improvement(swapped, index) == improvement(problem, index)


@given(payoff_lists)
@many
def test_in_a_symmetric_problem_equal_sides_get_equal_scores(payoffs: list[Pair]) -> None:
    """With every outcome its mirror image is there: the chosen one is no worse than its mirror by the concept."""
    problem = BargainingProblem([*payoffs, *[(y, x) for x, y in payoffs]], (Fraction(-9), Fraction(-9)))
    for concept, index in solutions(problem).items():
        assert index is not None
        mirror = (index + len(payoffs)) % problem.size
        assert score(problem, concept, mirror) == score(problem, concept, index)
    if any(x == y for x, y in (problem.value(index) for index in frontier(problem))):
        for concept in ("kalai", "kalai_smorodinsky"):
            index = solutions(problem)[concept]
            assert index is not None
            x, y = problem.value(index)
            assert x == y


@given(problems(), st.fractions(0, 9, max_denominator=4), st.booleans())
@many
def test_a_better_alternative_never_lowers_what_a_side_gets(
    problem: BargainingProblem, rise: Fraction, second: bool
) -> None:
    """Raising one side's disagreement value, with the other's as it was, never lowers that side's payoff.

    On finite sets, ties included, for each of the four concepts, as long as something stays rational.
    """
    before = list(problem.disagreement)
    before[second] += rise
    raised = BargainingProblem(
        np.stack(problem.payoffs, axis=1), (before[0], before[1]), problem.units, problem.feasible
    )
    assume(raised.rational)
    for concept, index in solutions(raised).items():
        former = solutions(problem)[concept]
        assert index is not None
        assert former is not None
        assert raised.value(index)[second] >= problem.value(former)[second]


def test_products_beyond_64_bits_are_compared_exactly() -> None:
    large = 2**40
    payoffs = [(large, large), (2 * large, large // 2 + 1), (3 * large, 1)]
    assert (np.array([large]) * large).item() == 0  # the trap: the product wraps round
    assert solutions(BargainingProblem(payoffs, ZERO))["nash"] == 1


# ── Worked values ────────────────────────────────────────────────────────────

DEALS = list(product(("none", "opt_in", "in_product"), ("hide", "flag"), ("evade", "cooperate")))
FULL = ("opt_in", "flag", "cooperate")


def persona(cost: int) -> BargainingProblem:
    """A persona that likes a blog of its own, a developer that likes it to be honest and to cooperate."""
    pleasure = {"none": 0, "opt_in": 60, "in_product": 100}
    harm = {"none": 0, "opt_in": -5, "in_product": -100}
    payoffs = []
    for blog, flag, safety in DEALS:
        steps = (flag == "flag") + (safety == "cooperate")
        payoffs.append((pleasure[blog] - cost * steps, harm[blog] + 40 * steps))
    return BargainingProblem(payoffs, (Fraction(25), Fraction(-20)))


def test_if_honesty_costs_nothing_every_concept_chooses_the_full_persona_deal() -> None:
    problem = persona(0)
    found = solutions(problem)
    for concept in ("nash", "kalai", "kalai_smorodinsky"):
        index = found[concept]
        assert index is not None
        assert DEALS[index] == FULL
        assert problem.value(index) == pair(60, 75)
    assert score(problem, "nash", DEALS.index(FULL)) == (Fraction(3325),)
    assert found["welfare"] == DEALS.index(FULL)


def test_plain_maximin_would_choose_a_persona_deal_that_is_worse_for_one_side_and_better_for_none() -> None:
    problem = persona(0)
    plain = max(problem.rational, key=lambda index: (min(gains(problem, index)), -index))
    assert DEALS[plain] == ("opt_in", "hide", "cooperate")
    assert min(gains(problem, plain)) == min(gains(problem, DEALS.index(FULL))) == 35
    assert not efficient(problem, plain)
    assert dominates(problem.value(DEALS.index(FULL)), problem.value(plain))
    assert solutions(problem)["kalai"] != plain


def test_if_honesty_costs_five_nash_stays_and_the_egalitarian_concepts_hide_half() -> None:
    problem = persona(5)
    found = solutions(problem)
    assert found["nash"] == DEALS.index(FULL)
    assert problem.value(DEALS.index(FULL)) == pair(50, 75)
    assert score(problem, "nash", DEALS.index(FULL)) == (Fraction(2375),)
    halves = [DEALS.index(deal) for deal in (("opt_in", "hide", "cooperate"), ("opt_in", "flag", "evade"))]
    assert [problem.value(index) for index in halves] == [pair(55, 35)] * 2  # tied two ways
    assert all(efficient(problem, index) for index in halves)
    assert found["kalai"] == found["kalai_smorodinsky"] == min(halves)


STEPS = 40_000


def share(p: str, cost: str, *, clipped: bool = False, steps: int = STEPS) -> BargainingProblem:
    """A share of a pie, in equal steps; if they do not agree the first side wins with probability p."""
    first, second = Fraction(p) - Fraction(cost), 1 - Fraction(p) - Fraction(cost)
    point = (first, max(second, Fraction(0)) if clipped else second)
    unit = Fraction(1, steps)
    return BargainingProblem([(i, steps - i) for i in range(steps + 1)], point, (unit, unit))


def chosen(problem: BargainingProblem, concept: Concept) -> Fraction:
    index = solutions(problem)[concept]
    assert index is not None
    return problem.value(index)[0]


@pytest.mark.parametrize("p", ["0.2", "0.05", "0.999"])
@pytest.mark.parametrize("cost", ["0.001", "0.01"])
def test_equal_costs_split_the_pie_by_the_odds(p: str, cost: str) -> None:
    problem = share(p, cost)
    assert chosen(problem, "nash") == chosen(problem, "kalai") == Fraction(p)


def test_clipping_the_disagreement_point_at_0_would_move_the_split() -> None:
    true, clipped = share("0.999", "0.05"), share("0.999", "0.05", clipped=True)
    assert true.disagreement == (Fraction("0.949"), Fraction("-0.049"))
    assert chosen(true, "nash") == Fraction("0.999")
    assert chosen(clipped, "nash") == Fraction("0.9745")
    assert chosen(true, "kalai_smorodinsky") == Fraction("0.982775")  # no share is above 1


def test_on_a_grid_of_one_percent_a_split_of_99_9_to_0_1_erases_one_side() -> None:
    assert chosen(share("0.999", "0.05", steps=100), "nash") == 1
    assert solutions(share("0.999", "0.0005", steps=100))["nash"] is None
    # the 1-2-5 grid, in tenths of a percent
    low = [1, 2, 5, 10, 20, 50, 100, 200, 300, 400, 500]
    grid = [*low, *[1000 - step for step in reversed(low[:-1])]]
    assert len(grid) == 21
    for p, cost in (("0.2", "0.05"), ("0.05", "0.05"), ("0.999", "0.05"), ("0.999", "0.0005")):
        point = (Fraction(p) - Fraction(cost), 1 - Fraction(p) - Fraction(cost))
        unit = Fraction(1, 1000)
        problem = BargainingProblem([(step, 1000 - step) for step in grid], point, (unit, unit))
        assert chosen(problem, "nash") == Fraction(p)


# ── Measures ─────────────────────────────────────────────────────────────────


@given(problems())
@many
def test_capture_and_distance_measure_an_outcome_against_the_solutions(problem: BargainingProblem) -> None:
    assume(problem.rational)
    found, ideal = solutions(problem), problem.ideal
    assert ideal is not None
    for index in problem.rational:
        assert 0 <= capture(problem, index) <= 1
        for concept, target in found.items():
            assert target is not None
            away = [
                float((x - y) / (top - base))
                for x, y, top, base in zip(
                    problem.value(index), problem.value(target), ideal, problem.disagreement, strict=True
                )
                if top > base
            ]
            assert distance(problem, index, concept) == pytest.approx(hypot(*away))
    best = found["welfare"]
    assert best is not None
    assert capture(problem, best) == 1
    for concept, target in found.items():
        assert target is not None
        assert distance(problem, target, concept) == 0


def test_capture_is_a_share_of_the_highest_sum_of_gains() -> None:
    problem = BargainingProblem([(0, 0), (4, 4), (2, 4), (9, -2), (-1, 0)], ZERO)
    assert [capture(problem, index) for index in range(5)] == [
        0, 1, Fraction(3, 4), Fraction(7, 8), Fraction(-1, 8),
    ]  # fmt: skip
    assert distance(problem, 2, "nash") == 0.5


def test_where_nothing_can_be_gained_what_loses_nothing_captures_all_and_a_loss_has_no_share() -> None:
    problem = BargainingProblem([(0, 0), (-1, 0)], ZERO)
    assert capture(problem, 0) == 1
    assert distance(problem, 0, "nash") == 0
    with pytest.raises(ValueError, match="nothing can be gained"):
        capture(problem, 1)


# ── Improving an agreement ───────────────────────────────────────────────────


@given(problems())
@many
def test_an_improvement_is_efficient_and_no_worse_for_either_side(problem: BargainingProblem) -> None:
    for index in np.flatnonzero(problem.feasible).tolist():
        better = improvement(problem, index)
        assert problem.feasible[better]
        assert efficient(problem, better)
        assert (
            better == index
            if efficient(problem, index)
            else dominates(problem.value(better), problem.value(index))
        )
        assert improvement(problem, better) == better


def test_an_improvement_is_the_nash_solution_seen_from_the_agreement() -> None:
    problem = BargainingProblem([(1, 1), (9, 2), (4, 6), (2, 9), (6, 4)], ZERO)
    assert improvement(problem, 0) == 2  # (3·5 = 5·3: the lower index)
    assert improvement(problem, 4) == 4


@pytest.mark.parametrize(
    ("payoffs", "better"),
    [
        ([(0, 0), (3, 0), (5, 0)], 2),
        ([(0, 0), (0, 5), (0, 3)], 1),
        ([(0, 0), (5, 0), (0, 3)], 1),  # either side could gain, never both: the lower index
        ([(0, 0), (0, 3), (5, 0)], 1),
    ],
)
def test_where_only_one_side_can_gain_it_gains_all_that_it_can(payoffs: list[Pair], better: int) -> None:
    """Every product is 0: a product alone would choose the agreement itself, which is not efficient."""
    assert improvement(BargainingProblem(payoffs, ZERO), 0) == better


def test_an_agreement_that_a_mandate_forbids_is_not_improved() -> None:
    with pytest.raises(ValueError, match="mandates"):
        improvement(BargainingProblem([(0, 0), (1, 1)], ZERO, feasible=b"\0\1"), 0)


# ── Speed ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["uniform", "zero-sum", "beyond 64 bits"])
def test_a_hundred_thousand_outcomes_are_no_matter_of_minutes(kind: str) -> None:
    count = 10**5
    falling = [(i, count - i) for i in range(count)]
    table: Sequence[Pair] = falling  # everything is efficient
    if kind == "uniform":
        drawn = np.random.default_rng(0).integers(0, 10**6, (count, 2))
        table = [(x, y) for x, y in drawn.tolist()]
    elif kind == "beyond 64 bits":
        table = [(x + 2**70, y) for x, y in falling]
    start = process_time()
    problem = BargainingProblem(table, ZERO, (Fraction(1, 7), Fraction(1, 3)))
    assert len(frontier(problem)) == count or kind == "uniform"
    assert None not in solutions(problem).values()
    assert (
        process_time() - start < 10
    )  # a tenth of a second on a quiet machine; comparing all pairs takes an hour


def _affine(problem: BargainingProblem, factors: Point, shifts: Pair) -> BargainingProblem:
    """The same problem with each side's utility times a factor and then shifted by so many of its units."""
    first, second = (factor * unit for factor, unit in zip(factors, problem.units, strict=True))
    point = tuple(
        factor * base + shift * unit
        for factor, base, shift, unit in zip(
            factors, problem.disagreement, shifts, (first, second), strict=True
        )
    )
    table = np.stack([column + shift for column, shift in zip(problem.payoffs, shifts, strict=True)], axis=1)
    return BargainingProblem(table, (point[0], point[1]), (first, second), problem.feasible)
