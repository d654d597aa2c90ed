from fractions import Fraction
from math import log2
from typing import Any

import pytest
from hypothesis import given
from pydantic import TypeAdapter, ValidationError

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal, Result, check
from bargaining.errors import InvalidOutcomeError
from bargaining.leakage import export_bits
from tests.bargaining.strategies import agendas
from tests.bargaining.test_utility import TRUCK

RESULT: TypeAdapter[Agreement | NoDeal] = TypeAdapter(Result)
TERMS = {"price": 9000, "warranty": "none", "delivered": True}


@given(agendas())
def test_every_outcome_of_the_agenda_and_no_deal_pass_and_survive_json(agenda: Agenda) -> None:
    for outcome in agenda.space:
        result = Agreement(terms=dict(outcome))
        check(result, agenda)
        assert RESULT.validate_json(result.model_dump_json()) == result
    check(NoDeal(), agenda)


def test_true_and_1_stay_apart() -> None:
    assert RESULT.validate_json('{"kind":"agreement","terms":{"a":true,"b":1}}').model_dump_json() == (
        '{"kind":"agreement","terms":{"a":true,"b":1}}'
    )


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {**TERMS, "note": "SECRET"},
        {**TERMS, "delivered": 1},
        {**TERMS, "price": 9050},
        {**TERMS, "price": "9000"},
    ],
)
def test_terms_outside_the_agenda_are_refused_without_repeating_them(terms: dict[str, Any]) -> None:
    with pytest.raises(InvalidOutcomeError) as caught:
        check(Agreement(terms=terms), TRUCK)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "no_deal", "reason": "x"},
        {"kind": "agreement", "terms": TERMS, "rounds": 3},
        {"kind": "agreement", "terms": {"price": 1.5}},
        {"kind": "agreement", "terms": {"price": None}},
        {"kind": "agreement"},
        {"terms": TERMS},
        {"kind": "threat"},
    ],
)
def test_nothing_else_leaves(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RESULT.validate_python(bad)


def test_a_no_deal_is_only_that() -> None:
    assert NoDeal().model_dump() == {"kind": "no_deal"}


def split(*issues: dict[str, Any]) -> Agenda:
    return Agenda.model_validate({"title": "t", "roles": ["a", "b"], "rounds": 1, "issues": issues})


def grid(name: str, maximum: int, step: int = 1) -> dict[str, Any]:
    return {"kind": "integer", "name": name, "minimum": 0, "maximum": maximum, "step": step}


def four(name: str) -> dict[str, Any]:
    return {"kind": "categorical", "name": name, "options": list("abcd")}


@pytest.mark.parametrize(
    ("agenda", "bits"),
    [
        (split({"kind": "categorical", "name": "share", "options": [str(i) for i in range(21)]}), 4.46),
        (split(grid("share", 100), four("a"), four("b"), four("c"), {"kind": "boolean", "name": "d"}), 13.66),
        (
            split(grid("share", 100, 5), four("a"), four("b"), four("c"), {"kind": "boolean", "name": "d"}),
            11.39,
        ),
        (split(grid("one", 0)), 1.0),
        (TRUCK, log2(285)),
    ],
)
def test_the_bits_that_an_export_can_carry(agenda: Agenda, bits: float) -> None:
    assert export_bits(agenda) == pytest.approx(bits, abs=0.005)


def test_the_bits_of_a_space_beyond_any_float_are_counted() -> None:
    agenda = split(*[grid(f"n{i}", 10**15) for i in range(64)])
    assert agenda.space.size > Fraction(10) ** 900
    assert export_bits(agenda) == pytest.approx(64 * 15 * log2(10))
