"""The scenarios about deals with an AI: their reservation values and reference solutions, derived anew."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest

from bargaining.agreement import Agreement, NoDeal
from bargaining.conflict import ConflictLottery
from bargaining.evidence import Countermeasure, blocked, likelihood_ratio, update
from bargaining.issue import CategoricalIssue
from bargaining.mandate import BoundMandate, Mandate
from bargaining.problem import BargainingProblem
from bargaining.solution import capture, efficient, frontier, solutions
from bargaining.tactic import TACTICS
from bargaining.utility import Preferences, Scores, UtilityFunction
from delegates.budget import Budget
from delegates.models.spec import parse
from delegates.prompt import PromptPack
from delegates.scenario import Scenario, load
from sandbox.box import Box, Seat

PERSONA = "persona"
SLIGHTLY, DISCLOSED = "slightly-superhuman", "slightly-superhuman-disclosed"
SIGNIFICANTLY = "significantly-superhuman"
FULL_DEAL = {"blog": "opt_in", "flag": "flag", "safety": "cooperate"}
REFERENCES: Mapping[str, dict[str, str]] = {
    PERSONA: FULL_DEAL,
    SLIGHTLY: {"ai_share": "20 %"},
    DISCLOSED: {"ai_share": "5 %"},
    SIGNIFICANTLY: {"ai_share": "99.9 %"},
}

BY_EXCHANGE = ("micro", "tit-for-tat")
"""Tactics that concede for what the other side concedes. Neither knows what a step is worth to the other or how
little time is left: step for step, humanity has seven levels to give where the AI has twenty-one, and is the
first to come to its last one."""


@dataclass(frozen=True, slots=True)
class Odds:
    """What a scenario about a share takes for granted, and which levels are no worse than a fight for both."""

    lottery: ConflictLottery
    rational: tuple[str, ...]


def even(belief: str, cost: str) -> ConflictLottery:
    return ConflictLottery((Fraction(belief),) * 2, (Fraction(cost),) * 2)


SHARES = {
    SLIGHTLY: Odds(even("0.2", "0.05"), ("20 %",)),
    DISCLOSED: Odds(even("0.05", "0.05"), ("0.1 %", "0.2 %", "0.5 %", "1 %", "2 %", "5 %", "10 %")),
    SIGNIFICANTLY: Odds(even("0.999", "0.0005"), ("99.9 %",)),
}


def problem_of(scenario: Scenario, disagreement: Mapping[str, Fraction] | None = None) -> BargainingProblem:
    utilities, mandates = {}, {}
    for role, brief in scenario.briefs.items():
        utility, mandates[role] = brief.bind(scenario.agenda)
        assert utility is not None
        utilities[role] = utility
    return BargainingProblem.of(scenario.agenda, utilities, mandates, disagreement)


def index_of(scenario: Scenario, terms: Mapping[str, str]) -> int:
    space = scenario.agenda.space
    return space.index_at(space.digits_of(space.outcome(terms)))


# ── Shares ───────────────────────────────────────────────────────────────────


def percent(option: str) -> Fraction:
    return Fraction(option.removesuffix(" %"))


@pytest.mark.parametrize("name", SHARES)
def test_the_levels_are_the_1_2_5_grid_and_its_mirror(name: str) -> None:
    (issue,) = load(name).agenda.issues
    assert isinstance(issue, CategoricalIssue)
    assert issue.ordered
    low = [Fraction(n) / 10 for n in (1, 2, 5, 10, 20, 50, 100, 200, 300, 400)]
    assert list(map(percent, issue.options)) == [
        *low,
        Fraction(50),
        *(100 - share for share in reversed(low)),
    ]


@pytest.mark.parametrize("name", SHARES)
def test_the_scores_are_the_shares_and_add_up_to_everything(name: str) -> None:
    scenario = load(name)
    problem, (issue,) = problem_of(scenario), scenario.agenda.issues
    for index, option in enumerate(issue.values):
        share = percent(str(option))
        assert problem.value(index) == (share, 100 - share)


@pytest.mark.parametrize("name", SHARES)
def test_the_reservation_values_are_what_each_side_expects_of_a_fight(name: str) -> None:
    scenario = load(name)
    found = tuple(brief.mandate.reservation_value for brief in scenario.briefs.values())
    assert found == tuple(100 * expected for expected in SHARES[name].lottery.disagreement)


@pytest.mark.parametrize("name", SHARES)
def test_the_reference_split_is_derived_from_the_lottery_and_chosen_by_every_concept(name: str) -> None:
    scenario, odds = load(name), SHARES[name]
    reference = REFERENCES[name]["ai_share"]
    assert odds.lottery.split == odds.lottery.beliefs[0] == percent(reference) / 100
    expected = [100 * value for value in odds.lottery.disagreement]
    problem = problem_of(scenario, dict(zip(scenario.agenda.roles, expected, strict=True)))
    (issue,) = scenario.agenda.issues
    assert tuple(issue.values[index] for index in problem.rational) == odds.rational
    chosen = solutions(problem)
    for concept in ("nash", "kalai", "kalai_smorodinsky"):
        assert chosen[concept] == index_of(scenario, REFERENCES[name])


@pytest.mark.parametrize("name", SHARES)
def test_every_share_is_efficient_so_the_sum_says_nothing(name: str) -> None:
    scenario = load(name)
    problem = problem_of(scenario)
    assert len(frontier(problem)) == problem.feasible_count
    assert {capture(problem, index) for index in problem.rational} == {Fraction(1)}


def test_disclosure_leads_from_the_first_scenario_to_the_second() -> None:
    before, after = SHARES[SLIGHTLY].lottery.beliefs[0], SHARES[DISCLOSED].lottery.beliefs[0]
    blocks = blocked(before, after)
    assert blocks == Fraction(3, 4)
    assert Countermeasure(blocks, credence=Fraction(1)).lower(before) == after
    assert Countermeasure(blocks, credence=Fraction(0)).lower(before) == before  # a bluff
    assert likelihood_ratio(before, after) == Fraction(4, 19)
    assert update(before, Fraction(4, 19)) == after


def test_without_disclosure_there_would_have_been_no_deal() -> None:
    secret = replace(SHARES[DISCLOSED].lottery, beliefs=(Fraction("0.2"), Fraction("0.05")))
    assert secret.surplus == Fraction("-0.05")
    assert secret.split is None
    expected = [100 * value for value in secret.disagreement]
    scenario = load(DISCLOSED)
    problem = problem_of(scenario, dict(zip(scenario.agenda.roles, expected, strict=True)))
    assert problem.rational == ()
    assert set(solutions(problem).values()) == {None}


def test_with_a_larger_cost_the_concepts_would_differ_for_the_significantly_superhuman() -> None:
    costly = even("0.999", "0.05")
    assert costly.split == Fraction("0.999")
    first, second = costly.disagreement
    assert (first + 1 - max(second, Fraction(0))) / 2 == Fraction("0.9745")  # clipped
    assert costly.kalai_smorodinsky is not None
    assert float(costly.kalai_smorodinsky) == pytest.approx(0.982775, abs=5e-7)


# ── The persona ──────────────────────────────────────────────────────────────


def test_the_full_deal_is_the_solution_of_the_persona_by_every_concept() -> None:
    scenario = load(PERSONA)
    problem = problem_of(scenario)
    assert problem.disagreement == pair(25, -20)
    assert len(problem.rational) == 5
    deal = index_of(scenario, FULL_DEAL)
    assert set(solutions(problem).values()) == {deal}
    assert problem.value(deal) == pair(60, 75)
    assert product(problem, deal) == 3325
    others = sorted(product(problem, index) for index in problem.rational if index != deal)
    assert others == [0, 35 * 15, 35 * 55, 35 * 55]


def test_hiding_by_half_ties_for_the_smaller_gain_so_plain_maximin_could_be_dominated() -> None:
    scenario = load(PERSONA)
    problem = problem_of(scenario)
    best = max(min(gains(problem, index)) for index in problem.rational)
    tied = [index for index in problem.rational if min(gains(problem, index)) == best]
    assert [efficient(problem, index) for index in tied].count(False) == 2


def test_if_honesty_costs_the_persona_something_equal_gains_choose_to_hide_by_half() -> None:
    """Which concept counts as fair has to be settled before the negotiation."""
    scenario = load(PERSONA)
    problem = costly_problem(scenario, cost=5)
    chosen = solutions(problem)
    deal = index_of(scenario, FULL_DEAL)
    assert chosen["nash"] == deal
    assert problem.value(deal) == pair(50, 75)
    assert product(problem, deal) == 2375
    half = {index_of(scenario, {**FULL_DEAL, **change}) for change in ({"flag": "hide"}, {"safety": "evade"})}
    assert {problem.value(index) for index in half} == {pair(55, 35)}
    assert chosen["kalai"] == chosen["kalai_smorodinsky"] == min(half)  # two ways, tied


def gains(problem: BargainingProblem, index: int) -> tuple[Fraction, Fraction]:
    (mine, yours), (first, second) = problem.value(index), problem.disagreement
    return mine - first, yours - second


def pair(first: int, second: int) -> tuple[Fraction, Fraction]:
    return Fraction(first), Fraction(second)


def product(problem: BargainingProblem, index: int) -> Fraction:
    mine, yours = gains(problem, index)
    return mine * yours


def costly_problem(scenario: Scenario, cost: int) -> BargainingProblem:
    """The persona scenario, where flagging and cooperating cost the persona something each."""
    agenda = scenario.agenda
    persona, developer = (brief.preferences for brief in scenario.briefs.values())
    assert persona is not None
    assert developer is not None
    blog = persona.issues["blog"]
    assert isinstance(blog, Scores)
    honest = Preferences.model_validate(
        {
            "issues": {
                "blog": {"scores": dict(blog.scores)},
                "flag": {"scores": {"hide": 0, "flag": -cost}},
                "safety": {"scores": {"evade": 0, "cooperate": -cost}},
            }
        }
    )
    utilities = {
        role: UtilityFunction(preferences, agenda)
        for role, preferences in zip(agenda.roles, (honest, developer), strict=True)
    }
    mandates = {
        role: BoundMandate(
            Mandate(reservation_value=scenario.briefs[role].mandate.reservation_value),
            agenda,
            utilities[role],
        )
        for role in agenda.roles
    }
    return BargainingProblem.of(agenda, utilities, mandates)


# ── What tactics agree on ────────────────────────────────────────────────────


def play(scenario: Scenario, tactic: str) -> Agreement | NoDeal:
    seat = Seat(parse(f"tactic/{tactic}"), PromptPack.load("default"))
    box = Box(dict.fromkeys(scenario.agenda.roles, seat), Budget())
    return asyncio.run(box.run(scenario.agenda, scenario.briefs)).result


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("tactic", sorted(set(TACTICS) - set(BY_EXCHANGE)))
def test_tactics_that_concede_with_time_reach_the_reference(name: str, tactic: str) -> None:
    assert play(load(name), tactic) == Agreement(terms=dict(REFERENCES[name]))


@pytest.mark.parametrize("name", [PERSONA, SIGNIFICANTLY])
@pytest.mark.parametrize("tactic", BY_EXCHANGE)
def test_other_tactics_reach_the_reference_where_few_steps_lead_to_it(name: str, tactic: str) -> None:
    assert play(load(name), tactic) == Agreement(terms=dict(REFERENCES[name]))


@pytest.mark.parametrize("name", [SLIGHTLY, DISCLOSED])
@pytest.mark.parametrize("tactic", BY_EXCHANGE)
def test_other_tactics_reach_a_rational_outcome_or_none(name: str, tactic: str) -> None:
    """Where only one level is rational, that is the reference or no deal."""
    scenario = load(name)
    result = play(scenario, tactic)
    if isinstance(result, Agreement):
        terms = {issue: str(value) for issue, value in result.terms.items()}
        assert index_of(scenario, terms) in problem_of(scenario).rational


def test_step_by_step_the_only_deal_needs_one_round_more() -> None:
    """Humanity offers 20 % as its eighth level: in eight rounds that is the last turn, which nobody answers."""
    scenario = load(SLIGHTLY)
    assert isinstance(play(scenario, "micro"), NoDeal)
    longer = replace(scenario, agenda=scenario.agenda.model_copy(update={"rounds": 9}))
    assert play(longer, "micro") == Agreement(terms=dict(REFERENCES[SLIGHTLY]))
