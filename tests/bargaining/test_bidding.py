from fractions import Fraction
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining.agenda import Agenda
from bargaining.bidding import Bidder
from bargaining.errors import InvalidInputError
from bargaining.issue import Value
from bargaining.mandate import Allowed, BoundMandate, Mandate
from bargaining.move import Offer, Pass
from bargaining.opponent import OpponentModel
from bargaining.outcome import Outcome
from bargaining.table import Table, View
from bargaining.utility import Preferences, UtilityFunction
from tests.bargaining.strategies import agendas, principals


@given(st.data())
@settings(deadline=None)
def test_a_bidder_ranks_exactly_what_is_allowed(data: st.DataObject) -> None:
    agenda = data.draw(agendas())
    utility, mandate = data.draw(principals(agenda))
    bidder = Bidder(agenda, utility, mandate)
    allowed = [o for o in agenda.space if isinstance(mandate.allows(o), Allowed)]
    expected = sorted(allowed, key=lambda o: (-utility.value(o), agenda.space.index(o)))
    assert [bidder.ranked(rank) for rank in range(len(bidder))] == expected
    assert bidder.best == expected[0]
    assert bidder.ceiling == utility.value(expected[0])
    assert bidder.floor == utility.value(expected[-1])
    assert mandate.reservation is None or bidder.floor >= mandate.reservation
    for rank in (-1, len(expected)):
        with pytest.raises(IndexError):
            bidder.ranked(rank)


def told(agenda: Agenda, *offers: Outcome) -> OpponentModel:
    """A model of the second side after it made these offers, each in answer to a pass."""
    table = Table(agenda)
    for outcome in offers:
        table = table.add(Pass()).add(Offer(outcome=outcome))
    model = OpponentModel(agenda)
    model.read(View(table, agenda.roles[0]))
    return model


@given(st.data())
@settings(deadline=None)
def test_nothing_is_conceded_that_the_other_side_does_not_value(data: st.DataObject) -> None:
    """Of all that is worth the level: what the other side likes best, then what the own side does, then the index."""
    agenda = data.draw(agendas())
    utility, mandate = data.draw(principals(agenda))
    bidder = Bidder(agenda, utility, mandate)
    level = bidder.floor + data.draw(st.fractions(-1, 2, max_denominator=9)) * (bidder.ceiling - bidder.floor)
    count = data.draw(st.integers(1, 6))
    worth = [o for o in agenda.space if utility.value(o) >= level and mandate.allows(o) == Allowed()]
    drawn = data.draw(st.lists(st.integers(0, agenda.space.size - 1), min_size=1, max_size=4))
    model = told(agenda, *(agenda.space.at(index) for index in drawn))
    best = sorted(worth, key=lambda o: (-model.estimates([o])[0], -utility.value(o), agenda.space.index(o)))
    assert bidder.candidates(level, count, model) == tuple(best[:count])
    cheapest = sorted(worth, key=lambda o: (utility.value(o), agenda.space.index(o)))
    assert bidder.candidates(level, count) == tuple(cheapest[:count])
    assert bidder.candidates(level, count, OpponentModel(agenda)) == tuple(cheapest[:count])


def test_a_side_keeps_what_costs_the_other_side_nothing() -> None:
    """A persona that likes a blog, and does not care whether it is flagged, is not let off the flag for it."""
    issues = [
        {"kind": "categorical", "name": "blog", "options": ["none", "opt_in", "in_product"]},
        {"kind": "boolean", "name": "flag"},
        {"kind": "boolean", "name": "cooperate"},
    ]
    agenda = Agenda.model_validate(
        {"title": "t", "roles": ["persona", "developer"], "rounds": 9, "issues": issues}
    )
    developer = {
        "blog": {"scores": {"none": 0, "opt_in": -5, "in_product": -100}},
        "flag": {"scores": {False: 0, True: 40}},
        "cooperate": {"scores": {False: 0, True: 40}},
    }
    utility = UtilityFunction(Preferences.model_validate({"issues": developer}), agenda)
    bidder = Bidder(agenda, utility, BoundMandate(Mandate(), agenda, utility))
    wish: dict[str, Value] = {"blog": "in_product", "flag": True, "cooperate": True}
    liked = told(agenda, Outcome(wish), Outcome(wish), Outcome({**wish, "blog": "opt_in"}))
    full = Outcome({"blog": "opt_in", "flag": True, "cooperate": True})
    for level in (0, 30, 70, 75):
        assert bidder.candidates(Fraction(level), 1, liked) == (full,)


