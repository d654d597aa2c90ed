"""The portrait: what a model is told at the start, and what is left out."""

from typing import Any

import pytest

from bargaining.issue import BooleanIssue, CategoricalIssue, IntegerIssue
from bargaining.mandate import BoundMandate
from bargaining.utility import UtilityFunction
from delegates.brief import Brief
from delegates.portrait import describe_issue, describe_mandate, describe_preferences, system_prompt
from delegates.prompt import SystemPrompt
from tests.delegates.sale import AGENDA, BRIEF, LIMIT, MANDATE, RESERVATION, UTILITY, brief


def portrait(of: Brief = BRIEF, *, advised: bool = True) -> SystemPrompt:
    utility = UtilityFunction(of.preferences, AGENDA) if of.preferences else None
    mandate = BoundMandate(of.mandate, AGENDA, utility)
    return system_prompt("seller", AGENDA, of, utility, mandate, advised=advised)


def test_issues_are_put_into_words() -> None:
    assert [describe_issue(issue) for issue in AGENDA.issues] == [
        "price: 8000 to 15000 in steps of 100 EUR",
        'handover: one of "this week", "next month"',
        "delivered: true or false",
    ]
    assert describe_issue(IntegerIssue(name="n", minimum=0, maximum=1)) == "n: 0 to 1"
    assert describe_issue(BooleanIssue(name="b", description="Why not")) == "b: true or false (Why not)"
    assert describe_issue(CategoricalIssue(name="c", options=("x",))) == 'c: one of "x"'


def test_preferences_are_told_by_importance_and_direction_but_not_in_points() -> None:
    text = describe_preferences(UTILITY, AGENDA)
    assert text.splitlines() == [
        "- price: 81 % of what matters; best 15000, worst 8000",
        "- handover: 10 % of what matters; best this week, worst next month",
        "- delivered: 8 % of what matters; best false, worst true",
    ]


def test_an_issue_without_weight_does_not_matter() -> None:
    flat: dict[str, Any] = {
        "issues": {
            "price": {"points": {8000: 1, 15000: 1}},
            "handover": {"scores": {"this week": 0, "next month": 0}},
            "delivered": {"weight": 0, "scores": {True: 1, False: 0}},
        }
    }
    of = brief(preferences=flat, mandate={})
    assert of.preferences is not None
    text = describe_preferences(UtilityFunction(of.preferences, AGENDA), AGENDA)
    assert text.count("does not matter to you") == 3


def test_facts_are_kept_apart_by_their_disclosure() -> None:
    told = portrait()
    assert told.facts_free == ("The tyres are new.",)
    assert told.facts_if_asked == ("There is a dent in the left door.",)
    assert told.facts_never == ("The clutch slips when it is cold.",)
    assert told.outside_options == BRIEF.outside_options
    assert (told.role, told.counterpart, told.rounds) == ("seller", "buyer", 8)


def test_with_an_advisor_the_mandate_is_withheld() -> None:
    told = portrait(advised=True)
    assert told.advised
    assert told.mandate == ""


def test_without_an_advisor_the_conditions_are_told_but_not_the_reservation_value() -> None:
    told = portrait(advised=False)
    assert not told.advised
    assert str(LIMIT) in told.mandate
    assert str(RESERVATION) not in told.mandate
    assert "worth too little" in told.mandate


def test_without_preferences_there_is_no_advisor_so_the_mandate_is_told() -> None:
    told = portrait(brief(preferences=None, mandate={"conditions": [{"at_least": {"price": LIMIT}}]}))
    assert not told.advised
    assert told.preferences == ""
    assert str(LIMIT) in told.mandate
    assert "worth too little" not in told.mandate


@pytest.mark.parametrize(
    ("mandate", "expected"),
    [
        ({}, "- any outcome"),
        ({"authority": {"accept": False}}, "- you may not accept offers, only make them"),
        ({"authority": {"walk_away": False}}, "- you may not walk away"),
    ],
)
def test_authority_is_told(mandate: dict[str, Any], expected: str) -> None:
    of = brief(preferences=None, mandate=mandate)
    assert describe_mandate(BoundMandate(of.mandate, AGENDA, None)) == expected


def test_no_words_hold_the_reservation_value() -> None:
    told = portrait(advised=False)
    words = [told.mandate, told.preferences, *told.issues, describe_mandate(MANDATE)]
    assert not any(str(RESERVATION) in text for text in words)
