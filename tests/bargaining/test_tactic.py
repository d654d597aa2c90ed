from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining.agenda import Agenda
from bargaining.mandate import Allowed, BoundMandate, Mandate
from bargaining.move import Accept, Move, Offer, Pass, WalkAway
from bargaining.outcome import Outcome
from bargaining.table import Table, View
from bargaining.tactic import (
    TACTICS,
    Curve,
    Tactic,
    TimeBased,
    aspiration,
    boulware,
    conceder,
    linear,
    steady,
)
from bargaining.utility import Preferences, UtilityFunction
from tests.bargaining.strategies import agendas, principals


def agenda(**options: Any) -> Agenda:
    price = {"kind": "integer", "name": "price", "minimum": 0, "maximum": 100}
    return Agenda.model_validate(
        {
            "title": "t",
            "roles": ["seller", "buyer"],
            "rounds": 11,
            "issues": [price],
            "deadlock_rounds": None,
            **options,
        }
    )


def side(agenda: Agenda, *, buys: bool, **mandate: Any) -> tuple[UtilityFunction, BoundMandate]:
    line = {0: 100, 100: 0} if buys else {0: 0, 100: 100}
    utility = UtilityFunction(Preferences.model_validate({"issues": {"price": {"points": line}}}), agenda)
    return utility, BoundMandate(Mandate.model_validate(mandate), agenda, utility)


def tactic(name: str, agenda: Agenda, *, buys: bool = False, **mandate: Any) -> Tactic:
    return TACTICS[name](agenda, *side(agenda, buys=buys, **mandate), 0)


def offer(price: int) -> Offer:
    return Offer(outcome=Outcome({"price": price}))


def played(agenda: Agenda, *moves: Move) -> Table:
    table = Table(agenda)
    for move in moves:
        table = table.add(move)
    return table


def answer(one: Tactic, table: Table, seconds_left: float | None = None) -> Move:
    return one.move(View(table, table.to_move, seconds_left))


def duel(agenda: Agenda, first: Tactic, second: Tactic) -> Table:
    table = Table(agenda)
    while not table.is_over:
        table = table.add(answer(first if table.turn % 2 == 0 else second, table))
    return table


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_no_tactic_leaves_its_mandate_or_its_authority_whatever_the_other_side_does(
    data: st.DataObject,
) -> None:
    life = data.draw(st.none() | st.integers(1, 3))
    chosen = data.draw(agendas(offer_lifetime=life, deadlock_rounds=data.draw(st.none() | st.integers(2, 3))))
    utility, mandate = data.draw(principals(chosen, authority=True))
    one = TACTICS[data.draw(st.sampled_from(sorted(TACTICS)))](chosen, utility, mandate, 0)
    role = data.draw(st.sampled_from(chosen.roles))
    table = Table(chosen)
    others = st.integers(0, chosen.space.size - 1).map(chosen.space.at).map(lambda o: Offer(outcome=o))
    while not table.is_over:
        if table.to_move != role:
            table = table.add(data.draw(others | st.just(Pass())))
            continue
        seconds_left = data.draw(st.none() | st.floats(-1, 100))
        move = answer(one, table, seconds_left)
        assert move == answer(one, table, seconds_left)
        assert move.message == ""
        match move:
            case Offer():
                assert mandate.allows(move.outcome) == Allowed()
            case Accept():
                standing = table.standing(role)
                assert standing is not None
                assert standing.number == move.offer
                assert mandate.mandate.authority.accept
            case WalkAway():
                assert mandate.mandate.authority.walk_away
                assert table.is_last_turn
            case Pass():
                raise AssertionError("a tactic always has something to say")
        table = table.add(move)
    if table.agreed is not None:
        assert isinstance(mandate.allows(table.agreed), Allowed)


@pytest.mark.parametrize("curve", [boulware, steady, linear, conceder])
@given(rounds=st.integers(2, 60))
def test_the_aspiration_falls_from_ceiling_to_floor(curve: Curve, rounds: int) -> None:
    table = Table(agenda(rounds=rounds))
    levels = []
    while not table.is_over:
        levels.append(aspiration(View(table, table.to_move), Fraction(90), Fraction(10), curve))
        table = table.add(Pass()).add(Pass())
    assert levels[0] == 90
    assert levels[-1] == 10
    assert levels == sorted(levels, reverse=True)


def test_boulware_holds_out_longer_than_steady_and_so_on_to_conceder() -> None:
    halfway = View(played(agenda(), *[Pass()] * 10), "seller")
    levels = [
        aspiration(halfway, Fraction(100), Fraction(0), curve)
        for curve in (boulware, steady, linear, conceder)
    ]
    assert levels == [Fraction(375, 4), 75, 50, Fraction(25, 2)]


