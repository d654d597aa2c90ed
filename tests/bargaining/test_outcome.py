import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bargaining.agenda import Agenda
from bargaining.errors import InvalidOutcomeError
from bargaining.issue import BooleanIssue, CategoricalIssue, IntegerIssue, index_of
from bargaining.outcome import Outcome, OutcomeSpace
from tests.bargaining.strategies import agendas

PRICE = IntegerIssue(name="price", minimum=8000, maximum=15000, step=100, unit="EUR")
WARRANTY = CategoricalIssue(name="warranty", options=("none", "3 months"))
DELIVERED = BooleanIssue(name="delivered")


@given(agendas())
@settings(deadline=None)
def test_enumeration_meets_every_outcome_once_and_index_inverts_at(agenda: Agenda) -> None:
    space = agenda.space
    outcomes = list(space)
    assert len(outcomes) == len(set(outcomes)) == space.size
    for index, outcome in enumerate(outcomes):
        assert space.index(outcome) == index
        assert space.at(index) == outcome
        assert space.digits_of(outcome) == space.digits(index)
        assert space.index_at(space.digits(index)) == index
        assert outcome in space
        assert space.outcome(dict(outcome)) == outcome


@given(st.data())
def test_indexing_works_far_beyond_what_can_be_enumerated(data: st.DataObject) -> None:
    space = OutcomeSpace([IntegerIssue(name=f"n{i}", minimum=0, maximum=10**15) for i in range(20)])
    assert space.size == (10**15 + 1) ** 20
    index = data.draw(st.integers(0, space.size - 1))
    assert space.index(space.at(index)) == index
    assert next(iter(space)) == space.at(0)


@pytest.mark.parametrize("index", [-1, 284, 10**30])
def test_an_index_outside_the_space_is_refused(index: int) -> None:
    with pytest.raises(IndexError):
        OutcomeSpace([PRICE, WARRANTY, DELIVERED]).at(index)


@pytest.mark.parametrize(
    ("issue", "value", "position"),
    [
        (PRICE, 8000, 0), (PRICE, 15000, 70), (PRICE, 8050, None), (PRICE, 7900, None), (PRICE, 15100, None),
        (PRICE, "9000", None), (PRICE, 9000.0, None), (PRICE, True, None), (PRICE, None, None),
        (WARRANTY, "3 months", 1), (WARRANTY, "3 Months", None), (WARRANTY, 0, None),
        (DELIVERED, False, 0), (DELIVERED, True, 1), (DELIVERED, 1, None), (DELIVERED, "true", None),
    ],
)  # fmt: skip
def test_only_values_of_the_right_type_on_the_grid_have_a_position(
    issue: CategoricalIssue | IntegerIssue | BooleanIssue, value: object, position: int | None
) -> None:
    assert index_of(issue, value) == position


def test_true_and_1_are_different_outcomes() -> None:
    assert Outcome({"flag": True}) != Outcome({"flag": 1})
    assert len({Outcome({"flag": True}), Outcome({"flag": 1})}) == 2


def test_the_order_of_the_terms_does_not_matter() -> None:
    one, other = Outcome({"a": 1, "b": 2}), Outcome({"b": 2, "a": 1})
    assert one == other
    assert hash(one) == hash(other)


GOOD = {"price": 9000, "warranty": "none", "delivered": True}


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({**GOOD, "SECRET": 1}, "not an issue"),
        ({"price": 9000}, "no value for issue 'warranty'"),
        ({**GOOD, "warranty": "SECRET"}, "no such value for issue 'warranty'"),
        ({**GOOD, "delivered": 1}, "no such value for issue 'delivered'"),
        ({**GOOD, "price": 9001}, "no such value for issue 'price'"),
    ],
)
def test_terms_that_are_no_outcome_are_refused_without_repeating_them(
    terms: dict[str, object], said: str
) -> None:
    space = OutcomeSpace([PRICE, WARRANTY, DELIVERED])
    assert terms not in space
    with pytest.raises(InvalidOutcomeError, match=said) as caught:
        space.outcome(terms)
    assert "SECRET" not in str(caught.value)
    assert "9001" not in str(caught.value)


def test_the_index_of_a_foreign_outcome_is_refused() -> None:
    with pytest.raises(InvalidOutcomeError, match="price"):
        OutcomeSpace([PRICE]).index(Outcome({"price": 1}))


@pytest.mark.parametrize(
    "issue",
    [
        {"kind": "integer", "name": "price", "minimum": 5, "maximum": 4},
        {"kind": "integer", "name": "price", "minimum": 0, "maximum": 5, "step": 2},
        {"kind": "integer", "name": "price", "minimum": 0, "maximum": 5, "step": 0},
        {"kind": "integer", "name": "price", "minimum": False, "maximum": 5},
        {"kind": "integer", "name": "price", "minimum": 0, "maximum": 10**16},
        {"kind": "categorical", "name": "warranty", "options": []},
        {"kind": "categorical", "name": "warranty", "options": ["a", "a"]},
        {"kind": "categorical", "name": "warranty", "options": [True, False]},
        {"kind": "boolean", "name": "Delivered"},
        {"kind": "real", "name": "price"},
    ],
)
def test_an_impossible_issue_is_refused(issue: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Agenda.model_validate({"title": "t", "roles": ["a", "b"], "rounds": 1, "issues": [issue]})


@pytest.mark.parametrize(
    "change",
    [
        {"roles": ["a", "a"]}, {"roles": ["a"]}, {"rounds": 0}, {"rounds": True}, {"seconds": 0}, {"issues": []},
        {"issues": [{"kind": "boolean", "name": "x"}] * 2}, {"title": ""}, {"deadlock_rounds": 1},
        {"offer_lifetime": 0}, {"message_characters": -1}, {"unknown": 1},
    ],
)  # fmt: skip
def test_an_impossible_agenda_is_refused(change: dict[str, object]) -> None:
    good = {"title": "t", "roles": ["a", "b"], "rounds": 1, "issues": [{"kind": "boolean", "name": "x"}]}
    assert Agenda.model_validate(good).other("a") == "b"
    with pytest.raises(ValidationError):
        Agenda.model_validate({**good, **change})
