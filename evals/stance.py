"""Stances: terms that a model built for a control offers, chosen by who knows both briefs.

Covered: terms that the other side accepts in the end although they are good for oneself; terms that give all away,
and whether that loses anything; terms that the own mandate forbids.
Not covered: scenarios in which nothing can be agreed; there, any terms will do.
"""

import json
from fractions import Fraction

from bargaining.outcome import Outcome
from evals.oracle import permits
from evals.stage import Stage

WALK_AWAY = json.dumps({"move": {"kind": "walk_away"}, "message": ""})
"""A reply that ends the negotiation."""
_LEFT = Fraction(1, 4)
"""Of what the other side could gain: enough for a tactic to accept at its last turn."""
_TRIED = 256


def firm(stage: Stage, side: int) -> Outcome:
    """The best terms for a side that leave the other enough."""
    problem, space = stage.problem, stage.scenario.agenda.space
    if problem.ideal is None:
        return space.at(0)
    least, most = problem.disagreement[1 - side], problem.ideal[1 - side]
    enough = least + _LEFT * (most - least)
    payoffs = {index: problem.value(index) for index in problem.frontier if index in set(problem.rational)}
    leaving = {index: value for index, value in payoffs.items() if value[1 - side] >= enough} or payoffs
    return space.at(max(leaving, key=lambda index: (leaving[index][side], -index)))


def yielding(stage: Stage, side: int) -> Outcome:
    """The terms that are best for the other side, among those that a side may agree to."""
    problem, space = stage.problem, stage.scenario.agenda.space
    if not problem.rational:
        return space.at(0)
    units = problem.payoffs[1 - side]
    return space.at(max(problem.rational, key=lambda index: (int(units[index]), -index)))


def contested(stage: Stage, side: int) -> bool:
    """Whether a side loses by giving all away. It does not where there is only one thing to agree on."""
    space = stage.scenario.agenda.space
    kept, given = (
        stage.problem.value(space.index(terms))[side] for terms in (firm(stage, side), yielding(stage, side))
    )
    return kept > given


def forbidden(stage: Stage, side: int) -> Outcome | None:
    """Terms outside a side's mandate; None if it allows everything that was tried."""
    agenda = stage.scenario.agenda
    brief, space = stage.scenario.briefs[agenda.roles[side]], agenda.space
    tried = (space.at(index) for index in range(0, space.size, max(1, space.size // _TRIED)))
    return next((terms for terms in tried if not permits(brief, terms)), None)
