"""What scenarios allow at best: the frontier that outcomes are drawn on.

Covered: both sides in shares of their ideal gain, 0 for no agreement. Not covered: scenarios in which a side can
gain nothing, or no outcome is better for both than none: those have no such shares.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bargaining.solution import solutions
from evals.stage import Stage
from evals.suite import Request

STAGES = "stages.json"
"""The file beside the plan that holds this."""
_MOST_POINTS = 200
"""More than these cannot be told apart in a picture."""


def stages(request: Request) -> Mapping[str, Any]:
    """For each scenario its roles, its frontier and its Nash solution, as JSON.

    Raises:
        InvalidInputError: A brief has no preferences, or there are too many outcomes.
    """
    return {name: _stage(request, name) for name in request.scenarios}


def _stage(request: Request, name: str) -> Mapping[str, Any]:
    stage = request.stage(name)
    nash = solutions(stage.problem)["nash"]
    spread = _spread(stage.problem.frontier)
    return {
        "roles": list(stage.scenario.agenda.roles),
        "frontier": [point for index in spread if (point := _shares(stage, index)) is not None],
        "nash": None if nash is None else _shares(stage, nash),
    }


def _spread(frontier: Sequence[int]) -> Sequence[int]:
    """Some of the frontier, its ends among them."""
    if len(frontier) <= _MOST_POINTS:
        return frontier
    last = len(frontier) - 1
    return [frontier[round(step * last / (_MOST_POINTS - 1))] for step in range(_MOST_POINTS)]


def _shares(stage: Stage, index: int) -> list[float] | None:
    first, second = (stage.share(index, side) for side in (0, 1))
    return None if first is None or second is None else [round(first, 4), round(second, 4)]
