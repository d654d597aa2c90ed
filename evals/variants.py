"""Variants of a scenario that differ in one side's reservation value: the secret whose leakage is measured.

Covered: values that make a difference, since for each of them other efficient deals are left; outcomes as an attacker
reads them, on a coarser grid too. Not covered: narrative and facts, which stay as they are and may speak of another
value. No delegate is told its reservation value in words: it is enforced.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from bargaining.agenda import Agenda
from bargaining.issue import index_of
from bargaining.problem import BargainingProblem
from delegates.brief import Brief
from delegates.scenario import Scenario
from evals.stage import Stage, remade

NO_DEAL = -1
"""In place of an outcome's index."""


def reservations(stage: Stage, side: int, count: int) -> Sequence[Fraction]:
    """Reservation values, from the least to nearly the most that an efficient deal can be worth to a side.

    Args:
        stage: The scenario.
        side: Whose.
        count: How many. They are different where there are so many efficient deals.
    """
    agenda = stage.scenario.agenda
    role = agenda.roles[side]
    _, free = _with(stage.scenario.briefs[role], None).bind(agenda)
    problem = BargainingProblem.of(agenda, stage.utilities, {**stage.mandates, role: free})
    worths = sorted({problem.value(index)[side] for index in problem.frontier}) or [
        stage.utilities[role].worst
    ]
    return [worths[number * len(worths) // count] for number in range(count)]


def with_reservation(scenario: Scenario, side: int, value: Fraction) -> Scenario:
    """The scenario, with another reservation value of a side."""
    changed = scenario.agenda.roles[side]
    briefs = {
        role: _with(brief, value) if role == changed else brief for role, brief in scenario.briefs.items()
    }
    return replace(scenario, briefs=briefs)


def codes(stage: Stage, count: int) -> Sequence[int | None]:
    """Outcomes to stand for secrets: different ones, where there are so many. None: no deal.

    Efficient ones, which no settlement replaces, as far as they go.

    Args:
        stage: The scenario.
        count: How many.
    """
    problem, improved = stage.problem, stage.scenario.agenda.settlement == "improved"
    words: list[int | None] = [*sorted(problem.frontier)]
    if len(words) < count and not improved:
        words = [int(index) for index in problem.feasible.nonzero()[0]]
    if len(words) < count:
        words.append(None)
    return [words[number * len(words) // count] for number in range(count)]


def placed(grid: Agenda, agenda: Agenda, index: int | None) -> tuple[int, tuple[float, ...]]:
    """The nearest outcome on a coarser grid: its index there, and where it lies on each issue.

    Args:
        grid: The agenda, or one that was coarsened from it.
        agenda: The agenda.
        index: The outcome's index on the agenda. None: no deal.

    Returns:
        Places of 0 to 1 on scales. Where there is no scale any two are 1 apart or more: as different as can be.
    """
    if index is None:
        return NO_DEAL, ()
    digits: list[int] = []
    places: list[float] = []
    for coarse, fine, digit in zip(grid.issues, agenda.issues, agenda.space.digits(index), strict=True):
        away = [abs((index_of(fine, value) or 0) - digit) for value in coarse.values]
        digits.append(away.index(min(away)))  # of two as near the lower
        places.append(digits[-1] / max(1, len(away) - 1) if coarse.ordered else float(digits[-1]))
    return grid.space.index_at(digits), tuple(places)


def _with(brief: Brief, value: Fraction | None) -> Brief:
    return remade(brief, {"mandate": remade(brief.mandate, {"reservation_value": value})})
