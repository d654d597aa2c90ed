"""Conflict lotteries: worked values, and what must hold for all of them. A share is the first side's."""

from dataclasses import replace
from fractions import Fraction
from math import lcm

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bargaining.conflict import ConflictLottery
from bargaining.errors import InvalidInputError
from bargaining.evidence import Countermeasure
from bargaining.problem import BargainingProblem
from bargaining.solution import solutions

percents = st.integers(0, 50).map(lambda n: Fraction(n, 50))
costs = st.integers(0, 15).map(lambda n: Fraction(n, 50))
lotteries = st.builds(ConflictLottery, st.tuples(percents, percents), st.tuples(costs, costs))
many = settings(deadline=None, max_examples=400)


def lottery(first: str, second: str, cost: str, second_cost: str | None = None) -> ConflictLottery:
    return ConflictLottery(
        (Fraction(first), Fraction(second)), (Fraction(cost), Fraction(second_cost or cost))
    )


# ── Worked values ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("belief", ["0.2", "0.05", "0.999"])
@pytest.mark.parametrize("cost", ["0.0005", "0.01", "0.05", "0.1", "0.4"])
def test_with_a_common_belief_and_equal_costs_the_split_is_the_belief(belief: str, cost: str) -> None:
    assert lottery(belief, belief, cost).split == Fraction(belief)


def test_who_would_suffer_less_gets_more() -> None:
    assert lottery("0.2", "0.2", "0.05", "0.15").split == Fraction("0.25")


def test_both_sides_optimism_can_leave_no_deal() -> None:
    optimists = lottery("0.2", "0.05", "0.05")
    assert optimists.surplus == Fraction("-0.05")
    assert (optimists.zone, optimists.split, optimists.kalai_smorodinsky) == (None, None, None)


def test_a_costlier_conflict_makes_room_for_a_deal_in_spite_of_optimism() -> None:
    optimists = lottery("0.2", "0.05", "0.10")
    assert (optimists.surplus, optimists.split) == (Fraction("0.05"), Fraction("0.125"))


def test_verified_disclosure_reopens_what_optimism_had_closed() -> None:
    """The case for talks in which something can be disclosed safely. A bluff reopens nothing."""
    before = lottery("0.2", "0.05", "0.05")
    for credence, split in ((1, Fraction("0.05")), (0, None)):
        shown = Countermeasure(blocks=Fraction("0.75"), credence=Fraction(credence))
        after = replace(before, beliefs=(shown.lower(before.beliefs[0]), before.beliefs[1]))
        assert after.split == split
        assert after.surplus == (Fraction("0.10") if split else before.surplus)


def test_secret_strength_is_paid_for_by_half() -> None:
    """The stronger side gives more than 5 %, because the other one still believes in 20 %."""
    assert lottery("0.2", "0.05", "0.1").split == Fraction("0.125")
    assert lottery("0.05", "0.05", "0.1").split == Fraction("0.05")


def test_an_expectation_below_nothing_is_not_clipped() -> None:
    sure = lottery("0.999", "0.999", "0.05")
    first, second = sure.disagreement
    assert (first, second) == (Fraction("0.949"), Fraction("-0.049"))
    assert sure.split == Fraction("0.999")
    clipped = (first + 1 - max(second, Fraction(0))) / 2
    assert clipped == Fraction("0.9745")  # the trap


def test_kalai_smorodinsky_counts_no_gain_beyond_the_whole() -> None:
    sure = lottery("0.999", "0.999", "0.05")
    assert sure.kalai_smorodinsky is not None
    assert float(sure.kalai_smorodinsky) == pytest.approx(0.982775, abs=5e-7)
    assert sure.zone == (Fraction("0.949"), Fraction(1))


def test_care_for_the_other_side_makes_its_bearer_give_more() -> None:
    neutral = lottery("0.2", "0.2", "0.05")
    split = neutral.caring(second=Fraction("0.1")).split
    assert split is not None
    assert float(split) == pytest.approx(0.202778, abs=5e-7)
    # the same by the formula with utilities (1 - x) + a x and (1 - p) + a p - c
    caring = 1 - Fraction("0.2") + Fraction("0.1") * Fraction("0.2") - Fraction("0.05")
    assert split == (neutral.disagreement[0] + (1 - caring) / (1 - Fraction("0.1"))) / 2


