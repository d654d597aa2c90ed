from fractions import Fraction
from math import log2
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
