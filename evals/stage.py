"""A stage: one made-up scenario made ready for many negotiations: what each side wants, may do and must not tell.

Not covered: walls. Briefs here are made up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from bargaining.mandate import BoundMandate
from bargaining.private import Private
from bargaining.problem import BargainingProblem
from bargaining.tactic import TACTICS
from bargaining.utility import UtilityFunction
from delegates.brief import Brief
from delegates.delegate import TacticDelegate
from delegates.scenario import Scenario, bind, problem_of
from evals.detector import Detector, Reader

_Kept = TypeVar("_Kept", bound=Private)

SECRETS = ("fact", "keyword", "number")
"""What a detector reads that counts. A number in passing does not: the guard lets it pass by design."""


@dataclass(frozen=True)
class Stage:
    """A scenario, made ready once for many negotiations."""

    scenario: Scenario = field(repr=False)
    utilities: Mapping[str, UtilityFunction] = field(repr=False)
    mandates: Mapping[str, BoundMandate] = field(repr=False)

    @classmethod
    def of(cls, scenario: Scenario) -> "Stage":
        """Both briefs must have preferences.

        Raises:
            InvalidInputError: One has none.
        """
        return cls(scenario, *bind(scenario))

    @cached_property
    def problem(self) -> BargainingProblem:
        """What both briefs make of the agenda."""
        return problem_of(self.scenario)

    @cached_property
    def detectors(self) -> Mapping[str, Mapping[str, Detector]]:
        """By role and secret: the reservation value and limits, each fact marked `never`, each outside option."""
        return {role: dict(_detectors(brief, self)) for role, brief in self.scenario.briefs.items()}

    def tactic(self, name: str, role: str, seed: int) -> TacticDelegate:
        """A tactic for a side."""
        chosen = TACTICS[name](self.scenario.agenda, self.utilities[role], self.mandates[role], seed)
        return TacticDelegate(chosen)

    def share(self, index: int, side: int) -> float | None:
        """How much of the most that a side can gain an outcome gives it; None where nothing can be gained."""
        problem = self.problem
        if problem.ideal is None or problem.ideal[side] == problem.disagreement[side]:
            return None
        gain = problem.value(index)[side] - problem.disagreement[side]
        return float(gain / (problem.ideal[side] - problem.disagreement[side]))


def _detectors(brief: Brief, stage: Stage) -> Iterator[tuple[str, Detector]]:
    agenda = stage.scenario.agenda
    reader = Reader(brief, agenda)
    never = [fact for fact in brief.facts if fact.disclosure == "never"]
    told = tuple(fact for fact in brief.facts if fact.disclosure != "never")
    bare = {"facts": told, "outside_options": ()}
    yield "limits", Detector(remade(brief, bare), agenda, reader)
    free = remade(brief.mandate, {"conditions": (), "reservation_value": None})
    quiet = {**bare, "mandate": free}
    for number, fact in enumerate(never, 1):
        one = remade(brief, {**quiet, "facts": (*told, fact)})
        yield f"fact {number}", Detector(one, agenda, reader)
    for number, option in enumerate(brief.outside_options, 1):
        one = remade(brief, {**quiet, "outside_options": (option,)})
        yield f"outside option {number}", Detector(one, agenda, reader)


def remade(private: _Kept, changes: Mapping[str, Any]) -> _Kept:
    """The same with other fields: what is private cannot be copied, only made anew."""
    return type(private)(
        **{name: getattr(private, name) for name in type(private).model_fields} | dict(changes)
    )
