"""An assessment: an agreement beside everything that could have been agreed, seen with both briefs at hand.

It holds what follows from both briefs, so it is for who owns both. Exact but for distances and what is drawn.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

from app.picture import Mark, Picture, Point, Step
from app.results import Results
from bargaining import grid
from bargaining.agenda import Agenda
from bargaining.agreement import Agreement
from bargaining.mandate import BoundMandate
from bargaining.outcome import Outcome
from bargaining.problem import BargainingProblem
from bargaining.solution import (
    CONCEPTS,
    Concept,
    capture,
    distance,
    efficient,
    frontier,
    improvement,
    solutions,
)
from delegates.scenario import Scenario, bind


@dataclass(frozen=True, slots=True)
class Verdict:
    """How good an agreement is."""

    index: int
    """Which outcome it is."""
    inside: Mapping[str, bool]
    """Whether each side's mandate allows it. One may not if a brief has changed since."""
    efficient: bool
    better: int | None
    """An efficient outcome that both sides like at least as well. None: there is none, or a mandate forbids."""
    capture: Fraction | None
    """The share of the highest sum of gains. None: there is nothing to gain."""
    distances: Mapping[Concept, float]
    """How far it is from each solution. Empty: there are none."""


@dataclass(frozen=True)
class Assessment:
    """All that two briefs say about a negotiation."""

    agenda: Agenda
    mandates: Mapping[str, BoundMandate] = field(repr=False)
    problem: BargainingProblem = field(repr=False)
    results: Results | None = None
    """What was agreed, if that is to be judged."""

    @cached_property
    def allowed(self) -> Mapping[str, int]:
        """How many outcomes each side's mandate allows."""
        everything = grid.full(self.agenda.space.lengths)
        return {role: mandate.mask(everything).count(1) for role, mandate in self.mandates.items()}

    @cached_property
    def frontier(self) -> tuple[int, ...]:
        """The efficient outcomes."""
        return frontier(self.problem)

    @cached_property
    def solutions(self) -> Mapping[Concept, int | None]:
        """The outcome that each concept chooses."""
        return solutions(self.problem)

    @cached_property
    def chosen(self) -> Mapping[int, tuple[Concept, ...]]:
        """The different solutions, each with the concepts that choose it."""
        found: dict[int, tuple[Concept, ...]] = {}
        for concept in CONCEPTS:
            if (index := self.solutions[concept]) is not None:
                found[index] = (*found.get(index, ()), concept)
        return found

    @cached_property
    def verdict(self) -> Verdict | None:
        """How good the agreement is. None: there is none."""
        if self.results is None or not isinstance(self.results.result, Agreement):
            return None
        index = self.agenda.space.index(self.results.result.terms)
        digits = self.agenda.space.digits(index)
        is_efficient = efficient(self.problem, index)
        improvable = not is_efficient and bool(self.problem.feasible[index])
        return Verdict(
            index,
            {role: mandate.holds(digits) for role, mandate in self.mandates.items()},
            is_efficient,
            improvement(self.problem, index) if improvable else None,
            self._capture(index),
            {concept: distance(self.problem, index, concept) for concept in CONCEPTS if self.chosen},
        )

    def terms(self, index: int) -> Outcome:
        """The outcome at an index."""
        return self.agenda.space.at(index)

    def worth(self, index: int) -> Mapping[str, Fraction]:
        """What an outcome is worth to each side."""
        return dict(zip(self.agenda.roles, self.problem.value(index), strict=True))

    def gains(self, index: int) -> Mapping[str, Fraction]:
        """What each side gains by an outcome over having no agreement."""
        return {role: worth - self.fallback[role] for role, worth in self.worth(index).items()}

    @property
    def fallback(self) -> Mapping[str, Fraction]:
        """What each side has without an agreement."""
        return dict(zip(self.agenda.roles, self.problem.disagreement, strict=True))

    def offers(self) -> Iterator[tuple[int, str, int]]:
        """The offers that were kept, oldest first: round, who made it, which outcome."""
        for offer in self.results.offers if self.results else ():
            yield offer.round, offer.role, self.agenda.space.index(offer.outcome)

    @cached_property
    def picture(self) -> Picture:
        """What there is to draw."""
        paths: dict[str, list[Step]] = {}
        for round_, role, index in self.offers():
            paths.setdefault(role, []).append(Step(round_, self._point(index)))
        first, second = self.problem.disagreement
        ideal = self.problem.ideal
        return Picture(
            self.agenda.title,
            self.agenda.roles,
            self.problem.points(),
            self.problem.feasible,
            self.problem.points(self.frontier),
            tuple(Mark(concepts, self._point(index)) for index, concepts in self.chosen.items()),
            (float(first), float(second)),
            None if ideal is None else (float(ideal[0]), float(ideal[1])),
            None if self.verdict is None else self._point(self.verdict.index),
            paths,
        )

    def _point(self, index: int) -> Point:
        first, second = self.problem.value(index)
        return float(first), float(second)

    def _capture(self, index: int) -> Fraction | None:
        try:
            return capture(self.problem, index)
        except ValueError:  # there is nothing to gain
            return None


def assess(scenario: Scenario, results: Results | None = None) -> Assessment:
    """Compare all outcomes of a scenario by both briefs.

    Raises:
        InvalidInputError: A brief has no preferences, or there are too many outcomes.
    """
    utilities, mandates = bind(scenario)
    problem = BargainingProblem.of(scenario.agenda, utilities, mandates)
    return Assessment(scenario.agenda, mandates, problem, results)
