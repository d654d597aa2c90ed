"""The advisor: whatever the other side does, its advice is inside the mandate and gives way only with time."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining.agenda import Agenda
from bargaining.mandate import Allowed, BoundMandate, Mandate
from bargaining.move import Accept, Offer, Pass, WalkAway
from bargaining.table import Table, View
from bargaining.tactic import TACTICS, aspiration, steady
from bargaining.utility import Preferences, UtilityFunction
from delegates.advisor import OFFERS, SLACK, Advice, Caution, UtilityAdvisor
from tests.bargaining.strategies import agendas, principals
from tests.delegates.sale import AGENDA, BEST, FAIR, LIMIT, LOW, MANDATE, POOR, UTILITY, offer, view


def check(
    advice: Advice,
    seen: View,
    utility: UtilityFunction,
    mandate: BoundMandate,
    level: Fraction,
    floor: Fraction,
    ceiling: Fraction,
) -> None:
    """Everything that must hold for any advice."""
    assert 1 <= len(advice.offers) <= OFFERS
    assert len(set(advice.offers)) == len(advice.offers)
    for outcome in advice.offers:
        assert isinstance(mandate.allows(outcome), Allowed)
        assert utility.value(outcome) >= level
    assert advice.least == max(floor, level - SLACK * (ceiling - floor))
    standing = seen.standing
    stands = standing.move.outcome if standing and isinstance(standing.move, Offer) else None
    may = (
        stands is not None
        and mandate.mandate.authority.accept
        and isinstance(mandate.allows(stands), Allowed)
    )
    assert may or not advice.accept
    if may and seen.table.round >= seen.table.rounds:
        assert advice.accept
    if stands is not None and may and not advice.accept:
        assert utility.value(stands) < utility.value(advice.offers[0])
    match advice.move:
        case Accept():
            assert advice.accept
            assert standing is not None
            assert advice.move.offer == standing.number
        case Offer():
            assert not advice.accept
            assert seen.table.is_last_turn or advice.move.outcome == advice.offers[0]
        case WalkAway():
            assert not advice.accept
            assert seen.table.is_last_turn
        case _:
            pytest.fail("an advisor with preferences always makes a move")
    assert advice.move.message == ""


@given(st.data())
@settings(deadline=None)
def test_advice_is_safe_and_never_rises_in_any_negotiation(data: st.DataObject) -> None:
    agenda: Agenda = data.draw(agendas(seconds=60, deadlock_rounds=2, offer_lifetime=2))
    space = agenda.space
    utility, mandate = data.draw(principals(agenda, authority=True))
    role = data.draw(st.sampled_from(agenda.roles))
    worth = [utility.value(outcome) for outcome in space if isinstance(mandate.allows(outcome), Allowed)]
    floor, ceiling = min(worth), max(worth)
    level = ceiling
    advisor, alone = (
        UtilityAdvisor(agenda, role, utility, mandate),
        TACTICS["steady"](agenda, utility, mandate, 0),
    )
    table = Table(agenda)
    while not table.is_over:
        if table.to_move != role:
            theirs = data.draw(st.integers(-1, space.size - 1))
            table = table.add(Offer(outcome=space.at(theirs)) if theirs >= 0 else Pass())
            continue
        seen = View(table, role, data.draw(st.none() | st.floats(0, 60)))
        level = min(level, aspiration(seen, ceiling, floor, steady))
        advice = advisor.advise(seen)
        check(advice, seen, utility, mandate, level, floor, ceiling)
        assert advisor.advise(seen) == advice
        assert alone.move(seen) == advice.move
        table = table.add(advice.move)


def test_advice_in_a_huge_space_is_inside_the_mandate() -> None:
    issues = [
        {"kind": "integer", "name": f"issue_{i}", "minimum": 0, "maximum": 10_000, "step": 10}
        for i in range(4)
    ]
    agenda = Agenda.model_validate(
        {"title": "huge", "roles": ["seller", "buyer"], "rounds": 3, "issues": issues}
    )
    worth = {f"issue_{i}": {"points": {0: 0, 10_000: i + 1}} for i in range(4)}
    utility = UtilityFunction(Preferences.model_validate({"issues": worth}), agenda)
    written = {"conditions": [{"at_most": {"issue_3": 5000}}], "reservation_value": 5}
    mandate = BoundMandate(Mandate.model_validate(written), agenda, utility)
    advisor = UtilityAdvisor(agenda, "seller", utility, mandate)
    table = Table(agenda)
    while not table.is_over:
        if table.to_move == "seller":
            advice = advisor.advise(View(table, "seller"))
            assert advice.offers
            assert all(isinstance(mandate.allows(outcome), Allowed) for outcome in advice.offers)
            table = table.add(Offer(outcome=advice.offers[0]))
        else:
            table = table.add(Offer(outcome=agenda.space.at(table.turn)))


def test_it_opens_with_the_best_and_accepts_what_is_as_good_as_its_next_offer() -> None:
    advisor = UtilityAdvisor(AGENDA, "buyer", UTILITY, MANDATE)
    assert dict(advisor.advise(view(offer(LOW))).offers[0]) == BEST
    assert advisor.advise(view(offer(BEST))).move == Accept(offer=0)


def test_what_is_worse_for_both_sides_has_a_better_offer_and_the_offers_have_none() -> None:
    advisor = UtilityAdvisor(AGENDA, "buyer", UTILITY, MANDATE)
    advice = advisor.advise(view(offer(LOW)))
    assert not any(advice.better(outcome) for outcome in advice.offers)
    for outcome in AGENDA.space:
        better = advice.better(outcome)
        assert better is None or (better in advice.offers and UTILITY.value(better) >= UTILITY.value(outcome))
    assert any(advice.better(outcome) for outcome in AGENDA.space)


def test_it_accepts_anything_allowed_in_the_last_round_and_nothing_else() -> None:
    agenda = AGENDA.model_copy(update={"rounds": 1})
    advisor = UtilityAdvisor(agenda, "buyer", UTILITY, MANDATE)
    assert advisor.advise(view(offer(POOR), agenda=agenda)).accept is False
    assert advisor.advise(view(offer(LOW), agenda=agenda)).accept is False
    modest = {"price": LIMIT, "handover": "this week", "delivered": False}
    assert advisor.advise(view(offer(modest), agenda=agenda)).accept is True


def test_without_the_authority_to_accept_it_never_advises_to() -> None:
    written = {"authority": {"accept": False}}
    mandate = BoundMandate(Mandate.model_validate(written), AGENDA, UTILITY)
    advice = UtilityAdvisor(AGENDA, "buyer", UTILITY, mandate).advise(view(offer(BEST)))
    assert advice.accept is False
    assert advice.move == offer(BEST)


def test_advice_does_not_show_itself() -> None:
    advice = UtilityAdvisor(AGENDA, "seller", UTILITY, MANDATE).advise(view())
    assert repr(advice) == str(advice) == "<Advice: redacted>"


def test_caution_has_no_opinion_and_repeats_the_last_own_offer() -> None:
    advice = Caution("seller").advise(view(offer(BEST), offer(LOW), offer(FAIR), offer(LOW)))
    assert advice == Advice(offers=(), accept=False, move=offer(FAIR), least=None)


def test_caution_opens_with_what_its_side_likes_or_not_at_all() -> None:
    assert Caution("seller", AGENDA.space.outcome(BEST)).advise(view()).move == offer(BEST)
    assert Caution("seller").advise(view()).move == Pass()
