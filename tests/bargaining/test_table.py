import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bargaining.agenda import Agenda
from bargaining.move import Accept, Move, Offer, Pass, WalkAway
from bargaining.outcome import Outcome
from bargaining.table import Table, View


def agenda(**options: object) -> Agenda:
    issue = {"kind": "integer", "name": "price", "minimum": 0, "maximum": 99}
    return Agenda.model_validate(
        {"title": "t", "roles": ["seller", "buyer"], "rounds": 10, "issues": [issue], **options}
    )


def offer(price: int) -> Offer:
    return Offer(outcome=Outcome({"price": price}))


def played(agenda: Agenda, *moves: Move) -> Table:
    table = Table(agenda)
    for move in moves:
        table = table.add(move)
    return table


def test_sides_take_turns_until_the_deadline() -> None:
    table = Table(agenda(rounds=2))
    seen = []
    while not table.is_over:
        seen.append((table.to_move, table.round, table.is_last_turn))
        table = table.add(Pass())
    assert seen == [("seller", 1, False), ("buyer", 1, False), ("seller", 2, False), ("buyer", 2, True)]
    assert table.agreed is None


def test_the_newest_offer_of_the_other_side_stands_and_never_the_own() -> None:
    table = played(agenda(), offer(90), offer(10), offer(80))
    standing = table.standing("buyer")
    assert standing is not None
    assert (standing.number, standing.role) == (2, "seller")
    own_side = table.standing("seller")
    assert own_side is not None
    assert own_side.role == "buyer"
    assert View(table, "buyer").standing == standing


def test_nothing_stands_on_an_empty_table() -> None:
    assert Table(agenda()).standing("seller") is None


@pytest.mark.parametrize(("lifetime", "answers"), [(1, 1), (2, 2), (3, 3)])
def test_an_offer_stands_for_as_many_turns_as_it_lives(lifetime: int, answers: int) -> None:
    table = played(agenda(offer_lifetime=lifetime), offer(90))
    stood = 0
    while table.standing("buyer") is not None:
        stood += 1
        table = table.add(Pass()).add(Pass())
    assert stood == answers


def test_without_a_lifetime_an_offer_stands_until_it_is_replaced() -> None:
    table = played(agenda(), offer(90), *[Pass()] * 8)
    standing = table.standing("buyer")
    assert standing is not None
    assert standing.number == 0


def test_an_acceptance_ends_it_on_the_accepted_outcome() -> None:
    table = played(agenda(), offer(90), offer(10), Accept(offer=1))
    assert table.is_over
    assert table.agreed == Outcome({"price": 10})


def test_walking_away_ends_it_without_a_deal() -> None:
    table = played(agenda(), offer(90), WalkAway())
    assert table.is_over
    assert table.agreed is None


def test_a_deadlock_makes_the_next_round_the_last() -> None:
    table = played(agenda(deadlock_rounds=2), *[offer(90), offer(10)] * 3)
    assert table.repeated_rounds() == 2
    assert (table.round, table.rounds) == (4, 4)
    assert not table.is_over
    assert table.add(offer(80)).is_last_turn
    assert table.add(offer(80)).add(offer(20)).is_over


def test_a_pass_beside_an_offer_counts_as_repeating_it() -> None:
    assert played(agenda(), offer(90), offer(10), Pass(), Pass()).repeated_rounds() == 1


def test_a_concession_breaks_the_deadlock() -> None:
    assert played(agenda(), *[offer(90), offer(10)] * 3, offer(89)).repeated_rounds() == 0


def test_without_a_limit_there_is_no_deadlock() -> None:
    table = played(agenda(deadlock_rounds=None), *[offer(90), offer(10)] * 9)
    assert table.rounds == 10


def test_true_and_1_do_not_repeat_each_other() -> None:
    with_flag, with_number = Offer(outcome=Outcome({"x": True})), Offer(outcome=Outcome({"x": 1}))
    assert played(agenda(), with_flag, with_flag, with_number, with_number).repeated_rounds() == 0


@given(st.lists(st.integers(0, 2).map(offer) | st.just(Pass()), max_size=40), st.none() | st.integers(2, 4))
@settings(deadline=None)
def test_every_sequence_of_moves_ends_by_the_deadline(moves: list[Move], deadlock: int | None) -> None:
    table = Table(agenda(deadlock_rounds=deadlock))
    for move in moves:
        if table.is_over:
            break
        shorter = table.add(move)
        assert shorter.rounds <= table.rounds
        assert shorter.entries[:-1] == table.entries
        table = shorter
    while not table.is_over:
        table = table.add(Pass())
    assert table.turn <= 2 * table.agenda.rounds


@pytest.mark.parametrize("bad", [True, "1", 1.0, None])
def test_an_acceptance_names_an_entry_by_a_whole_number(bad: object) -> None:
    with pytest.raises(ValidationError):
        Accept.model_validate({"offer": bad})


def test_an_offer_takes_only_a_checked_outcome() -> None:
    with pytest.raises(ValidationError):
        Offer.model_validate({"outcome": {"price": 1}})