def test_the_only_round_is_the_last() -> None:
    assert aspiration(View(Table(agenda(rounds=1)), "seller"), Fraction(9), Fraction(1), linear) == 1


@pytest.mark.parametrize(
    ("left", "level"),
    [(None, 100), (600.0, 100), (150.0, 25), (0.0, 0), (-5.0, 0), (900.0, 100), (float("nan"), 100)],
)
def test_the_clock_counts_when_it_is_further_on_than_the_rounds(left: float | None, level: int) -> None:
    view = View(Table(agenda(seconds=600)), "seller", left)
    assert aspiration(view, Fraction(100), Fraction(0), linear) == level


def test_time_left_without_a_clock_on_the_agenda_changes_nothing() -> None:
    assert aspiration(View(Table(agenda()), "seller", 0.0), Fraction(9), Fraction(1), linear) == 9


def test_a_deadlock_brings_the_floor_forward() -> None:
    table = played(agenda(deadlock_rounds=2), *[offer(90), offer(10)] * 3)
    assert aspiration(View(table, "seller"), Fraction(100), Fraction(40), boulware) == 40


@pytest.mark.parametrize("name", sorted(TACTICS))
def test_every_tactic_opens_with_its_best(name: str) -> None:
    chosen = agenda()
    assert answer(tactic(name, chosen, reservation_value=30), Table(chosen)) == offer(100)


@pytest.mark.parametrize("name", sorted(TACTICS))
def test_an_offer_as_good_as_the_best_is_accepted_at_once(name: str) -> None:
    chosen = agenda()
    table = played(chosen, offer(0))
    assert answer(tactic(name, chosen, buys=True), table) == Accept(offer=0)


@pytest.mark.parametrize("name", sorted(TACTICS))
def test_the_last_own_turn_accepts_whatever_is_allowed(name: str) -> None:
    chosen = agenda(rounds=2)
    table = played(chosen, offer(100), offer(31))
    seller = tactic(name, chosen, reservation_value=30)
    assert answer(seller, table) == Accept(offer=1)
    refused = tactic(name, chosen, reservation_value=32)
    assert isinstance(answer(refused, table), Offer)


@pytest.mark.parametrize("name", sorted(TACTICS))
@pytest.mark.parametrize(("may", "expected"), [(True, WalkAway()), (False, offer(0))])
def test_the_very_last_turn_without_an_allowed_offer_walks_away_if_it_may(
    name: str, may: bool, expected: Move
) -> None:
    chosen = agenda(rounds=1)
    buyer = tactic(name, chosen, buys=True, reservation_value=50, authority={"walk_away": may})
    assert answer(buyer, played(chosen, offer(90))) == expected


@pytest.mark.parametrize("name", sorted(TACTICS))
def test_without_the_authority_to_accept_it_offers_instead(name: str) -> None:
    chosen = agenda()
    buyer = tactic(name, chosen, buys=True, authority={"accept": False})
    assert isinstance(answer(buyer, played(chosen, offer(0))), Offer)


@pytest.mark.parametrize("name", sorted(TACTICS))
@pytest.mark.parametrize("other", sorted(TACTICS))
def test_two_tactics_agree_where_there_is_room(name: str, other: str) -> None:
    chosen = agenda(rounds=101)
    seller = tactic(name, chosen, reservation_value=20)
    buyer = tactic(other, chosen, buys=True, reservation_value=20)
    table = duel(chosen, seller, buyer)
    assert table.agreed is not None
    assert 20 <= int(table.agreed["price"]) <= 80


@pytest.mark.parametrize("name", sorted(TACTICS))
def test_where_there_is_no_room_there_is_no_deal(name: str) -> None:
    chosen = agenda()
    seller = tactic(name, chosen, conditions=[{"at_least": {"price": 70}}])
    buyer = tactic(name, chosen, buys=True, conditions=[{"at_most": {"price": 60}}])
    assert duel(chosen, seller, buyer).agreed is None


def test_linear_concedes_the_same_in_every_round() -> None:
    chosen = agenda()
    table, seller = Table(chosen), tactic("linear", chosen)
    prices = []
    for _ in range(10):
        move = answer(seller, table)
        assert isinstance(move, Offer)
        prices.append(move.outcome["price"])
        table = table.add(move).add(Pass())
    assert prices == list(range(100, 0, -10))


