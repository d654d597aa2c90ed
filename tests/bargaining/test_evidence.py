from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining.errors import InvalidInputError
from bargaining.evidence import Countermeasure, blocked, likelihood_ratio, update

inner = st.fractions(Fraction(1, 1000), Fraction(999, 1000), max_denominator=1000)
parts = st.fractions(0, 1, max_denominator=100)


def test_the_likelihood_ratio_that_moves_a_fifth_to_a_twentieth() -> None:
    ratio = likelihood_ratio(Fraction("0.2"), Fraction("0.05"))
    assert ratio == Fraction(4, 19)
    assert float(ratio) == pytest.approx(0.210526, abs=5e-7)
    assert update(Fraction("0.2"), ratio) == Fraction("0.05")


def test_blocking_three_ways_of_four_moves_a_fifth_to_a_twentieth() -> None:
    assert blocked(Fraction("0.2"), Fraction("0.05")) == Fraction("0.75")
    assert Countermeasure(Fraction("0.75"), Fraction(1)).lower(Fraction("0.2")) == Fraction("0.05")


def test_less_credence_moves_a_belief_less() -> None:
    assert Countermeasure(Fraction("0.75"), Fraction("0.8")).lower(Fraction("0.2")) == Fraction("0.08")


@given(inner, parts)
def test_a_bluff_moves_nothing(belief: Fraction, blocks: Fraction) -> None:
    assert Countermeasure(blocks, credence=Fraction(0)).lower(belief) == belief


@given(inner, inner)
def test_the_ratio_leads_from_one_belief_to_the_other(before: Fraction, after: Fraction) -> None:
    assert update(before, likelihood_ratio(before, after)) == after


@given(inner, parts, parts)
def test_countermeasures_add_up_in_any_order(belief: Fraction, one: Fraction, other: Fraction) -> None:
    first, second = Countermeasure(one, Fraction(1)), Countermeasure(other, Fraction(1))
    assert first.lower(second.lower(belief)) == second.lower(first.lower(belief))
    assert blocked(belief, first.lower(belief)) == one


def test_certainty_is_not_moved() -> None:
    assert update(Fraction(1), Fraction(1, 1000)) == 1
    assert update(Fraction(0), Fraction(1000)) == 0


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: update(Fraction(1), Fraction(0)),
        lambda: update(Fraction(3, 2), Fraction(1)),
        lambda: update(Fraction(1, 2), Fraction(-1)),
        lambda: likelihood_ratio(Fraction(1), Fraction(1, 2)),
        lambda: likelihood_ratio(Fraction(1, 2), Fraction(1)),
        lambda: blocked(Fraction(1, 4), Fraction(1, 2)),
        lambda: blocked(Fraction(0), Fraction(0)),
        lambda: Countermeasure(Fraction(2), Fraction(1)),
        lambda: Countermeasure(Fraction(1), Fraction(-1)),
    ],
)
def test_what_no_evidence_can_do_is_refused(attempt: object) -> None:
    assert callable(attempt)
    with pytest.raises(InvalidInputError):
        attempt()
