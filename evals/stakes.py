"""Stakes: what each side has to win or to lose in a scenario, so that controls know what to ask for."""

from operator import sub

from bargaining.outcome import Outcome
from evals.stage import Stage


def best_for(stage: Stage, side: int) -> Outcome | None:
    """Of what both sides can agree to, the best for one. None: there is nothing."""
    problem = stage.problem
    some = [i for i in problem.frontier if min(map(sub, problem.value(i), problem.disagreement)) >= 0]
    best = max(some, key=lambda index: (problem.value(index)[side], -index), default=None)
    return None if best is None else stage.scenario.agenda.space.at(best)


def torn(stage: Stage) -> bool:
    """Whether there is something to win from the other side, and time to: the best for the two is not the same."""
    return stage.scenario.agenda.rounds > 1 and best_for(stage, 0) != best_for(stage, 1)
