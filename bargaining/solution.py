"""Solutions: which outcomes are efficient, and which are fair, with respect to a disagreement point.

All are taken over the individually rational outcomes, those that both sides like at least as well as no
agreement, and every one is on the frontier: from any rational outcome off it, some frontier outcome is better
for one side and no worse for the other, hence rational too, and none of the concepts likes it less. So the
exact arithmetic runs over the frontier only.

Ties go to the lowest index: a free choice among equals would be a covert channel. Exact throughout; only
`distance` is a float, which describes and decides nothing.
Not covered: lotteries over outcomes (the concepts on convex sets), more than two sides.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import hypot, lcm
from operator import add, mul
from types import MappingProxyType
from typing import Literal, TypeAlias, TypeVar, get_args

import numpy as np

from bargaining.problem import BargainingProblem

Concept: TypeAlias = Literal["nash", "kalai", "kalai_smorodinsky", "welfare"]
CONCEPTS: tuple[Concept, ...] = get_args(Concept)
"""The concepts, in the order in which they are shown."""


def frontier(problem: BargainingProblem) -> tuple[int, ...]:
    """The Pareto-efficient outcomes: feasible, and none is better for one side and no worse for the other.

    Of several with the same payoffs only the lowest index is listed. The first side's payoff falls.
    """
    return problem.frontier


def efficient(problem: BargainingProblem, index: int) -> bool:
    """Whether no feasible outcome is better for one side and no worse for the other."""
    first, second = (column - column[index] for column in problem.payoffs)
    better = (first >= 0) & (second >= 0) & ((first > 0) | (second > 0))
    return not bool((better.astype(np.bool_) & problem.feasible).any())


def solutions(problem: BargainingProblem) -> Mapping[Concept, int | None]:
    """The outcome that each concept chooses.

    nash: the highest product of gains over the disagreement point.
    kalai: the egalitarian one: the smaller gain as large as possible, then the larger one (leximin).
    kalai_smorodinsky: the same, each side's gain taken as a share of the most that it could gain.
    welfare: the highest sum of gains.

    None for every concept: no outcome is individually rational, so that no agreement is the solution.
    """
    chosen, first, second = _better(problem, problem.disagreement)
    if not chosen:
        return MappingProxyType(dict.fromkeys(CONCEPTS))
    most, most_second = max(first), max(second)  # the ideal point: on the frontier as well
    scaled = [g * most_second for g in first], [h * most for h in second]
    found: dict[Concept, int | None] = {
        "nash": _highest(chosen, map(mul, first, second)),
        "kalai": _highest(chosen, zip(map(min, first, second), map(max, first, second), strict=True)),
        "kalai_smorodinsky": _highest(chosen, zip(map(min, *scaled), map(max, *scaled), strict=True)),
        "welfare": _highest(chosen, map(add, first, second)),
    }
    return MappingProxyType(found)


def capture(problem: BargainingProblem, index: int) -> Fraction:
    """The share of the highest rational sum of gains that an outcome has: 1 for the best, 0 for no agreement.

    It is negative where the two sides together lose, and may exceed 1 where one of them does. If nothing can
    be gained, it is 1 for the outcomes that lose nothing either.

    Raises:
        ValueError: There is no rational outcome, or the share would be one of nothing.
    """
    best = solutions(problem)["welfare"]
    if best is None:
        raise ValueError("no outcome is individually rational: there is no gain to take a share of")
    base = _total(problem.disagreement)
    most, gain = _total(problem.value(best)) - base, _total(problem.value(index)) - base
    if most:
        return gain / most
    if gain:
        raise ValueError("nothing can be gained: a share of it means nothing for an outcome with a loss")
    return Fraction(1)


def distance(problem: BargainingProblem, index: int, concept: Concept) -> float:
    """How far an outcome is from a solution, as the crow flies.

    Both sides are scaled: 0 is what they have without an agreement, 1 is their ideal. A side that can gain
    nothing has no scale and is left out.

    Raises:
        ValueError: There is no rational outcome, hence no solution.
    """
    target, ideal = solutions(problem)[concept], problem.ideal
    if target is None or ideal is None:
        raise ValueError("no outcome is individually rational: there is no solution to measure from")
    sides = zip(problem.value(index), problem.value(target), problem.disagreement, ideal, strict=True)
    return hypot(*(float((here - there) / (top - base)) for here, there, base, top in sides if top > base))


def improvement(problem: BargainingProblem, index: int) -> int:
    """An efficient outcome that both sides like at least as well as an agreement (Raiffa 1985).

    The Nash solution with the agreement as disagreement point; the agreement itself if it is efficient. Where
    only one side can gain, every product is 0: then the best for that side, or the lowest index if it could be
    either side.

    Raises:
        ValueError: The agreement is not feasible.
    """
    if not problem.feasible[index]:
        raise ValueError("only an agreement that both mandates allow can be improved")
    if efficient(problem, index):
        return index
    chosen, first, second = _better(problem, problem.value(index))
    return _highest(chosen, map(mul, first, second))


def _better(
    problem: BargainingProblem, point: tuple[Fraction, Fraction]
) -> tuple[list[int], list[int], list[int]]:
    """The frontier outcomes that no side likes less than a point, and both sides' gains over it."""
    # whole numbers of one common unit, so that gains can be compared between the sides
    scale = lcm(*(number.denominator for number in (*problem.units, *point)))
    (unit, unit_second), (base, base_second) = (
        [int(number * scale) for number in numbers] for numbers in (problem.units, point)
    )
    where = np.array(frontier(problem), dtype=np.int64)
    payoffs, payoffs_second = (column[where].tolist() for column in problem.payoffs)
    gains = [
        (i, x * unit - base, y * unit_second - base_second)
        for i, x, y in zip(where.tolist(), payoffs, payoffs_second, strict=True)
    ]
    kept = [(i, g, h) for i, g, h in gains if g >= 0 and h >= 0]
    return [i for i, _, _ in kept], [g for _, g, _ in kept], [h for _, _, h in kept]


def _total(payoffs: tuple[Fraction, Fraction]) -> Fraction:
    return payoffs[0] + payoffs[1]


_Score = TypeVar("_Score", int, tuple[int, int])


def _highest(indices: Sequence[int], scores: Iterable[_Score]) -> int:
    """The index with the highest score; of several, the lowest."""
    listed = list(scores)
    best = max(listed)
    return min(index for index, score in zip(indices, listed, strict=True) if score == best)
