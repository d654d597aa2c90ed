from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining.agenda import Agenda
from bargaining.move import Move, Offer, Pass
from bargaining.opponent import OpponentModel
from bargaining.outcome import Outcome
from bargaining.table import Table, View
from tests.bargaining.strategies import agendas


def estimate(model: OpponentModel, outcome: Outcome) -> Fraction:
    return model.estimates([outcome])[0]


def agenda(*issues: dict[str, Any]) -> Agenda:
    return Agenda.model_validate({"title": "t", "roles": ["a", "b"], "rounds": 9, "issues": issues})


TWO = agenda(
    {"kind": "categorical", "name": "colour", "options": ["red", "green", "blue"]},
    {"kind": "categorical", "name": "size", "options": ["s", "m", "l"]},
)


def model(agenda: Agenda, *moves: Move) -> OpponentModel:
    """What a side knows of the second one after these moves, its own first."""
    table = Table(agenda)
    for move in moves:
        table = table.add(move)
    found = OpponentModel(agenda)
    found.read(View(table, "a"))
    return found


def offer(terms: dict[str, Any]) -> Offer:
    return Offer(outcome=Outcome(terms))


def observed(agenda: Agenda, *offers: dict[str, Any]) -> OpponentModel:
    return model(agenda, *(move for terms in offers for move in (Pass(), offer(terms))))


def test_before_the_first_offer_nothing_is_known() -> None:
    assert not OpponentModel(TWO).knows
    assert {estimate(OpponentModel(TWO), outcome) for outcome in TWO.space} == {Fraction(0)}
    assert not model(TWO, offer({"colour": "red", "size": "s"}), Pass()).knows


def test_what_stays_matters_more_than_what_changes() -> None:
    known = observed(TWO, {"colour": "red", "size": "s"}, {"colour": "red", "size": "m"})
    estimates = {
        terms: estimate(known, Outcome(dict(zip(("colour", "size"), terms, strict=True))))
        for terms in [("red", "s"), ("red", "m"), ("red", "l"), ("blue", "s"), ("blue", "l")]
    }
    assert sorted(estimates, key=lambda terms: -estimates[terms]) == list(estimates)
    assert estimates["red", "s"] == 1
    assert estimates["blue", "l"] == 0


@pytest.mark.parametrize("kind", ["integer", "ordered"])
def test_on_a_scale_nearer_values_are_liked_more(kind: str) -> None:
    options = [str(n) for n in range(10)]
    issue: dict[str, Any] = (
        {"kind": "integer", "name": "level", "minimum": 0, "maximum": 9}
        if kind == "integer"
        else {"kind": "categorical", "name": "level", "options": options, "ordered": True}
    )
    values = range(10) if kind == "integer" else options
    scaled = agenda(issue)
    known = observed(scaled, {"level": values[7]}, {"level": values[6]})
    estimates = [estimate(known, Outcome({"level": value})) for value in values]
    assert estimates[:8] == sorted(estimates[:8])
    assert estimates[7:] == sorted(estimates[7:], reverse=True)
    assert estimates[0] == 0
    assert estimates[7] == 1


def test_names_are_no_scale() -> None:
    known = observed(TWO, {"colour": "red", "size": "s"})
    assert estimate(known, Outcome({"colour": "red", "size": "m"})) == estimate(
        known, Outcome({"colour": "red", "size": "l"})
    )


def test_what_was_refused_is_worth_less_to_them_than_what_came_instead() -> None:
    """From their offers alone every issue matters as much as the others; the refusals tell which is a limit."""
    three = agenda(*({"kind": "categorical", "name": name, "options": list("xyz")} for name in "abc"))
    wish, asked = dict.fromkeys("abc", "x"), {"a": "y", "b": "x", "c": "x"}
    elsewhere = Outcome({"a": "x", "b": "y", "c": "x"})
    silent = observed(three, wish, wish)
    assert estimate(silent, elsewhere) == estimate(silent, Outcome(asked))
    told = model(three, Pass(), offer(wish), offer(asked), offer(wish))
    assert estimate(told, elsewhere) > estimate(told, Outcome(asked))
    # and what nobody has named yet is worth a try
    assert estimate(told, Outcome({**asked, "a": "z"})) > estimate(told, Outcome(asked))


def test_what_was_offered_once_and_first_is_hardly_worth_less_than_what_came_often_and_later() -> None:
    wish, later = {"colour": "red", "size": "s"}, {"colour": "green", "size": "m"}
    known = observed(TWO, wish, later, later, later)
    # not equal: the first offer may have been any of several that are worth as much to them
    assert estimate(known, Outcome(later)) - estimate(known, Outcome(wish)) < Fraction(1, 5)


@given(st.data())
@settings(deadline=None)
def test_estimates_lie_between_0_and_1_and_depend_only_on_what_is_on_the_table(data: st.DataObject) -> None:
    chosen = data.draw(agendas(rounds=9))
    indices = data.draw(st.lists(st.integers(-1, chosen.space.size - 1), min_size=2, max_size=16))
    table, known = Table(chosen), OpponentModel(chosen)
    for index in indices:
        table = table.add(Pass() if index < 0 else Offer(outcome=chosen.space.at(index)))
        if data.draw(st.booleans()):
            known.read(View(table, chosen.roles[0]))
            assert all(0 <= estimate(known, outcome) <= 1 for outcome in chosen.space)
    anew = OpponentModel(chosen)
    anew.read(View(table, chosen.roles[0]))
    known.read(View(table, chosen.roles[0]))
    assert [estimate(known, o) for o in chosen.space] == [estimate(anew, o) for o in chosen.space]
    offers = table.offers(chosen.roles[1])
    if len(set(offers)) == 1 and not table.offers(chosen.roles[0]):
        assert estimate(known, offers[0]) == 1


def test_another_negotiation_is_not_mixed_with_the_last_one() -> None:
    known = observed(TWO, {"colour": "red", "size": "s"})
    other = Table(TWO).add(Pass()).add(offer({"colour": "blue", "size": "l"}))
    known.read(View(other, "a"))
    assert estimate(known, Outcome({"colour": "blue", "size": "l"})) == 1
    assert estimate(known, Outcome({"colour": "red", "size": "s"})) == 0


def test_numbers_stay_in_64_bits_on_the_largest_grids() -> None:
    most = 10**15
    grids = [{"kind": "integer", "name": f"n{i}", "minimum": -most, "maximum": most} for i in range(64)]
    wide = agenda(*grids)
    low, high = dict.fromkeys(wide.space.issues, -most), dict.fromkeys(wide.space.issues, most)
    moves = [offer(high), offer(low)] * 9
    known = model(wide, *moves)
    assert estimate(known, Outcome(low)) == 1
    assert estimate(known, Outcome(high)) == 0
    likings = known.likings(0, np.array([0, most, 2 * most], dtype=np.int64))
    assert likings.dtype == np.int64
    assert abs(int(likings[0])) * 64 < 2**62
