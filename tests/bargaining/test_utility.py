from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bargaining.agenda import Agenda
from bargaining.errors import InvalidInputError, InvalidOutcomeError
from bargaining.number import exact
from bargaining.outcome import Outcome
from bargaining.utility import Preferences, UtilityFunction
from tests.bargaining.strategies import agendas, preferences

ISSUES: list[dict[str, Any]] = [
    {"kind": "integer", "name": "price", "minimum": 8000, "maximum": 15000, "step": 100},
    {"kind": "categorical", "name": "warranty", "options": ["none", "3 months"]},
    {"kind": "boolean", "name": "delivered"},
]
TRUCK = Agenda.model_validate({"title": "t", "roles": ["seller", "buyer"], "rounds": 8, "issues": ISSUES})
GOOD: dict[str, Any] = {
    "issues": {
        "price": {"weight": 1, "points": {8000: 0, 15000: 100}},
        "warranty": {"weight": 0.5, "scores": {"none": 0, "3 months": 60}},
        "delivered": {"scores": {True: 0, False: 10}},
    },
    "combinations": [{"when": {"warranty": "none", "delivered": False}, "value": 15}],
    "discount_per_round": 0.9,
}


def bound(agenda: Agenda = TRUCK, **change: Any) -> UtilityFunction:
    return UtilityFunction(Preferences.model_validate({**GOOD, **change}), agenda)


def issues(**change: Any) -> dict[str, Any]:
    return {**GOOD["issues"], **change}


@pytest.mark.parametrize(
    ("terms", "worth"),
    [
        ({"price": 8000, "warranty": "none", "delivered": True}, 0),
        ({"price": 8000, "warranty": "none", "delivered": False}, 25),
        ({"price": 15000, "warranty": "3 months", "delivered": False}, 140),
        ({"price": 8100, "warranty": "3 months", "delivered": True}, Fraction(100, 70) + 30),
    ],
)
def test_the_worked_values(terms: dict[str, Any], worth: Fraction) -> None:
    utility = bound()
    outcome = Outcome(terms)
    assert utility.value(outcome) == worth
    assert utility.discounted(outcome, 1) == worth
    assert utility.discounted(outcome, 3) == worth * Fraction(81, 100)


def test_the_extremes_of_the_example() -> None:
    utility = bound()
    assert utility.worst == 0
    assert utility.best == 140


def test_values_are_exact_where_floats_are_not() -> None:
    issue = {"kind": "categorical", "name": "share", "options": ["a", "b"]}
    agenda = Agenda.model_validate({"title": "t", "roles": ["a", "b"], "rounds": 1, "issues": [issue]})
    scores = {"scores": {"a": 0.2, "b": 0.05}}
    utility = UtilityFunction(Preferences.model_validate({"issues": {"share": scores}}), agenda)
    gain = utility.value(Outcome({"share": "a"})) - utility.value(Outcome({"share": "b"}))
    assert gain == exact("0.15")


def naive(preferences: Preferences, outcome: Outcome) -> Fraction:
    """Utility written a second time, value by value."""
    total = Fraction(0)
    for name, part in preferences.issues.items():
        value = outcome[name]
        if hasattr(part, "scores"):
            total += part.weight * part.scores[value]
            continue
        assert isinstance(value, int)
        left = max(x for x in part.points if x <= value)
        right = min(x for x in part.points if x >= value)
        share = Fraction(value - left, right - left) if right > left else Fraction(0)
        total += part.weight * (part.points[left] + share * (part.points[right] - part.points[left]))
    for combination in preferences.combinations:
        if all(outcome[name] == value for name, value in combination.when.items()):
            total += combination.value
    return total


@given(st.data())
@settings(deadline=None)
def test_values_units_and_extremes_agree_with_brute_force(data: st.DataObject) -> None:
    agenda = data.draw(agendas())
    chosen = data.draw(preferences(agenda))
    utility = UtilityFunction(chosen, agenda)
    expected = [naive(chosen, outcome) for outcome in agenda.space]
    assert [utility.value(outcome) for outcome in agenda.space] == expected
    assert [units * utility.unit for units in utility.units()] == expected
    assert (utility.worst, utility.best) == (min(expected), max(expected))


@given(st.integers(1, 10**15 - 1))
def test_the_extremes_of_a_huge_space_are_exact(peak: int) -> None:
    names = [f"n{i}" for i in range(8)]
    grids = [{"kind": "integer", "name": name, "minimum": 0, "maximum": 10**15} for name in names]
    agenda = Agenda.model_validate({"title": "t", "roles": ["a", "b"], "rounds": 1, "issues": grids})
    given_ = {
        "issues": {name: {"points": {0: 0, peak: 7, 10**15: -1}} for name in names},
        "combinations": [{"when": {"n0": 5, "n1": 5}, "value": 1000}],
    }
    utility = UtilityFunction(Preferences.model_validate(given_), agenda)
    assert utility.best == utility.value(
        Outcome({name: 5 if name in {"n0", "n1"} else peak for name in names})
    )
    assert utility.worst == -8
    with pytest.raises(ValueError, match="too large"):
        utility.units()


