"""Two protocols on one scenario: the table counts what happened."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from bargaining.errors import InvalidInputError
from delegates.brief import Brief
from delegates.scenario import load
from evals.protocols import MEDIATORS, Ground, offers, table, texts
from evals.settlement import settled


def test_both_protocols_are_measured_on_the_same_scale() -> None:
    ground = Ground.of("persona", load("persona"))
    rows = [offers(ground, "boulware"), *(texts(ground, mediator, 60, 3) for mediator in MEDIATORS)]
    assert [row.runs for row in rows] == [1, 3, 3]
    for row in rows:
        assert 0 <= row.interval[0] <= row.agreed / row.runs <= row.interval[1] <= 1
        assert row.capture is None or 0 <= row.capture <= 1
        assert 0 < row.rounds <= row.limit
    assert rows[1].agreed == 3
    lines = list(table(rows))
    assert len(lines) == 5
    assert lines[0] == "settlement: as_agreed"
    assert all(line.startswith("persona") for line in lines[2:])


def test_without_an_agreement_there_is_nothing_to_average() -> None:
    ground = Ground.of("job-offer", load("job-offer"))
    row = texts(ground, "climbing", 1, 1)
    assert row.agreed == 0
    assert (row.capture, row.distance, row.frontier) == (None, None, None)
    assert " - " in list(table([row]))[2]


def test_a_scenario_is_settled_as_it_says_unless_told_otherwise() -> None:
    own = offers(Ground.of("job-offer", load("job-offer")), "boulware")
    told = offers(Ground.of("job-offer", settled(load("job-offer"), "as_agreed")), "boulware")
    assert (own.settlement, told.settlement) == ("improved", "as_agreed")
    assert own.frontier == 1
    assert next(table([own, replace(told, scenario="other")])) == (
        "settlement: improved in job-offer; as_agreed in other"
    )


def test_a_side_without_preferences_is_told_what_to_add() -> None:
    scenario = load("used-truck")
    bare = Brief.model_validate({"narrative": "I sell.", "mandate": {}})
    briefs = MappingProxyType({**scenario.briefs, "seller": bare})
    with pytest.raises(InvalidInputError, match=r"the seller's brief .* add `preferences`"):
        Ground.of("bare", replace(scenario, briefs=briefs))
