"""The rising bar: what a side signs, and when."""

from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bargaining.agenda import Agenda
from bargaining.deluge import RisingBar, elapsed
from bargaining.mandate import Allowed, BoundMandate, Mandate
from bargaining.text import TextView
from bargaining.utility import Preferences, UtilityFunction
from tests.bargaining.strategies import agendas, principals


def _agenda(**changes: Any) -> Agenda:
    price = {"kind": "integer", "name": "price", "minimum": 0, "maximum": 100}
    given_ = {"title": "a sale", "roles": ["a", "b"], "rounds": 11, "issues": [price]}
    return Agenda.model_validate(given_ | changes)


AGENDA = _agenda()
LIKES_MUCH = UtilityFunction(
    Preferences.model_validate({"issues": {"price": {"points": {0: 0, 100: 100}}}}), AGENDA
)


def _mandate(**content: Any) -> BoundMandate:
    return BoundMandate(Mandate.model_validate(content), AGENDA, LIKES_MUCH)


def _view(price: int, round_: int, agenda: Agenda = AGENDA, seconds_left: float | None = None) -> TextView:
    text = agenda.space.outcome({"price": price})
    return TextView(agenda, "a", round_, (text,), (), seconds_left)


def _least(bar: RisingBar, round_: int) -> int | None:
    return next((price for price in range(101) if bar.signs(_view(price, round_))), None)


def test_the_bar_rises_from_the_reservation_value_to_the_best_that_is_allowed() -> None:
    bar = RisingBar(LIKES_MUCH, _mandate(reservation_value=20, conditions=[{"at_most": {"price": 80}}]))
    assert [_least(bar, n) for n in (1, 6, 11)] == [20, 35, 80]  # halfway in time, a quarter of the way up


def test_without_a_reservation_value_the_bar_rises_from_the_worst() -> None:
    assert _least(RisingBar(LIKES_MUCH, _mandate()), 1) == 0


def test_a_side_without_preferences_signs_whatever_its_mandate_allows() -> None:
    mandate = BoundMandate(
        Mandate.model_validate({"conditions": [{"at_least": {"price": 30}}]}), AGENDA, None
    )
    bar = RisingBar(None, mandate)
    assert [_least(bar, n) for n in (1, 11)] == [30, 30]


def test_a_text_a_little_below_the_bar_is_considered_and_one_far_below_is_not() -> None:
    bar = RisingBar(LIKES_MUCH, _mandate())
    assert [bar.considers(_view(price, 11)) for price in (100, 90, 89)] == [True, True, False]
    assert not RisingBar(LIKES_MUCH, _mandate(reservation_value=50)).considers(_view(49, 1))


def test_the_only_round_asks_for_no_more_than_the_mandate() -> None:
    agenda = _agenda(rounds=1)
    assert RisingBar(LIKES_MUCH, _mandate()).signs(_view(0, 1, agenda))


def test_the_clock_raises_the_bar_where_it_is_further_on_than_the_rounds() -> None:
    agenda = _agenda(seconds=100)
    assert elapsed(agenda, 2, 100.0) == Fraction(1, 10)
    assert elapsed(agenda, 2, 25.0) == Fraction(3, 4)
    assert elapsed(agenda, 2, 0.0) == 1
    assert elapsed(agenda, 2, None) == Fraction(1, 10)
    assert elapsed(agenda, 2, float("inf")) == Fraction(1, 10)


@given(st.data())
def test_nothing_outside_the_mandate_is_signed_and_a_no_is_never_taken_back(data: st.DataObject) -> None:
    agenda = data.draw(agendas())
    utility, mandate = data.draw(principals(agenda))
    bar = RisingBar(utility, mandate)
    for outcome in agenda.space:
        said = [bar.signs(TextView(agenda, "seller", n, (outcome,), ())) for n in range(1, agenda.rounds + 1)]
        assert said == sorted(said, reverse=True)
        assert isinstance(mandate.allows(outcome), Allowed) or not any(said)


@given(st.data())
def test_the_best_that_is_allowed_is_always_signed(data: st.DataObject) -> None:
    agenda = data.draw(agendas())
    utility, mandate = data.draw(principals(agenda))
    assert mandate.best is not None
    view = TextView(agenda, "seller", agenda.rounds, (mandate.best,), ())
    assert RisingBar(utility, mandate).signs(view)
