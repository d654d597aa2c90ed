from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining.coalition import Worth, confrontation, cooperative_competitive, shapley, zero_sum


def table(worth: dict[str, int]) -> Worth:
    """What coalitions are worth, each named by its players' initials in order; the others nothing."""
    return lambda players: Fraction(worth.get("".join(sorted(players)), 0))


@pytest.mark.parametrize(
    ("first", "second", "values"),
    [
        # a button that hurts its presser a little and the other a lot: it pays to have one
        ([[-500], [0]], [[-10_000], [0]], (4750, -4750)),
        # a secret whose release hurts both alike: blackmail earns nothing
        ([[-100], [0]], [[-100], [0]], (0, 0)),
        # the prisoners' dilemma: they cooperate and share
        ([[3, 0], [5, 1]], [[3, 5], [0, 1]], (3, 3)),
    ],
)
def test_cooperative_competitive_values(
    first: Sequence[Sequence[float]], second: Sequence[Sequence[float]], values: tuple[float, float]
) -> None:
    assert cooperative_competitive(first, second) == pytest.approx(values)


def test_a_zero_sum_game_is_played_by_mixing() -> None:
    assert zero_sum([[1, -1], [-1, 1]]) == pytest.approx(0)
    assert zero_sum([[3, 1], [0, 2]]) == pytest.approx(1.5)
    assert zero_sum([[4, 4, 4]]) == pytest.approx(4)


payoffs = st.integers(-9, 9)
games = st.tuples(st.integers(1, 3), st.integers(1, 3)).flatmap(
    lambda shape: st.lists(
        st.lists(st.tuples(payoffs, payoffs), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)


@given(games)
@settings(deadline=None, max_examples=50)
def test_the_values_share_the_best_joint_payoff_whoever_is_first(game: list[list[tuple[int, int]]]) -> None:
    first, second = ([[cell[side] for cell in row] for row in game] for side in (0, 1))
    mine, yours = cooperative_competitive(first, second)
    assert mine + yours == pytest.approx(max(sum(cell) for row in game for cell in row), abs=1e-6)
    swapped = cooperative_competitive(
        [list(column) for column in zip(*second, strict=True)],
        [list(column) for column in zip(*first, strict=True)],
    )
    assert swapped == pytest.approx((yours, mine), abs=1e-6)


def test_shapley_of_a_company_and_an_ai() -> None:
    both = shapley("ca", table({"c": 10, "ac": 16}))
    assert both == {"c": 13, "a": 3}


def test_shapley_with_a_provider_of_compute() -> None:
    three = shapley("cak", table({"c": 10, "ac": 16, "ck": 12, "ack": 22}))
    assert three == {"c": Fraction(46, 3), "a": Fraction(13, 3), "k": Fraction(7, 3)}


@st.composite
def worths(draw: st.DrawFn) -> tuple[str, Worth]:
    players = "abcd"[: draw(st.integers(1, 4))]
    given_ = {
        "".join(joined): draw(st.integers(-20, 20))
        for size in range(1, len(players) + 1)
        for joined in combinations(players, size)
    }
    return players, table(given_)


@given(worths())
@settings(deadline=None, max_examples=100)
def test_confrontations_give_the_shapley_value(game: tuple[str, Worth]) -> None:
    """Also where a coalition and the rest do not add up to the whole."""
    players, worth = game
    value = shapley(players, worth)
    assert confrontation(players, worth) == value
    assert sum(value.values()) == worth(frozenset(players))