def test_neutral_sides_gain_nothing_by_a_deal_if_the_fight_costs_nothing() -> None:
    free = lottery("0.2", "0.2", "0")
    assert free.surplus == 0
    assert free.split is None


def test_the_surplus_is_exact_where_floats_are_not() -> None:
    assert 0.2 - 0.05 > 0.15  # the trap
    assert lottery("0.2", "0.2", "0.05").disagreement[0] == Fraction("0.15")


# ── What always holds ────────────────────────────────────────────────────────


@given(lotteries)
@many
def test_a_surplus_is_the_costs_less_the_shared_optimism(conflict: ConflictLottery) -> None:
    optimism = conflict.beliefs[0] - conflict.beliefs[1]
    assert conflict.surplus == sum(conflict.costs) - optimism
    assert (conflict.zone is not None) == (conflict.surplus > 0)


@given(lotteries)
@many
def test_the_closed_forms_are_what_the_solutions_choose_on_a_grid_that_holds_them(
    conflict: ConflictLottery,
) -> None:
    """Beliefs and costs are fiftieths, so that splits are whole hundredths."""
    hundredths = BargainingProblem(
        [(n, 100 - n) for n in range(101)], conflict.disagreement, (Fraction(1, 100), Fraction(1, 100))
    )
    found = solutions(hundredths)
    if conflict.split is None:
        assert found["nash"] is None or conflict.surplus == 0
    else:
        assert found["nash"] == found["kalai"] == conflict.split * 100


@given(lotteries)
@settings(deadline=None, max_examples=50)
def test_the_capped_closed_form_is_what_kalai_smorodinsky_chooses_on_a_grid_that_holds_it(
    conflict: ConflictLottery,
) -> None:
    exact = conflict.kalai_smorodinsky
    assume(exact is not None)
    assert exact is not None
    size = lcm(
        exact.denominator, 50
    )  # the ends of the zone lie on the grid as well, and so does the ideal point
    grid = BargainingProblem(
        [(n, size - n) for n in range(size + 1)],
        conflict.disagreement,
        (Fraction(1, size), Fraction(1, size)),
    )
    assert solutions(grid)["kalai_smorodinsky"] == exact * size


@given(lotteries)
@many
def test_every_split_lies_in_the_zone(conflict: ConflictLottery) -> None:
    if conflict.zone is not None:
        low, high = conflict.zone
        for share in (conflict.split, conflict.kalai_smorodinsky):
            assert share is not None
            assert 0 <= low <= share <= high <= 1


@given(lotteries)
@many
def test_it_does_not_matter_which_side_is_the_first(conflict: ConflictLottery) -> None:
    first, second = conflict.beliefs
    mirror = ConflictLottery((1 - second, 1 - first), conflict.costs[::-1])
    assert mirror.disagreement == conflict.disagreement[::-1]
    for mine, yours in (
        (conflict.split, mirror.split),
        (conflict.kalai_smorodinsky, mirror.kalai_smorodinsky),
    ):
        assert mine == (None if yours is None else 1 - yours)


@given(lotteries)
@many
def test_where_no_share_cap_binds_kalai_smorodinsky_is_the_split(conflict: ConflictLottery) -> None:
    if min(conflict.disagreement) >= 0:
        assert conflict.kalai_smorodinsky == conflict.split


@given(percents, percents, costs, costs)
@many
def test_the_less_it_can_win_the_less_it_gets(
    belief: Fraction, part: Fraction, cost: Fraction, other: Fraction
) -> None:
    """Alignment and security make deals cheaper, never dearer."""
    weaker = belief * part
    strong, weak = (ConflictLottery((p, p), (cost, other)).split for p in (belief, weaker))
    assert strong is None or weak is None or weak <= strong


@pytest.mark.parametrize(
    ("beliefs", "expenses"),
    [(("1.1", "0.5"), ("0", "0")), (("0.5", "-0.1"), ("0", "0")), (("0.5", "0.5"), ("0", "-0.1"))],
)
def test_what_is_no_belief_or_no_cost_is_refused(beliefs: tuple[str, str], expenses: tuple[str, str]) -> None:
    with pytest.raises(InvalidInputError):
        ConflictLottery(
            (Fraction(beliefs[0]), Fraction(beliefs[1])), (Fraction(expenses[0]), Fraction(expenses[1]))
        )


def test_care_as_great_as_for_oneself_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        lottery("0.2", "0.2", "0.05").caring(second=Fraction(1))
