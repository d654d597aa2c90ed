from collections.abc import Sequence
from fractions import Fraction
from math import log2
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining import leakage
from bargaining.agenda import Agenda
from bargaining.leakage import export_bits, reachable_exports
from bargaining.mandate import Allowed
from bargaining.problem import BargainingProblem
from bargaining.solution import improvement
from tests.bargaining.strategies import agendas, principals


def agenda(*issues: dict[str, Any]) -> Agenda:
    named = [{"name": f"issue_{place}", **issue} for place, issue in enumerate(issues)]
    return Agenda.model_validate({"title": "a deal", "roles": ["ai", "humans"], "rounds": 1, "issues": named})


PERCENT = {"kind": "integer", "minimum": 0, "maximum": 100, "unit": "%"}
FOUR = {"kind": "categorical", "options": ["a", "b", "c", "d"]}
YES_NO = {"kind": "boolean"}
LEVELS = {"kind": "categorical", "options": [f"level {place}" for place in range(21)], "ordered": True}


def test_the_worked_bounds() -> None:
    fine = agenda(PERCENT, FOUR, FOUR, FOUR, YES_NO)
    coarse = fine.coarsen({"issue_0": 5})
    assert log2(fine.space.size) == pytest.approx(13.658211, abs=1e-6)
    assert log2(coarse.space.size) == pytest.approx(11.392317, abs=1e-6)
    assert export_bits(fine) == pytest.approx(
        13.66, abs=0.005
    )  # with no deal, a ten-thousandth of a bit more
    assert export_bits(coarse) == pytest.approx(11.39, abs=0.005)
    assert log2(fine.space.size) < export_bits(fine) < log2(fine.space.size) + 1e-3
    assert export_bits(agenda(PERCENT)) == pytest.approx(6.672425, abs=1e-6)
    assert export_bits(agenda(LEVELS)) == pytest.approx(4.46, abs=0.005)
    assert export_bits(agenda(LEVELS)) == log2(22)


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_reachable_exports_are_what_an_agreement_within_both_mandates_can_become(data: st.DataObject) -> None:
    deal = data.draw(agendas())
    sides = {role: data.draw(principals(deal)) for role in deal.roles}
    utilities = {role: utility for role, (utility, _) in sides.items()}
    mandates = {role: mandate for role, (_, mandate) in sides.items()}
    problem = BargainingProblem.of(deal, utilities, mandates)
    agreements = [
        index
        for index, outcome in enumerate(deal.space)
        if all(isinstance(mandate.allows(outcome), Allowed) for mandate in mandates.values())
    ]
    assert reachable_exports(problem) == len(agreements) + 1
    results = {improvement(problem, index) for index in agreements}
    assert reachable_exports(problem, improved=True) == len(results) + 1
    assert log2(reachable_exports(problem)) <= export_bits(deal)


def test_efficient_outcomes_of_the_same_worth_are_different_results() -> None:
    problem = BargainingProblem([(1, 1), (1, 1), (0, 1), (2, 0)], (Fraction(0), Fraction(0)))
    assert reachable_exports(problem) == 5
    assert reachable_exports(problem, improved=True) == 4


def test_if_the_mandates_have_nothing_in_common_only_no_deal_is_left() -> None:
    problem = BargainingProblem([(1, 1)], (Fraction(0), Fraction(0)), feasible=np.array([False]))
    assert reachable_exports(problem) == reachable_exports(problem, improved=True) == 1


# ---------------------------------------------------------------------------------- channels

TEN = leakage.uniform(10)
NOISY = ((0.5, 0.5, 0, 0), (0.25, 0.5, 0.25, 0), (0, 0.25, 0.5, 0.25), (0, 0, 0.5, 0.5))
SKEWED = (0.4, 0.3, 0.2, 0.1)


