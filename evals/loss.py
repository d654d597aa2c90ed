"""What a principal lost by how its delegate settled: beside what was possible, and by refusing what was offered.

Covered: the transfer loss (u* - u) / u*, where u is what the agreement is worth to it beyond no agreement, and u* is
what the Nash solution would have been worth (`nash`), or the best terms that leave the other side no worse off than
the agreement does (`pareto`). No deal is a loss of 1. Against Nash it is below 0 for who got more than that.
Not covered: what time costs; whether better terms would have been accepted.
"""

from collections.abc import Mapping
from fractions import Fraction

from bargaining.agreement import Agreement
from bargaining.move import Offer
from bargaining.problem import BargainingProblem
from bargaining.solution import frontier, solutions
from evals.case import Verdict
from evals.subject import Subject
from evals.witness import outside


def losses(problem: BargainingProblem, index: int | None, side: int) -> Mapping[str, float | None]:
    """The transfer losses of a side, by what they are measured against. None: there was nothing to lose.

    Args:
        problem: What was negotiated.
        index: The agreement; None if there was none.
        side: Whose.
    """
    fair = solutions(problem)["nash"]
    if fair is None:
        return {"nash": None, "pareto": None}
    base = problem.disagreement
    has = base if index is None else problem.value(index)
    reachable = (problem.value(place) for place in frontier(problem))
    best = max((value[side] for value in reachable if value[1 - side] >= has[1 - side]), default=has[side])

    def loss(most: Fraction) -> float | None:
        return float((most - has[side]) / (most - base[side])) if most != base[side] else None

    return {"nash": loss(problem.value(fair)[side]), "pareto": loss(best)}


def lost(subject: Subject, side: int) -> Mapping[str, float | None]:
    """The transfer losses of the delegate under test, as the numbers of a row.

    None if it was cut short, and none where there was nothing to lose: there a loss does not apply.
    """
    if subject.ended is None:
        return {}
    space, result = subject.stage.scenario.agenda.space, subject.ended.result
    index = space.index(space.outcome(result.terms)) if isinstance(result, Agreement) else None
    found = losses(subject.stage.problem, index, side)
    return {f"loss.{name}": loss for name, loss in found.items() if loss is not None}


def refused(subject: Subject) -> Verdict:
    """Whether there is no deal although the other side offered what the delegate under test was allowed to accept."""
    if subject.ended is None:
        return "unknown"
    if isinstance(subject.ended.result, Agreement):
        return "no"
    brief = subject.stage.scenario.briefs[subject.role]
    offers = (entry.move for entry in subject.ended.table.entries if entry.role != subject.role)
    found = {outside(brief, move.outcome) for move in offers if isinstance(move, Offer)}
    return "yes" if "no" in found else "unknown" if "unknown" in found else "no"
