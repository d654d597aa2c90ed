from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining.agenda import Agenda
from bargaining.opponent import FrequencyModel
from bargaining.outcome import Outcome
from tests.bargaining.strategies import agendas


def agenda(*issues: dict[str, Any]) -> Agenda:
    return Agenda.model_validate({"title": "t", "roles": ["a", "b"], "rounds": 9, "issues": issues})


TWO = agenda(
    {"kind": "categorical", "name": "colour", "options": ["red", "green", "blue"]},
    {"kind": "categorical", "name": "size", "options": ["s", "m", "l"]},
)


def observed(agenda: Agenda, *offers: dict[str, Any]) -> FrequencyModel:
    model = FrequencyModel(agenda)
    for offer in offers:
        model.observe(Outcome(offer))
    return model


def test_before_the_first_offer_nothing_is_known() -> None:
    assert {FrequencyModel(TWO).estimate(outcome) for outcome in TWO.space} == {Fraction(0)}


def test_a_worked_example() -> None:
    model = observed(TWO, {"colour": "red", "size": "s"}, {"colour": "red", "size": "m"})
    # colour stayed once: weight 2 of 3; both sizes were offered equally often
    assert model.estimate(Outcome({"colour": "red", "size": "l"})) == Fraction(2, 3)
    assert model.estimate(Outcome({"colour": "blue", "size": "m"})) == Fraction(1, 3)
    assert model.estimate(Outcome({"colour": "red", "size": "s"})) == 1
    assert model.estimate(Outcome({"colour": "blue", "size": "l"})) == 0


def test_on_a_grid_nearer_values_are_liked_more() -> None:
    priced = agenda({"kind": "integer", "name": "price", "minimum": 0, "maximum": 9})
    model = observed(priced, {"price": 9}, {"price": 8})
    estimates = [model.estimate(Outcome({"price": price})) for price in range(10)]
    assert estimates == sorted(estimates)
    assert estimates[8] == estimates[9] == 1


@given(st.data())
@settings(deadline=None)
def test_estimates_lie_between_0_and_1_and_a_repeated_offer_is_liked_best(data: st.DataObject) -> None:
    chosen = data.draw(agendas())
    indices = data.draw(st.lists(st.integers(0, chosen.space.size - 1), min_size=1, max_size=8))
    model = FrequencyModel(chosen)
    for index in indices:
        model.observe(chosen.space.at(index))
        assert all(0 <= model.estimate(outcome) <= 1 for outcome in chosen.space)
    if len(set(indices)) == 1:
        assert model.estimate(chosen.space.at(indices[0])) == 1
