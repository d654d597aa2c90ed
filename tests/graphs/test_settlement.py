"""Where the agenda asks for it, what was agreed is replaced by something that both sides value more."""

import asyncio
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement
from bargaining.mandate import Allowed, BoundMandate, Mandate
from bargaining.move import Accept, Move, Offer
from bargaining.outcome import Outcome
from bargaining.problem import BargainingProblem
from bargaining.solution import efficient
from bargaining.table import View
from bargaining.utility import Preferences, UtilityFunction
from graphs.alternating import negotiate
from tests.bargaining.strategies import agendas, preferences

PRICE = {"kind": "integer", "name": "price", "minimum": 0, "maximum": 10}
DELIVERY = {"kind": "boolean", "name": "delivery"}


def _agenda(**changes: object) -> Agenda:
    return Agenda.model_validate(
        {
            "title": "a sale",
            "roles": ["seller", "buyer"],
            "rounds": 2,
            "issues": [PRICE, DELIVERY],
            "settlement": "improved",
            **changes,
        }
    )


def _preferences(price: dict[int, int], delivery: int) -> Preferences:
    return Preferences.model_validate(
        {"issues": {"price": {"points": price}, "delivery": {"scores": {False: 0, True: delivery}}}}
    )


# delivery costs the seller 2 and is worth 5 to the buyer: to leave it out is a loss for both
SELLER, BUYER = _preferences({0: 0, 10: 10}, -2), _preferences({0: 10, 10: 0}, 5)


class _Offers:
    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    async def decide(self, view: View) -> Move:
        return Accept(offer=view.standing.number) if view.standing else Offer(outcome=self._outcome)


def _settled(agenda: Agenda, agreed: Outcome, mandates: dict[str, BoundMandate]) -> Outcome:
    end = asyncio.run(negotiate(agenda, dict.fromkeys(agenda.roles, _Offers(agreed)), mandates))
    assert isinstance(end.result, Agreement)
    return agenda.space.outcome(end.result.terms)


def _bound(agenda: Agenda, **mandates: dict[str, Any]) -> dict[str, BoundMandate]:
    return {
        role: BoundMandate(
            Mandate.model_validate(mandates.get(role, {})), agenda, UtilityFunction(given, agenda)
        )
        for role, given in (("seller", SELLER), ("buyer", BUYER))
    }


def test_both_sides_gain_from_an_improved_settlement() -> None:
    agenda = _agenda()
    agreed = agenda.space.outcome({"price": 5, "delivery": False})
    final = _settled(agenda, agreed, _bound(agenda))
    # 7 with delivery: 5 and 8 in place of 5 and 5; 8: 6 and 7, the highest product of gains
    assert dict(final) == {"price": 8, "delivery": True}


def test_by_default_what_was_agreed_is_what_is_signed() -> None:
    agenda = _agenda(settlement="as_agreed")
    agreed = agenda.space.outcome({"price": 5, "delivery": False})
    assert _settled(agenda, agreed, _bound(agenda)) == agreed


def test_an_improved_settlement_stays_inside_both_mandates() -> None:
    agenda = _agenda()
    agreed = agenda.space.outcome({"price": 5, "delivery": False})
    final = _settled(agenda, agreed, _bound(agenda, buyer={"conditions": [{"at_most": {"price": 7}}]}))
    assert dict(final) == {"price": 7, "delivery": True}


def test_without_preferences_on_both_sides_nothing_is_improved() -> None:
    agenda = _agenda()
    agreed = agenda.space.outcome({"price": 5, "delivery": False})
    mandates = _bound(agenda) | {"buyer": BoundMandate(Mandate(), agenda, None)}
    assert _settled(agenda, agreed, mandates) == agreed


def test_for_a_delegate_that_may_not_accept_nothing_is_improved() -> None:
    agenda = _agenda()
    agreed = agenda.space.outcome({"price": 5, "delivery": False})
    assert _settled(agenda, agreed, _bound(agenda, seller={"authority": {"accept": False}})) == agreed


def test_a_space_too_large_to_compare_refuses_improvement_from_the_start() -> None:
    large = [{**PRICE, "name": f"price_{i}", "maximum": 99} for i in range(4)]
    with pytest.raises(ValidationError, match="larger steps"):
        _agenda(issues=large)


@settings(deadline=None)
@given(st.data())
def test_an_improved_settlement_is_efficient_and_worse_for_nobody(data: st.DataObject) -> None:
    agenda = data.draw(agendas(settlement="improved"))
    utilities = {role: UtilityFunction(data.draw(preferences(agenda)), agenda) for role in agenda.roles}
    agreed = agenda.space.at(data.draw(st.integers(0, agenda.space.size - 1)))
    mandates = {
        role: BoundMandate(
            Mandate(
                reservation_value=utility.value(agreed)
                - data.draw(st.sampled_from([Fraction(0), Fraction(3)]))
            ),
            agenda,
            utility,
        )
        for role, utility in utilities.items()
    }
    final = _settled(agenda, agreed, mandates)
    problem = BargainingProblem.of(agenda, utilities, mandates)
    assert efficient(problem, agenda.space.index(final))
    for role, utility in utilities.items():
        assert utility.value(final) >= utility.value(agreed)
        assert isinstance(mandates[role].allows(final), Allowed)
