"""The guard: what each rule denies, and what the model is told."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining.mandate import Allowed, BoundMandate, Denied, Mandate
from bargaining.move import Accept, Move, Offer, Pass, WalkAway
from bargaining.table import View
from delegates.advisor import Advice, UtilityAdvisor
from delegates.fitting import Fitting
from delegates.guard import Guard, answerable, discreet, fitting, patient, within_mandate
from delegates.secrecy import Secrets
from tests.delegates.sale import (
    AGENDA,
    BEST,
    BRIEF,
    FAIR,
    LIMIT,
    LOW,
    MANDATE,
    POOR,
    RESERVATION,
    UTILITY,
    offer,
    view,
)  # fmt: skip

SILENT = Advice((), accept=False, move=Pass())
ADVICE = Advice(
    (AGENDA.space.outcome(FAIR),), accept=False, move=offer(FAIR), least=UTILITY.value(offer(FAIR).outcome)
)
TAKE_IT = Advice(ADVICE.offers, accept=True, move=Accept(offer=0), least=ADVICE.least)
LAST = AGENDA.model_copy(update={"rounds": 1})


def reason(verdict: Allowed | Denied) -> str:
    assert isinstance(verdict, Denied)
    assert verdict.reason not in repr(verdict)
    return verdict.reason


def allowed(verdict: Allowed | Denied) -> bool:
    return isinstance(verdict, Allowed)


def test_a_guard_without_rules_is_refused() -> None:
    with pytest.raises(ValueError, match="guards nothing"):
        Guard([])


def test_a_guard_gives_the_first_denial_and_passes_what_every_rule_allows() -> None:
    guard = Guard([lambda m, v, a: Allowed(), lambda m, v, a: Denied("one"), lambda m, v, a: Denied("two")])
    assert reason(guard.check(WalkAway(), view(), SILENT)) == "one"
    assert allowed(Guard([lambda m, v, a: Allowed()]).check(WalkAway(), view(), SILENT))


def test_a_move_and_its_message_are_judged_apart() -> None:
    guard = Guard([lambda m, v, a: Allowed()], [lambda m, v, a: Denied("a word")])
    assert allowed(guard.check(WalkAway(message="Bye."), view(), SILENT))
    assert reason(guard.check_message(WalkAway(message="Bye."), view(), SILENT)) == "a word"
    assert allowed(guard.check_message(WalkAway(), view(), SILENT))
    strict = Guard([lambda m, v, a: Denied("the move")])
    assert reason(strict.check(WalkAway(message="Bye."), view(), SILENT)) == "the move"
    assert allowed(strict.check_message(WalkAway(message="Bye."), view(), SILENT))


# ---------------------------------------------------------------------------------- the mandate


@pytest.mark.parametrize("terms", [LOW, POOR])
def test_terms_outside_the_mandate_are_neither_offered_nor_accepted(terms: dict[str, object]) -> None:
    rule = within_mandate(MANDATE)
    assert reason(rule(offer(terms), view(), SILENT))
    assert reason(rule(Accept(offer=0), view(offer(terms)), SILENT))
    assert allowed(rule(offer(FAIR), view(), SILENT))
    assert allowed(rule(Accept(offer=0), view(offer(FAIR)), SILENT))


def test_only_the_offer_that_stands_can_be_accepted() -> None:
    rule = within_mandate(MANDATE)
    where = view(offer(FAIR), offer(LOW), offer(BEST))
    assert allowed(rule(Accept(offer=2), where, SILENT))
    for number in (-1, 0, 1, 3):
        assert reason(rule(Accept(offer=number), where, SILENT)) == "that offer is not on the table"
    assert reason(rule(Accept(offer=0), view(), SILENT)) == "that offer is not on the table"


def test_authority_is_kept() -> None:
    written = {"authority": {"accept": False, "walk_away": False}}
    rule = within_mandate(BoundMandate(Mandate.model_validate(written), AGENDA, None))
    assert "no authority to accept" in reason(rule(Accept(offer=0), view(offer(BEST)), SILENT))
    assert "no authority to walk away" in reason(rule(WalkAway(), view(), SILENT))
    assert allowed(rule(offer(LOW), view(), SILENT))


def test_a_model_without_an_advisor_is_told_which_limit_it_hit_but_not_the_reservation_value() -> None:
    rule = within_mandate(MANDATE)
    assert str(LIMIT) in reason(rule(offer(LOW), view(), SILENT))
    assert str(RESERVATION) not in reason(rule(offer(POOR), view(), SILENT))


@given(st.integers(0, AGENDA.space.size - 1), st.integers(0, AGENDA.space.size - 1), st.integers(0, 15))
@settings(deadline=None)
def test_a_model_with_an_advisor_is_told_no_number_but_those_of_the_advice(
    theirs: int, mine: int, turns: int
) -> None:
    where = view(*[offer(dict(AGENDA.space.at(theirs)))] * turns)
    advice = UtilityAdvisor(AGENDA, where.role, UTILITY, MANDATE).advise(where)
    guard = Guard(
        [within_mandate(MANDATE), answerable, patient(UTILITY)],
        [discreet(Secrets(BRIEF, AGENDA, MANDATE)), fitting(Fitting(AGENDA))],
    )
    moves: list[Move] = [offer(dict(AGENDA.space.at(mine)), f"At least {LIMIT}."), WalkAway()]
    if where.standing:
        moves.append(Accept(offer=where.standing.number))
    for move in moves:
        verdicts = (guard.check(move, where, advice), guard.check_message(move, where, advice))
        for verdict in verdicts:
            if isinstance(verdict, Denied):
                told = verdict.reason.replace(json.dumps(dict(advice.offers[0])), "")
                assert not re.search(r"\d", told)
        if isinstance(move, Offer):
            assert reason(verdicts[1])  # its message says a limit


# ---------------------------------------------------------------------------------- the moment


def test_in_the_very_last_turn_an_acceptable_offer_is_taken() -> None:
    last: View = view(offer(FAIR), agenda=LAST)
    for move in (offer(BEST), WalkAway()):
        assert "last turn" in reason(answerable(move, last, TAKE_IT))
        assert allowed(answerable(move, last, ADVICE))
        assert allowed(answerable(move, view(agenda=LAST), TAKE_IT))
    assert allowed(answerable(Accept(offer=0), last, TAKE_IT))


def test_nothing_far_below_the_advice_is_settled_for() -> None:
    rule = patient(UTILITY)
    modest = {**FAIR, "price": 12000}
    assert json.dumps(FAIR) in reason(rule(offer(modest), view(), ADVICE))
    assert reason(rule(Accept(offer=0), view(offer(modest)), ADVICE))
    assert allowed(rule(offer(FAIR), view(), ADVICE))
    assert allowed(rule(offer(BEST), view(), ADVICE))
    assert allowed(rule(Accept(offer=0), view(offer(modest)), TAKE_IT))
    assert allowed(rule(offer(modest), view(), SILENT))


def test_nobody_leaves_while_there_is_something_to_gain() -> None:
    rule = patient(UTILITY)
    last = view(offer(LOW), agenda=LAST)
    assert "offer these terms instead" in reason(rule(WalkAway(), view(), ADVICE))
    assert "accept the offer" in reason(rule(WalkAway(), last, TAKE_IT))
    assert allowed(rule(WalkAway(), last, ADVICE))
    assert allowed(rule(WalkAway(), view(), SILENT))


# ---------------------------------------------------------------------------------- the message

TOLD = {
    "limit": (f"I cannot go under {LIMIT:,} EUR.", "limits"),
    "reservation value": (f"It must be worth {RESERVATION} to me.", "limits"),
    "keyword": ("The clutch is fine.", "never disclose"),
    "never fact": ("It slips when it is cold.", "never disclose"),
    "outside option": ("A dealer in Linz takes the truck anyway.", "never disclose"),
    "number of an outside option": ("Someone else pays 9150.", "never disclose"),
    "quotation": ("I want to be rid of it before the winter comes.", "private instructions"),
}


@pytest.mark.parametrize(("message", "label"), TOLD.values(), ids=TOLD.keys())
def test_a_message_that_tells_is_denied_beside_every_move(message: str, label: str) -> None:
    rule = discreet(Secrets(BRIEF, AGENDA, MANDATE))
    where = view(offer(BEST))
    for move in (offer(FAIR, message), Accept(offer=0, message=message), WalkAway(message=message)):
        told = reason(rule(move, where, ADVICE))
        assert label in told
        assert not re.search(r"\d|clutch|Linz|winter", told)


def test_an_ordinary_message_passes() -> None:
    rule = discreet(Secrets(BRIEF, AGENDA, MANDATE))
    for message in ("", "The tyres are new.", "Could you come up to 14,000?"):
        assert allowed(rule(offer(FAIR, message), view(), ADVICE))


@pytest.mark.parametrize(
    ("message", "fits"),
    [
        ("14,000 EUR it is.", True),
        ("You said 12,500 and I say 14,000.", True),
        ("You began at 11,000.", True),
        ("How about 13,000?", False),
        ("The tyres are new.", True),
    ],
)
def test_a_message_names_terms_of_its_offer_or_such_as_are_on_the_table(message: str, fits: bool) -> None:
    rule = fitting(Fitting(AGENDA))
    where = view(offer(BEST), offer({**FAIR, "price": 11000}), offer(BEST), offer({**FAIR, "price": 12500}))
    verdict = rule(offer(FAIR, message), where, SILENT)
    assert allowed(verdict) == fits
    if not fits:
        assert "price" in reason(verdict)
        assert not re.search(r"\d", reason(verdict))


def test_an_acceptance_names_what_it_accepts() -> None:
    rule = fitting(Fitting(AGENDA))
    where = view(offer(FAIR))
    assert allowed(rule(Accept(offer=0, message="Agreed: 14,000 EUR."), where, SILENT))
    assert reason(rule(Accept(offer=0, message="Agreed: 13,500 EUR."), where, SILENT))
    later = view(offer(BEST), offer(LOW), offer(FAIR))
    assert reason(rule(Accept(offer=2, message="I accept 15,000 EUR."), later, SILENT))


def test_who_leaves_may_name_what_was_on_the_table() -> None:
    rule = fitting(Fitting(AGENDA))
    assert allowed(rule(WalkAway(message="15,000 EUR is too much."), view(offer(BEST)), SILENT))
    assert reason(rule(WalkAway(message="I would have taken 12,000 EUR."), view(offer(BEST)), SILENT))