def concessions(one: Tactic, chosen: Agenda, received: list[int]) -> list[int]:
    """What a seller offers, one price for each offer of the buyer, and one before."""
    table = Table(chosen)
    prices = []
    for price in [*received, None]:
        move = answer(one, table)
        assert isinstance(move, Offer)
        prices.append(int(move.outcome["price"]))
        table = table.add(move).add(offer(price) if price is not None else Pass())
    return prices


@pytest.mark.parametrize(
    ("name", "received", "expected"),
    [
        # besides what it answers, 2.5 a round by itself
        ("tit-for-tat", [10, 15, 15, 30], [100, 98, 90, 88, 70]),
        ("tit-for-tat", [10, 5, 10, 5, 12], [100, 98, 95, 93, 90, 86]),
        ("micro", [0, 1, 2, 3], [100, 99, 98, 97, 96]),
        ("micro", [0, 0, 0, 1], [100, 99, 99, 99, 98]),
    ],
)
def test_concessions_answer_concessions(name: str, received: list[int], expected: list[int]) -> None:
    chosen = agenda()
    assert concessions(tactic(name, chosen), chosen, received) == expected


def test_micro_stops_at_its_last_allowed_outcome() -> None:
    chosen = agenda()
    seller = tactic("micro", chosen, conditions=[{"at_least": {"price": 98}}])
    assert concessions(seller, chosen, [0, 1, 2, 3, 4]) == [100, 99, 98, 98, 98, 98]


def test_a_plan_does_not_show_itself() -> None:
    chosen = agenda()
    plan = TimeBased(steady, chosen, *side(chosen, buys=False)).plan(View(Table(chosen), "seller"), 3)
    assert repr(plan) == str(plan) == "<Plan: redacted>"
    assert plan.move == offer(100)


def test_a_value_that_the_other_mandate_forbids_is_found_out_by_its_refusals() -> None:
    """Each side's wish is what the other may not do; neither says so."""
    issues = [
        {"kind": "integer", "name": "pay", "minimum": 0, "maximum": 10},
        {"kind": "integer", "name": "leave", "minimum": 0, "maximum": 10},
        {"kind": "integer", "name": "bonus", "minimum": 0, "maximum": 10},
        {"kind": "categorical", "name": "duty", "options": ["none", "rare", "often", "always"]},
    ]
    written = {"title": "t", "roles": ["a", "b"], "rounds": 10, "issues": issues, "deadlock_rounds": None}
    chosen = Agenda.model_validate(written)

    def build(pay: Any, duty: list[int], forbidden: str) -> tuple[UtilityFunction, BoundMandate]:
        scores = dict(zip(["none", "rare", "often", "always"], duty, strict=True))
        lines = {name: {"points": pay} for name in ("pay", "leave", "bonus")} | {"duty": {"scores": scores}}
        utility = UtilityFunction(Preferences.model_validate({"issues": lines}), chosen)
        limits = {"conditions": [{"not": {"is": {"duty": forbidden}}}], "reservation_value": 120}
        return utility, BoundMandate(Mandate.model_validate(limits), chosen, utility)

    first = build({0: 100, 10: 0}, [0, 40, 90, 100], "none")
    second = build({0: 0, 10: 100}, [100, 90, 40, 0], "always")
    for name in ("boulware", "linear", "conceder", "steady"):
        table = duel(chosen, TACTICS[name](chosen, *first, 0), TACTICS[name](chosen, *second, 0))
        assert table.agreed is not None, name


def test_tactics_log_roll() -> None:
    """Each side gets the issue that it cares about, which splitting both would not give."""
    issues = [{"kind": "integer", "name": name, "minimum": 0, "maximum": 10} for name in ("pay", "leave")]
    chosen = Agenda.model_validate({"title": "t", "roles": ["a", "b"], "rounds": 20, "issues": issues})

    def build(lines: Any) -> tuple[UtilityFunction, BoundMandate]:
        utility = UtilityFunction(Preferences.model_validate({"issues": lines}), chosen)
        return utility, BoundMandate(Mandate.model_validate({"reservation_value": 20}), chosen, utility)

    first = build({"pay": {"points": {0: 0, 10: 80}}, "leave": {"points": {0: 0, 10: 20}}})
    second = build({"pay": {"points": {0: 20, 10: 0}}, "leave": {"points": {0: 80, 10: 0}}})
    table = duel(chosen, TACTICS["linear"](chosen, *first, 0), TACTICS["linear"](chosen, *second, 0))
    assert table.agreed is not None
    assert first[0].value(table.agreed) > 50
    assert second[0].value(table.agreed) > 50