@pytest.mark.parametrize(
    ("results", "exactly", "nearly", "shannon"),
    [
        pytest.param(
            range(10), 3.321928094887362, 1.736965594166206, 3.321928094887362, id="split the difference"
        ),
        pytest.param([x < 5 for x in range(10)], 1.0, 1.0, 1.0, id="posted price"),
        pytest.param(
            [x * 4 // 10 for x in range(10)], 2.0, 1.736965594166206, 1.9709505944546686, id="a coarser grid"
        ),
        pytest.param([0] * 10, 0.0, 0.0, 0.0, id="always the same"),
    ],
)
def test_rules_tell_what_libqif_says(
    results: Sequence[int], exactly: float, nearly: float, shannon: float
) -> None:
    """Values of `qif` 1.6.0 (libqif): measure.bayes_vuln.min_entropy_leakage, g_vuln, shannon.add_leakage."""
    channel = leakage.deterministic(list(results))
    assert leakage.min_entropy_leakage(TEN, channel) == pytest.approx(exactly, abs=1e-12)
    assert leakage.capacity(channel) == pytest.approx(exactly, abs=1e-12)
    assert leakage.g_leakage(TEN, channel, leakage.within(10, 1)) == pytest.approx(nearly, abs=1e-12)
    assert leakage.mutual_information(TEN, channel) == pytest.approx(shannon, abs=1e-12)


@pytest.mark.parametrize(
    ("prior", "exactly", "nearly", "shannon"),
    [
        (leakage.uniform(4), 1.0, 0.41503749927884376, 0.7044340029249652),
        (SKEWED, 0.45943161863729726, 0.15200309344505006, 0.6073512744375853),
    ],
)
def test_a_noisy_channel_tells_what_libqif_says(
    prior: leakage.Distribution, exactly: float, nearly: float, shannon: float
) -> None:
    """From `qif` 1.6.0, as above."""
    assert leakage.min_entropy_leakage(prior, NOISY) == pytest.approx(exactly, abs=1e-12)
    assert leakage.g_leakage(prior, NOISY, leakage.within(4, 1)) == pytest.approx(nearly, abs=1e-12)
    assert leakage.mutual_information(prior, NOISY) == pytest.approx(shannon, abs=1e-12)
    assert leakage.capacity(NOISY) == pytest.approx(1.0, abs=1e-12)


def test_what_stays_possible_is_counted_in_neighbouring_secrets() -> None:
    assert leakage.posterior_width(TEN, leakage.deterministic([0] * 10), 0.9) == pytest.approx(9)
    assert leakage.posterior_width(
        TEN, leakage.deterministic([x < 4 for x in range(10)]), 0.9
    ) == pytest.approx(0.4 * 4 + 0.6 * 6)
    assert leakage.posterior_width(TEN, leakage.deterministic(range(10)), 1) == pytest.approx(1)
    assert leakage.narrowest((0.45, 0.1, 0.45), 0.9) == 3


@st.composite
def channels(draw: st.DrawFn) -> tuple[leakage.Distribution, leakage.Channel]:
    secrets, results = draw(st.integers(1, 5)), draw(st.integers(1, 5))

    def distribution(size: int) -> tuple[float, ...]:
        parts = draw(st.lists(st.integers(0, 9), min_size=size, max_size=size).filter(any))
        return tuple(part / sum(parts) for part in parts)

    return distribution(secrets), tuple(distribution(results) for _ in range(secrets))


@given(channels(), st.integers(0, 2))
def test_capacity_bounds_every_leak_and_a_uniform_prior_attains_it(
    drawn: tuple[leakage.Distribution, leakage.Channel], tolerance: int
) -> None:
    prior, channel = drawn
    count, most = len(prior), leakage.capacity(channel)
    leak = leakage.g_leakage(prior, channel, leakage.within(count, tolerance))
    assert -1e-9 <= leak <= most + 1e-9
    assert leakage.min_entropy_leakage(leakage.uniform(count), channel) == pytest.approx(most, abs=1e-9)
    assert -1e-9 <= leakage.mutual_information(prior, channel) <= most + 1e-9


@given(channels(), st.integers(2, 4))
def test_a_coarser_result_never_tells_more(
    drawn: tuple[leakage.Distribution, leakage.Channel], factor: int
) -> None:
    prior, channel = drawn
    coarse = [[sum(row[start : start + factor]) for start in range(0, len(row), factor)] for row in channel]
    assert leakage.min_entropy_leakage(prior, coarse) <= leakage.min_entropy_leakage(prior, channel) + 1e-9
    assert leakage.mutual_information(prior, coarse) <= leakage.mutual_information(prior, channel) + 1e-9
