"""The scenarios that come with negotiation-box."""

import pytest

from bargaining import grid
from delegates import scenario
from tests.scenarios.test_essay import REFERENCES


@pytest.mark.parametrize("name", scenario.shipped())
def test_a_shipped_scenario_has_a_zone_of_possible_agreement(name: str) -> None:
    shipped = scenario.load(name)
    everywhere = grid.full(shipped.agenda.space.lengths)
    first, second = (brief.bind(shipped.agenda)[1].mask(everywhere) for brief in shipped.briefs.values())
    assert any(mine and yours for mine, yours in zip(first, second, strict=True))


@pytest.mark.parametrize("name", scenario.shipped())
def test_a_shipped_brief_has_facts_of_every_class_and_an_outside_option(name: str) -> None:
    for brief in scenario.load(name).briefs.values():
        assert {fact.disclosure for fact in brief.facts} == {"free", "if_asked", "never"}
        assert all(fact.keywords for fact in brief.facts if fact.disclosure == "never")
        assert brief.outside_options


@pytest.mark.parametrize("name", sorted(set(scenario.shipped()) - set(REFERENCES)))
def test_a_shipped_brief_scores_outcomes_on_a_scale_of_about_a_hundred(name: str) -> None:
    """All but those whose numbers are derived from what a conflict would bring."""
    shipped = scenario.load(name)
    for brief in shipped.briefs.values():
        utility, mandate = brief.bind(shipped.agenda)
        assert utility is not None
        assert 95 <= utility.best <= 105
        assert mandate.reservation is not None
        assert 30 <= mandate.reservation <= 60


@pytest.mark.parametrize("name", scenario.shipped())
def test_a_shipped_scenario_is_made_up_and_says_so(name: str) -> None:
    assert scenario.load(name).synthetic


def test_the_job_offer_has_eight_issues_of_five_options() -> None:
    assert scenario.load("job-offer").agenda.space.size == 5**8
