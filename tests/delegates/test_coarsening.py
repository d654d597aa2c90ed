from fractions import Fraction

import pytest

from bargaining.errors import InvalidInputError
from bargaining.leakage import export_bits
from bargaining.problem import BargainingProblem
from bargaining.solution import solutions
from delegates.coarsening import coarsened
from delegates.scenario import Scenario, load, shipped


def nash(scenario: Scenario) -> tuple[Fraction, Fraction] | None:
    bound = {role: brief.bind(scenario.agenda) for role, brief in scenario.briefs.items()}
    utilities = {role: utility for role, (utility, _) in bound.items() if utility}
    problem = BargainingProblem.of(
        scenario.agenda, utilities, {role: mandate for role, (_, mandate) in bound.items()}
    )
    index = solutions(problem)["nash"]
    return None if index is None else problem.value(index)


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_scenario_can_be_coarsened(name: str) -> None:
    fine = load(name)
    coarse = coarsened(fine, 2)
    assert export_bits(coarse.agenda) <= export_bits(fine.agenda)
    assert all(outcome in fine.agenda.space for outcome in coarse.agenda.space)
    assert (coarse.models, coarse.prompts, coarse.synthetic) == (fine.models, fine.prompts, fine.synthetic)


@pytest.mark.parametrize("name", ["job-offer", "saas-contract", "used-truck"])
def test_on_a_coarser_grid_a_deal_remains_but_never_a_better_one(name: str) -> None:
    fine, coarse = nash(load(name)), nash(coarsened(load(name), 2))
    assert fine is not None
    assert coarse is not None
    assert fine == coarse or coarse[0] < fine[0] or coarse[1] < fine[1]


def test_a_coarser_grid_may_cost_the_only_deal() -> None:
    """Every second level of the 1-2-5 grid leaves out 20 %."""
    scenario = load("slightly-superhuman")
    assert nash(scenario) is not None
    assert nash(coarsened(scenario, 2)) is None


def test_everything_else_in_a_brief_is_kept() -> None:
    fine = load("saas-contract")
    coarse = coarsened(fine, {"price": 3})
    for role, brief in fine.briefs.items():
        assert coarse.briefs[role].narrative == brief.narrative
        assert coarse.briefs[role].facts == brief.facts
        assert coarse.briefs[role].outside_options == brief.outside_options


def test_a_grid_so_coarse_that_a_mandate_allows_none_of_it_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no outcome"):
        coarsened(load("significantly-superhuman"), 100)
