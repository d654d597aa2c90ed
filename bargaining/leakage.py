"""How much a result can tell: to the world, and how many results the two briefs leave possible.

Covered: the number of different results, as bits. A result that can take so many values carries at most the
logarithm of their number, whatever happened in the negotiation.
Not covered: how likely each of them is, what each side's delegate learns at the table, and results of several
negotiations taken together: their bits add up.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bargaining.agenda import Agenda
    from bargaining.problem import BargainingProblem


def export_bits(agenda: Agenda) -> float:
    """The most bits that one result can carry: one of the agenda's outcomes, or no deal.

    An upper bound from public data alone: `log2(outcomes + 1)` for a result of fixed size, released at a fixed
    time.
    """
    return log2(agenda.space.size + 1)


def reachable_exports(problem: BargainingProblem, *, improved: bool = False) -> int:
    """How many different results the two mandates leave possible, no deal among them.

    Secret: it depends on both briefs, and tells whoever has one of them about the other. It is for the owner of
    both, and must never stand in a statement nor anywhere else that a side or the public reads.

    Args:
        problem: What the two briefs make of the agenda.
        improved: Count for the settlement `improved`, which lets only efficient outcomes through.

    Returns:
        The count; its `log2` are the bits. Delegates that play in a certain way may reach fewer.
    """
    if not improved:
        return problem.feasible_count + 1
    first, second = problem.payoffs
    best = {(int(first[index]), int(second[index])) for index in problem.frontier}
    # several outcomes may share the payoffs of one on the frontier: each is efficient, and stays as it was agreed
    agreements = zip(first[problem.feasible].tolist(), second[problem.feasible].tolist(), strict=True)
    return 1 + sum(1 for pair in agreements if pair in best)