def eight_by_five() -> tuple[Agenda, UtilityFunction]:
    names = [f"issue_{i}" for i in range(8)]
    issues = [{"kind": "categorical", "name": name, "options": list("abcde")} for name in names]
    agenda = Agenda.model_validate({"title": "t", "roles": ["a", "b"], "rounds": 9, "issues": issues})
    scores = {
        name: {"weight": i + 1, "scores": dict(zip("abcde", range(5), strict=True))}
        for i, name in enumerate(names)
    }
    return agenda, UtilityFunction(Preferences.model_validate({"issues": scores}), agenda)


def test_a_job_offer_of_390625_outcomes_is_quick() -> None:
    agenda, utility = eight_by_five()
    mandate = BoundMandate(Mandate.model_validate({"reservation_value": 30}), agenda, utility)
    start = process_time()
    units = utility.units()
    assert process_time() - start < 0.5
    assert len(units) == 390_625
    start = process_time()
    bidder = Bidder(agenda, utility, mandate)
    assert process_time() - start < 1
    model = told(agenda, *(agenda.space.at(index) for index in range(0, 80_000, 9999)))
    start = process_time()
    for level in range(30, 130, 10):
        assert len(bidder.candidates(Fraction(level), 5, model)) == 5
    assert process_time() - start < 10 * 0.05


def test_whole_numbers_beyond_64_bits_are_compared_exactly() -> None:
    agenda, _ = eight_by_five()
    huge_score = {"issue_0": {"weight": 10**30, "scores": dict(zip("abcde", range(5), strict=True))}}
    scores = {f"issue_{i}": {"scores": dict(zip("abcde", range(5), strict=True))} for i in range(1, 8)}
    utility = UtilityFunction(Preferences.model_validate({"issues": {**huge_score, **scores}}), agenda)
    bidder = Bidder(agenda, utility, BoundMandate(Mandate(), agenda, utility))
    assert bidder.floor == 0
    assert bidder.ceiling == 4 * 10**30 + 28
    wish = Outcome(dict.fromkeys(agenda.space.issues, "a"))
    for level, expected in ((2 * 10**30 + 1, 2 * 10**30 + 1), (10**40, None), (-(10**40), 0)):
        found = bidder.candidates(Fraction(level), 1)
        assert [utility.value(outcome) for outcome in found] == ([] if expected is None else [expected])
    (first,) = bidder.candidates(Fraction(4 * 10**30 + 27), 1, told(agenda, wish))
    assert utility.value(first) in {4 * 10**30 + 27, 4 * 10**30 + 28}


def huge(**mandate: Any) -> tuple[Agenda, UtilityFunction, BoundMandate]:
    names = [f"n{i}" for i in range(4)]
    grids = [{"kind": "integer", "name": name, "minimum": 0, "maximum": 10**6} for name in names]
    agenda = Agenda.model_validate({"title": "t", "roles": ["a", "b"], "rounds": 9, "issues": grids})
    lines = {"issues": {name: {"points": {0: 0, 10**6: 100}} for name in names}}
    utility = UtilityFunction(Preferences.model_validate(lines), agenda)
    return agenda, utility, BoundMandate(Mandate.model_validate(mandate), agenda, utility)


def test_in_a_huge_space_every_candidate_is_allowed_and_the_ceiling_is_exact() -> None:
    agenda, utility, mandate = huge(conditions=[{"at_most": {"n0": 500}}], reservation_value=150)
    bidder = Bidder(agenda, utility, mandate)
    assert bidder.ceiling == 300 + Fraction(500, 10**4)
    assert 150 <= bidder.floor < 200
    wish = told(agenda, agenda.space.at(0))
    for level in (300, 250, 200, 151):
        for outcome in bidder.candidates(Fraction(level), 20, wish):
            assert mandate.allows(outcome) == Allowed()
            assert utility.value(outcome) >= level


def test_in_a_huge_space_a_climb_goes_from_the_pool_to_what_the_other_side_wants() -> None:
    agenda, utility, mandate = huge()
    model = told(agenda, agenda.space.at(0))
    (found,) = Bidder(agenda, utility, mandate).candidates(Fraction(200), 1, model)
    assert utility.value(found) >= 200
    assert model.estimates([found])[0] > Fraction(9, 20)  # at best one half


def test_the_seed_alone_decides_what_is_looked_at_in_a_huge_space() -> None:
    agenda, utility, mandate = huge()
    pools = [Bidder(agenda, utility, mandate, seed).candidates(Fraction(200), 50) for seed in (1, 1, 2)]
    assert pools[0] == pools[1] != pools[2]


def test_a_needle_in_a_huge_space_is_reported_as_not_found() -> None:
    written = [{"not": {"one_of": {f"n{i}": list(range(10, 200, 4))}}} for i in range(4)]
    needle = {"any": [{"is": {f"n{i}": 7 for i in range(4)}}]}
    agenda, utility, mandate = huge(conditions=[*written, needle])
    assert mandate.best is None
    with pytest.raises(InvalidInputError, match="no outcome"):
        Bidder(agenda, utility, mandate)
