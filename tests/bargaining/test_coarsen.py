"""Coarser agendas: every outcome is one of the finer agenda's, worth the same and allowed the same."""

from math import ceil, prod
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining.agenda import Agenda
from bargaining.coarsening import coarsened_mandate, coarsened_preferences
from bargaining.errors import InvalidInputError
from bargaining.issue import BooleanIssue, CategoricalIssue, IntegerIssue
from bargaining.leakage import export_bits
from bargaining.mandate import Allowed, BoundMandate, Mandate
from bargaining.utility import Preferences, UtilityFunction
from tests.bargaining.strategies import agendas, conditions, preferences

LEVELS = ("0.1", "0.2", "0.5", "1", "2", "5", "10", "20", "30", "40", "50")


@given(st.integers(-50, 50), st.integers(0, 40), st.integers(1, 9), st.integers(1, 60))
def test_a_coarser_grid_keeps_every_factor_th_value_and_loses_as_much_at_both_ends(
    low: int, steps: int, step: int, factor: int
) -> None:
    fine = IntegerIssue(name="price", minimum=low, maximum=low + steps * step, step=step, unit="EUR")
    coarse = fine.coarsen(factor)
    IntegerIssue.model_validate(coarse.model_dump())  # a grid that is one
    assert set(coarse.values) <= set(fine.values)
    assert len(coarse.values) == ceil(len(fine.values) / factor) or len(coarse.values) == 1
    assert coarse.step == step * factor
    below, above = (coarse.minimum - fine.minimum) // step, (fine.maximum - coarse.maximum) // step
    assert below + above == (len(fine.values) - 1) % factor
    assert above - below in (0, 1)
    assert (coarse.name, coarse.unit) == (fine.name, fine.unit)


def test_both_ends_stay_where_the_factor_divides_the_grid() -> None:
    percent = IntegerIssue(name="share", minimum=0, maximum=100, unit="%")
    assert list(percent.coarsen(5).values) == list(range(0, 101, 5))
    assert list(percent.coarsen(7).values) == list(range(1, 100, 7))
    assert list(percent.coarsen(1000).values) == [50]
    assert percent.coarsen(1) == percent


def test_ordered_options_thin_out_and_others_stay() -> None:
    levels = CategoricalIssue(name="share", options=LEVELS, ordered=True)
    assert levels.coarsen(2).options == ("0.1", "0.5", "2", "10", "30", "50")
    assert levels.coarsen(4).options == ("0.2", "5", "40")  # one is lost at either end
    assert CategoricalIssue(name="colour", options=("red", "green", "blue")).coarsen(2).options == (
        "red", "green", "blue",
    )  # fmt: skip
    assert BooleanIssue(name="delivered").coarsen(2) == BooleanIssue(name="delivered")


@given(agendas(), st.integers(1, 6))
@settings(deadline=None)
def test_every_outcome_of_a_coarser_agenda_is_one_of_the_finer_agenda(agenda: Agenda, factor: int) -> None:
    coarse = agenda.coarsen(factor)
    assert all(outcome in agenda.space for outcome in coarse.space)
    assert coarse.space.size == len(set(coarse.space)) == prod(len(issue.values) for issue in coarse.issues)
    assert export_bits(coarse) <= export_bits(agenda)
    assert Agenda.model_validate(coarse.model_dump()) == coarse
    rest = {"issues": ()}
    assert coarse.model_copy(update=rest).model_dump() == agenda.model_copy(update=rest).model_dump()


@given(st.data())
@settings(deadline=None)
def test_what_an_outcome_is_worth_and_whether_it_is_allowed_stays(data: st.DataObject) -> None:
    fine = data.draw(agendas())
    wishes = data.draw(preferences(fine))
    mandate = Mandate.model_validate({"conditions": data.draw(st.lists(conditions(fine), max_size=3))})
    coarse = fine.coarsen(data.draw(st.integers(1, 4)))
    before, after = (
        UtilityFunction(wishes, fine),
        UtilityFunction(coarsened_preferences(wishes, coarse), coarse),
    )
    assert [before.value(outcome) for outcome in coarse.space] == [
        after.value(outcome) for outcome in coarse.space
    ]
    try:
        allowed = BoundMandate(mandate, fine, None)
    except InvalidInputError:
        return
    verdicts = [isinstance(allowed.allows(outcome), Allowed) for outcome in coarse.space]
    if not any(verdicts):
        with pytest.raises(InvalidInputError, match="no outcome"):
            BoundMandate(coarsened_mandate(mandate, coarse), coarse, None)
        return
    carried = BoundMandate(coarsened_mandate(mandate, coarse), coarse, None)
    assert verdicts == [isinstance(carried.allows(outcome), Allowed) for outcome in coarse.space]


