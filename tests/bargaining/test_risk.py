"""Risk: reference values for utilities that are powers of a share. Floats, and documented as such."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining.conflict import ConflictLottery
from bargaining.errors import InvalidInputError
from bargaining.risk import RiskyConflict

NEUTRAL, ROOT = 1.0, 0.5


def free(belief: str, first: float, second: float) -> RiskyConflict:
    """A conflict that costs nothing, over whose odds both agree."""
    return RiskyConflict(ConflictLottery((Fraction(belief), Fraction(belief))), (first, second))


def six(*numbers: float) -> object:
    return pytest.approx(numbers, abs=5e-7)


@pytest.mark.parametrize(
    ("belief", "low", "high", "nash", "kalai_smorodinsky", "egalitarian"),
    [
        ("0.2", 0.04, 0.36, 0.180319, 0.184386, 0.115813),
        ("0.05", 0.0025, 0.0975, 0.03942, 0.041972, 0.009108),
        ("0.999", 0.998001, 0.999999, 0.999316, 0.999226, 0.999996),
    ],
)
def test_both_averse_to_risk(
    belief: str, low: float, high: float, nash: float, kalai_smorodinsky: float, egalitarian: float
) -> None:
    conflict = free(belief, ROOT, ROOT)
    assert conflict.zone == six(low, high)
    found = conflict.nash(), conflict.kalai_smorodinsky(), conflict.egalitarian()
    assert found == six(nash, kalai_smorodinsky, egalitarian)


@pytest.mark.parametrize(
    ("first", "second", "low", "high", "nash"),
    [(NEUTRAL, ROOT, 0.2, 0.36, 0.281145), (ROOT, NEUTRAL, 0.04, 0.2, 0.111111)],
)
def test_who_dislikes_risk_gives_way(
    first: float, second: float, low: float, high: float, nash: float
) -> None:
    conflict = free("0.2", first, second)
    assert conflict.zone == six(low, high)
    assert conflict.nash() == pytest.approx(nash, abs=5e-7)


def test_a_thousandth_of_everything_is_worth_far_more_than_a_chance_of_a_thousandth() -> None:
    averse = free("0.999", NEUTRAL, ROOT)
    fight, deal = averse.disagreement[1], averse.utilities(0.999)[1]
    assert fight == pytest.approx(0.001, abs=5e-7)
    assert deal == pytest.approx(0.0316, abs=5e-5)


def test_aversion_to_risk_makes_deals_that_cost_alone_does_not() -> None:
    assert free("0.2", NEUTRAL, NEUTRAL).zone is None
    assert free("0.2", NEUTRAL, NEUTRAL).nash() is None
    assert free("0.2", ROOT, ROOT).nash() is not None


@pytest.mark.parametrize("belief", ["0.05", "0.1", "0.3", "0.7"])
def test_rounding_opens_no_zone(belief: str) -> None:
    """In floats 1 - (1 - 0.05) is more than 0.05."""
    conflict = free(belief, NEUTRAL, NEUTRAL)
    assert conflict.zone is None
    assert conflict.kalai_smorodinsky() is None
    assert conflict.egalitarian() is None


exponents = st.floats(0.2, 1)
chances = st.fractions(Fraction(1, 50), Fraction(49, 50), max_denominator=50)
charges = st.fractions(0, Fraction(1, 2), max_denominator=20)
conflicts = st.builds(
    RiskyConflict,
    st.builds(ConflictLottery, st.tuples(chances, chances), st.tuples(charges, charges)),
    st.tuples(exponents, exponents),
)


@given(conflicts)
@settings(deadline=None, max_examples=100)
def test_every_solution_lies_in_the_zone_and_no_share_has_a_larger_product(conflict: RiskyConflict) -> None:
    found = conflict.nash(), conflict.kalai_smorodinsky(), conflict.egalitarian()
    if conflict.zone is None:
        assert found == (None, None, None)
        return
    low, high = conflict.zone

    def product(share: float) -> float:
        mine, yours = conflict.utilities(share)
        first, second = conflict.disagreement
        return (mine - first) * (yours - second)

    assert all(share is not None and low <= share <= high for share in found)
    assert found[0] is not None
    best = product(found[0])
    steps = [low + (high - low) * n / 200 for n in range(201)]
    assert best >= max(map(product, steps)) - 1e-9


@given(chances, chances)
@settings(deadline=None, max_examples=100)
def test_neutral_sides_without_costs_get_the_exact_split(first: Fraction, second: Fraction) -> None:
    plain = ConflictLottery((first, second))
    risky = RiskyConflict(plain)
    if plain.split is None:
        assert risky.zone is None
        return
    for share in (risky.nash(), risky.kalai_smorodinsky(), risky.egalitarian()):
        assert share == pytest.approx(float(plain.split), abs=1e-9)


@pytest.mark.parametrize("exponent", [0.0, -1.0, 1.5, float("nan")])
def test_love_of_risk_is_refused(exponent: float) -> None:
    with pytest.raises(InvalidInputError):
        RiskyConflict(ConflictLottery((Fraction(1, 5), Fraction(1, 5))), (exponent, 1.0))


def test_a_winner_cannot_lose_more_than_it_wins() -> None:
    with pytest.raises(InvalidInputError):
        RiskyConflict(ConflictLottery((Fraction(1, 5), Fraction(1, 5)), (Fraction(2), Fraction(0))))