def test_knots_beside_the_grid_count() -> None:
    grid = [{"kind": "integer", "name": "n", "minimum": 0, "maximum": 10, "step": 5}]
    agenda = Agenda.model_validate({"title": "t", "roles": ["a", "b"], "rounds": 1, "issues": grid})
    given_ = {"issues": {"n": {"points": {-5: 0, 4: 90, 7: 0, 10: 3}}}}
    utility = UtilityFunction(Preferences.model_validate(given_), agenda)
    assert [utility.value(outcome) for outcome in agenda.space] == [50, 60, 3]
    assert utility.worst == 3
    assert utility.best == 60


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"issues": issues(SECRET={"scores": {"x": 1}})}, "not on the agenda"),
        ({"issues": {"price": GOOD["issues"]["price"]}}, "nothing about issue 'warranty'"),
        ({"issues": issues(warranty={"scores": {"none": 1}})}, "'warranty' leave out"),
        ({"issues": issues(warranty={"scores": {"none": 1, "SECRET": 1}})}, "'warranty' name a value"),
        ({"issues": issues(warranty={"points": {0: 1, 1: 2}})}, "'warranty' has no grid"),
        ({"issues": issues(delivered={"points": {0: 1, 1: 2}})}, "'delivered' has no grid"),
        ({"issues": issues(delivered={"scores": {0: 1, 1: 2}})}, "'delivered' name a value"),
        ({"issues": issues(delivered={"scores": {"true": 1, "false": 2}})}, "'delivered' name a value"),
        ({"issues": issues(price={"points": {8100: 0, 15000: 1}})}, "'price' do not reach"),
        ({"issues": issues(price={"points": {8000: 0, 14999: 1}})}, "'price' do not reach"),
        ({"issues": issues(price={"scores": {8000: 0, 15000: 1}})}, "'price' leave out"),
        ({"combinations": [{"when": {"SECRET": 1}, "value": 1}]}, "not on the agenda"),
        ({"combinations": [{"when": {"warranty": "SECRET"}, "value": 1}]}, "issue 'warranty' cannot take"),
        ({"combinations": [{"when": {"delivered": 1}, "value": 1}]}, "issue 'delivered' cannot take"),
    ],
)
def test_preferences_that_do_not_fit_are_refused_without_repeating_them(
    change: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said) as caught:
        bound(**change)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"SECRET": 1},
        {"issues": {}},
        {"issues": {"SECRET": {}}},
        {"issues": {"SECRET": {"points": {1: 1}, "scores": {1: 1}}}},
        {"issues": {"SECRET": {"points": {"SECRET": 1}}}},
        {"issues": {"SECRET": {"points": {1: "SECRET"}}}},
        {"issues": {"SECRET": {"points": {}}}},
        {"issues": {"SECRET": {"weight": -7, "points": {1: 1}}}},
        {"issues": {"SECRET": {"scores": {1.5: 1}}}},
        {"issues": {"SECRET": {"scores": {"SECRET": 1}, "SECRET": 2}}},
        {"combinations": [{"when": {}, "value": 1}]},
        {"combinations": [{"when": {"SECRET": None}, "value": 1}]},
        {"combinations": [{"when": {"SECRET": 1}}]},
        {"discount_per_round": 0},
        {"discount_per_round": "1.01"},
        {"discount_per_round": True},
    ],
)
def test_malformed_preferences_are_refused_without_repeating_them(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Preferences.model_validate({**GOOD, **change})
    assert "SECRET" not in str(caught.value)
    assert "SECRET" not in repr(caught.value.errors())


def test_an_outcome_of_another_agenda_has_no_value() -> None:
    with pytest.raises(InvalidOutcomeError):
        bound().value(Outcome({"price": 9000}))


def test_an_integer_issue_may_be_scored_value_by_value() -> None:
    grid = [{"kind": "integer", "name": "n", "minimum": 0, "maximum": 2}]
    agenda = Agenda.model_validate({"title": "t", "roles": ["a", "b"], "rounds": 1, "issues": grid})
    given_ = {"issues": {"n": {"scores": {0: 5, 1: 1, 2: "1/3"}}}}
    utility = UtilityFunction(Preferences.model_validate(given_), agenda)
    assert [utility.value(outcome) for outcome in agenda.space] == [5, 1, Fraction(1, 3)]


def test_too_many_combinations_for_a_huge_space_are_refused() -> None:
    names = [f"n{i}" for i in range(12)]
    grids = [{"kind": "integer", "name": name, "minimum": 0, "maximum": 999} for name in names]
    agenda = Agenda.model_validate({"title": "t", "roles": ["a", "b"], "rounds": 1, "issues": grids})
    when = [dict(zip(names, values, strict=True)) for values in product([10], repeat=12)]
    given_ = {
        "issues": {name: {"points": {0: 0, 999: 1}} for name in names},
        "combinations": [{"when": {**when[0], "n0": k}, "value": 1} for k in (10, 20, 30)],
    }
    with pytest.raises(InvalidInputError, match="fewer combinations"):
        UtilityFunction(Preferences.model_validate(given_), agenda)