def agenda_of(*issues: dict[str, Any]) -> Agenda:
    return Agenda.model_validate(
        {"title": "a deal", "roles": ["seller", "buyer"], "rounds": 4, "issues": issues}
    )


PRICE = {"kind": "integer", "name": "price", "minimum": 0, "maximum": 10}
COLOUR = {"kind": "categorical", "name": "colour", "options": ["red", "blue"]}


def test_single_issues_can_be_coarsened_by_name() -> None:
    agenda = agenda_of(PRICE, {**PRICE, "name": "fee"}, COLOUR)
    assert agenda.space.size == 242
    coarse = agenda.coarsen({"price": 5})
    assert [len(issue.values) for issue in coarse.issues] == [3, 11, 2]
    assert coarse.space.size == 66


@pytest.mark.parametrize(
    ("factors", "said"),
    [(0, "at least 1"), (-2, "at least 1"), ({"price": 0}, "at least 1"), ({"colour": 2}, "no order"),
     ({"prize": 2}, "spelling")],
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_refused(factors: int | dict[str, int], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        agenda_of(PRICE, COLOUR).coarsen(factors)


GONE = {"is": {"price": 3}}
STANDS = {"is": {"price": 5}}


@pytest.mark.parametrize(
    "condition",
    [
        {"not": GONE}, {"not": {"not": STANDS}}, {"any": [GONE, STANDS]}, {"any": [{"not": GONE}, STANDS]},
        {"all": [{"not": GONE}, STANDS]}, {"all": [{"not": GONE}]}, {"not": {"all": [GONE, STANDS]}},
        {"not": {"any": [GONE, STANDS]}}, {"one_of": {"price": [3, 4, 5]}}, {"at_least": {"price": 3}},
        {"at_most": {"price": 7}}, {"not": {"one_of": {"price": [3, 4]}}}, {"is": {"colour": "red"}},
        {"not": {"is": {"price": 3, "colour": "red"}}}, {"any": [{"is": {"price": 3, "colour": "red"}}, STANDS]},
    ],
)  # fmt: skip
def test_a_condition_that_names_values_that_are_gone_means_what_it_meant(condition: dict[str, Any]) -> None:
    fine = agenda_of(PRICE, COLOUR)
    coarse = fine.coarsen(5)
    mandate = Mandate.model_validate({"conditions": [condition]})
    before = BoundMandate(mandate, fine, None)
    after = BoundMandate(coarsened_mandate(mandate, coarse), coarse, None)
    for outcome in coarse.space:
        assert type(before.allows(outcome)) is type(after.allows(outcome))


@pytest.mark.parametrize(
    "condition",
    [
        GONE,
        {"all": [GONE, STANDS]},
        {"any": [GONE]},
        {"not": {"not": GONE}},
        {"is": {"price": 3, "colour": "red"}},
    ],
)
def test_a_condition_that_can_no_longer_hold_is_refused(condition: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="coarsen by less"):
        coarsened_mandate(Mandate.model_validate({"conditions": [condition]}), agenda_of(PRICE).coarsen(5))


def test_a_combination_of_values_that_are_gone_is_dropped_and_others_stay() -> None:
    fine = agenda_of(PRICE, COLOUR)
    coarse = fine.coarsen(5)
    wishes = Preferences.model_validate(
        {
            "issues": {"price": {"points": {0: 0, 10: 10}}, "colour": {"scores": {"red": 1, "blue": 0}}},
            "combinations": [
                {"when": {"price": 3, "colour": "red"}, "value": 100},
                {"when": {"price": 5, "colour": "red"}, "value": 7},
            ],
            "discount_per_round": 0.9,
        }
    )
    carried = coarsened_preferences(wishes, coarse)
    assert len(carried.combinations) == 1
    assert carried.discount_per_round == wishes.discount_per_round
    utility = UtilityFunction(carried, coarse)
    assert [int(utility.value(outcome)) for outcome in coarse.space] == [1, 0, 13, 5, 11, 10]


def test_a_mandate_that_only_values_between_the_new_ones_satisfy_is_refused() -> None:
    coarse = agenda_of(PRICE).coarsen(5)
    mandate = Mandate.model_validate({"conditions": [{"one_of": {"price": [6, 7]}}]})
    with pytest.raises(InvalidInputError, match="coarsen by less") as caught:
        coarsened_mandate(mandate, coarse)
    assert "6" not in str(caught.value)


def test_the_rest_of_a_mandate_and_of_preferences_is_kept() -> None:
    coarse = agenda_of(PRICE).coarsen(5)
    mandate = Mandate.model_validate(
        {"reservation_value": 3, "authority": {"accept": False}, "limits": {"tokens": 7}}
    )
    assert coarsened_mandate(mandate, coarse) == mandate
