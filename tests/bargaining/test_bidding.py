from fractions import Fraction
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining.agenda import Agenda
from bargaining.bidding import Bidder
from bargaining.errors import InvalidInputError
from bargaining.mandate import Allowed, BoundMandate, Mandate
from bargaining.opponent import FrequencyModel
from bargaining.outcome import Outcome
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


@given(st.data())
@settings(deadline=None)
def test_candidates_are_worth_the_level_and_the_first_is_the_opponents_best_just_above_it(
    data: st.DataObject,
) -> None:
    agenda = data.draw(agendas())
    utility, mandate = data.draw(principals(agenda))
    bidder = Bidder(agenda, utility, mandate)
    level = bidder.floor + data.draw(st.fractions(-1, 2, max_denominator=9)) * (bidder.ceiling - bidder.floor)
    count = data.draw(st.integers(1, 6))
    worth = [o for o in agenda.space if utility.value(o) >= level and mandate.allows(o) == Allowed()]
    model = FrequencyModel(agenda)
    for index in data.draw(st.lists(st.integers(0, agenda.space.size - 1), max_size=4)):
        model.observe(agenda.space.at(index))
    found = bidder.candidates(level, count, model)
    assert len(found) == len(set(found)) == min(count, len(worth))
    assert set(found) <= set(worth)
    if worth:
        lowest, band = min(map(utility.value, worth)), (bidder.ceiling - bidder.floor) / 20
        near = [o for o in worth if utility.value(o) <= lowest + band]
        assert model.estimate(found[0]) >= max(model.estimate(o) for o in near)
        (plain,) = bidder.candidates(level, 1)
        assert plain == min(worth, key=lambda o: (utility.value(o), agenda.space.index(o)))
        target = data.draw(st.sampled_from(near))
        assert bidder.candidates(level, 1, toward=target) == (target,)


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
    model = FrequencyModel(agenda)
    for index in range(0, 300_000, 9999):
        model.observe(agenda.space.at(index))
    start = process_time()
    for level in range(30, 130, 10):
        assert len(bidder.candidates(Fraction(level), 5, model)) == 5
    assert process_time() - start < 10 * 0.05


def test_the_climb_trades_what_matters_little_for_what_the_opponent_wants() -> None:
    agenda, utility = eight_by_five()
    mandate = BoundMandate(Mandate.model_validate({"reservation_value": 30}), agenda, utility)
    wish = Outcome(dict.fromkeys(agenda.space.issues, "a"))
    model = FrequencyModel(agenda)
    model.observe(wish)
    (first,) = Bidder(agenda, utility, mandate).candidates(Fraction(72), 1, model)
    # the best possible is 5 of 8: a climb by single changes does not find every trade
    assert model.estimate(first) >= Fraction(1, 2)
    assert utility.value(first) >= 72


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
    wish = agenda.space.at(0)
    for level in (300, 250, 200, 151):
        for outcome in bidder.candidates(Fraction(level), 20, toward=wish):
            assert mandate.allows(outcome) == Allowed()
            assert utility.value(outcome) >= level


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
