"""Whether a message fits its offer: what is stopped, and above all what is not."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining.agenda import Agenda
from bargaining.issue import CategoricalIssue, IntegerIssue
from delegates.fitting import Fitting
from delegates.scenario import load

TRUCK = load("used-truck").agenda
JOB = load("job-offer").agenda
SHARE = Agenda(
    title="A share",
    roles=("one", "other"),
    issues=(CategoricalIssue(name="share", options=("10 %", "20 %", "30 %", "80 %", "99.5 %")),),
    rounds=4,
)
TOLD = ["The timing belt was replaced 9,000 km ago.", "Similar trucks cost 11,400 EUR."]


def truck(price: int = 11800, handover: str = "this week", warranty: int = 6) -> dict[str, Any]:
    return {"price": price, "handover": handover, "warranty_months": warranty}


def job(**changes: Any) -> dict[str, Any]:
    terms = {"salary": 70000, "signing_bonus": 4000, "remote_days": 2, "holidays": 29, "start": "1 April"}
    return {**terms, "training": "one course", "on_call": "one week in six", "team": "platform", **changes}


def misfit(message: str, *terms: dict[str, Any], agenda: Agenda = TRUCK) -> str | None:
    return Fitting(agenda, TOLD).misfit(message, [agenda.space.outcome(each) for each in terms])


@pytest.mark.parametrize(
    ("message", "issue"),
    [
        ("I can do 11,500 EUR with 6 months warranty", "price"),
        ("How about 11,500?", "price"),
        ("€13,000 and it is yours.", "price"),
        ("EUR 13,000", "price"),
        ("Let us settle at 11.5k.", "price"),
        ("price: 11000", "price"),
        ("My final price is 10,900", "price"),
        ("Give me 12.900 and we have a deal", "price"),
        ("I can do eleven thousand five hundred.", "price"),
        ("I can offer 11,800 EUR with 12 months of warranty", "warranty_months"),
        ("twelve months of warranty, then", "warranty_months"),
        ("A 3-month warranty is what I offer.", "warranty_months"),
        ("The warranty would be 9.", "warranty_months"),
        ("Handover next month works for me.", "handover"),
        ("I offer a handover next month.", "handover"),
        ("Handover next-month is fine!", "handover"),
    ],
)
def test_other_terms_than_those_on_the_table_are_noticed(message: str, issue: str) -> None:
    assert misfit(message, truck(), truck(12000, "in two weeks", 9) | {"warranty_months": 6}) == issue


@pytest.mark.parametrize(
    "message",
    [
        "",
        "12,000 is too high; 11,800 works for me",
        "I can do 11,800 EUR with 6 months warranty",
        "You started at 12,000. I come to 11.8k.",
        "€11,800, this week, six months. Fair?",
        "The timing belt was replaced 9,000 km ago.",
        "Similar trucks cost 11,400 EUR.",
        "It is a 2017 Iveco with 148,000 km.",
        "It has been driven 10,000 kilometres a year.",
        "We are only 200 EUR apart!",
        "That is 9,000 EUR less than a new one.",
        "I dropped by 300 euros.",
        "A new one costs 14,000 EUR.",
        "I have had it for years and paid 15,000 EUR.",
        "I need the handover this week, not next month.",
        "Next month is too late for me.",
        "I'd rather close this week than wait until next month.",
        "Nine months is a lot; six is what I can give.",
        "The inspection was 3 months ago.",
        "I can pay within 3 months.",
        "Let me know this week.",
        "The winter tyres have one season left.",
        "I look forward to your reply next month.",
        "A fair compromise on price and warranty.",
        "Eleven thousand eight hundred it is.",
    ],
)
def test_ordinary_messages_beside_the_right_terms_pass(message: str) -> None:
    assert misfit(message, truck(), truck(12000, "in two weeks", 9)) is None


@pytest.mark.parametrize(
    "message",
    [
        "I can offer 70,000 EUR and a bonus of 4,000 EUR, with 2 days at home.",
        "Together that is 74,000 EUR in the first year.",
        "29 days of holidays and a start on 1 April suit me.",
        "On call one week in six is fine, one week in four would be too much.",
        "My notice period is six weeks, one day more or less.",
        "I would like to start on 1 April rather than 1 June.",
    ],
)
def test_issues_that_share_a_unit_are_told_apart_no_further(message: str) -> None:
    assert misfit(message, job(), agenda=JOB) is None


@pytest.mark.parametrize(
    ("message", "issue"),
    [
        ("A salary of 62,000 and 29 days.", "salary"),
        ("25 days of holidays must do.", "holidays"),
        ("a signing bonus of 8,000 EUR", "signing_bonus"),
        ("Start on 1 July works for me.", "start"),
        ("I propose one conference for training.", "training"),
        ("On call every other week is my offer", "on_call"),
    ],
)
def test_many_issues_are_told_apart_by_unit_name_and_option(message: str, issue: str) -> None:
    assert misfit(message, job(), agenda=JOB) == issue


def test_shares_are_amounts_and_leave_the_rest_to_the_other_side() -> None:
    own = {"share": "20 %"}
    for message in (
        "I ask for 20 %.",
        "20% for me leaves 80% for you",
        "We have a 30 % chance.",
        "I'm 99.5 % sure",
    ):
        assert misfit(message, own, agenda=SHARE) is None
    for message in ("I ask for 30 %.", "a share of 10 percent", "How about 10%?", "thirty percent is fair"):
        assert misfit(message, own, agenda=SHARE) == "share"


def test_without_terms_any_term_is_another_one() -> None:
    assert misfit("11,800 EUR") == "price"
    assert misfit("I leave.") is None


def test_an_agenda_of_everyday_words_stops_nothing() -> None:
    agenda = Agenda(
        title="t",
        roles=("a", "b"),
        issues=(
            CategoricalIssue(name="team", options=("none", "grid")),
            IntegerIssue(name="n", minimum=0, maximum=9),
        ),
        rounds=2,
    )
    fitting = Fitting(agenda)
    terms = [agenda.space.at(0)]
    for message in ("The grid is down, 5 of us work on it.", "none of them", "7 times 8 is 56"):
        assert fitting.misfit(message, terms) is None


SAID = (
    "I can offer {price:,} EUR with {warranty_months} months of warranty and handover {handover}.",
    "{theirs:,} EUR is more than I had in mind. What about {price:,} EUR?",
    "Could you agree to {warranty_months} months if I come up to {price}?",
    "If you take {handover} I can do {price} euros, and we would both be done with it today.",
    "For me the handover matters: {handover} would be perfect. I propose {price:,} EUR.",
    "Let us settle at €{price} and {warranty_months} months so that both of us can plan.",
)


@given(st.integers(0, TRUCK.space.size - 1), st.integers(0, TRUCK.space.size - 1), st.sampled_from(SAID))
@settings(deadline=None)
def test_the_terms_of_the_offer_and_of_those_on_the_table_may_always_be_named(
    own: int, theirs: int, said: str
) -> None:
    mine, other = TRUCK.space.at(own), TRUCK.space.at(theirs)
    message = said.format(**mine, theirs=other["price"])
    assert Fitting(TRUCK).misfit(message, [mine, other]) is None


@given(st.text(max_size=300))
@settings(deadline=None)
def test_any_text_can_be_read(message: str) -> None:
    Fitting(TRUCK).misfit(message, [TRUCK.space.at(0)])
