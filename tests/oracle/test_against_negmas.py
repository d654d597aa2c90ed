"""A thousand random problems, solved by us and by NegMAS: the same, or different for a reason that is checked.

Opt-in: it needs NegMAS in an environment of its own (see `negmas_solutions.py`). With `-s` it prints the counts.

Where NegMAS does something else, on purpose:

* "nothing rational": it finds no frontier at all, we none that is a solution.
* "tie": it lists all outcomes within 1e-12 of the best, we choose one, ours is among them. For Kalai these are
  outcomes with the same smaller gain, of which leximin takes the one with the larger other gain.
* "d clipped": it raises a reserved value below the worst outcome to the worst outcome. We never do.
* "no range": where one side can gain nothing it lists the whole frontier.
* "ideal of all": it measures Kalai-Smorodinsky against the best of all outcomes, we against the best of the
  rational ones, as Kalai and Smorodinsky define the ideal point.
* "nearest to equal": on finite sets it looks for the smallest difference between the two shares of the ideal
  gain, whatever their size; we maximise the smaller share. Each such case is verified in exact arithmetic.
"""

import json
import subprocess
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bargaining.problem import BargainingProblem
from bargaining.solution import CONCEPTS, Concept, frontier, solutions

SCRIPT = Path(__file__).with_name("negmas_solutions.py")
CASES = 1000
EXPLAINED = {"same", "nothing rational", "tie", "d clipped", "no range", "ideal of all", "nearest to equal"}

Pair = tuple[Fraction, Fraction]


def problem(random: Random) -> BargainingProblem:
    """Small and large payoffs with many ties, decimal and other units, d on, off and below the grid, mandates."""
    count = random.choice((1, 2, 5, 20, 80))
    most = random.choice((3, 20, 1000))
    units = (random.choice(UNITS), random.choice(UNITS))
    payoffs = [(random.randint(0, most), random.randint(0, most)) for _ in range(count)]
    if random.random() < 0.3:  # more at stake between the sides than there is to gain
        payoffs = [(x, most - x + random.randint(0, 1 + most // 10)) for x, _ in payoffs]
    level = random.choice((Fraction(-1, 2), Fraction(0), Fraction(1, 4), Fraction(1, 2), Fraction(4, 5)))
    base = [level * most + random.choice((0, 0, random.randint(-3, 3), Fraction(1, 3))) for _ in units]
    point = (base[0] * units[0], base[1] * units[1])
    marks = [True, *[random.random() < 0.8 for _ in payoffs[1:]]] if random.random() < 0.3 else None
    return BargainingProblem(payoffs, point, units, marks)


UNITS = (Fraction(1), Fraction(1, 10), Fraction(1, 100), Fraction(1, 3))


@pytest.fixture(name="python")
def fixture_python(request: pytest.FixtureRequest) -> str:
    python = request.config.getoption("--oracle")
    if python is None:
        pytest.skip("needs --oracle PYTHON, an interpreter of an environment with NegMAS")
    return str(python)


def test_a_thousand_random_problems_are_solved_alike(python: str) -> None:
    random = Random(20261122)  # a seed, so that the counts can be repeated
    problems = [problem(random) for _ in range(CASES)]
    counts = {question: Counter[str]() for question in ("frontier", *CONCEPTS)}
    for ours, theirs in zip(problems, ask(python, problems), strict=True):
        allowed = [index for index in range(ours.size) if ours.feasible[index]]
        counts["frontier"][compare_frontiers(ours, [allowed[place] for place in theirs["frontier"]])] += 1
        for concept in CONCEPTS:
            said = {
                ranges: [ours.value(allowed[place]) for place in answers[concept]] if answers else []
                for ranges, answers in (("own", theirs["own"]), ("given", theirs["given"]))
            }
            counts[concept][compare_solutions(ours, concept, said["own"], said["given"])] += 1
    for question, counted in counts.items():
        print(f"{question:18}", ", ".join(f"{reason}: {n}" for reason, n in counted.most_common()))
    assert {reason for counted in counts.values() for reason in counted} <= EXPLAINED


def test_where_floats_cannot_tell_payoffs_apart_it_solves_the_rounded_problem(python: str) -> None:
    random = Random(20261123)
    base = 2**54
    point = (Fraction(base), Fraction(base))
    tables = [
        [(base + random.randint(0, 20), base + random.randint(0, 20)) for _ in range(9)] for _ in range(200)
    ]
    exact = [BargainingProblem(table, point) for table in tables]
    rounded = [
        BargainingProblem([(int(float(x)), int(float(y))) for x, y in table], point) for table in tables
    ]
    answers = [theirs["frontier"] for theirs in ask(python, exact)]
    counts = Counter(map(compare_frontiers, exact, answers))
    print("frontier beyond floats:", ", ".join(f"{reason}: {n}" for reason, n in counts.items()))
    assert counts["different"] > 0
    assert set(map(compare_frontiers, rounded, answers)) == {"same"}


def ask(python: str, problems: Sequence[BargainingProblem]) -> list[dict[str, Any]]:
    lines = []
    for each in problems:
        payoffs = [each.value(index) for index in range(each.size) if each.feasible[index]]
        lines.append(
            json.dumps(
                {
                    "payoffs": [[float(x), float(y)] for x, y in payoffs],
                    "disagreement": [float(number) for number in each.disagreement],
                    "ideal": each.ideal and [float(number) for number in each.ideal],
                }
            )
        )
    done = subprocess.run(
        [python, "-I", SCRIPT],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare_frontiers(ours: BargainingProblem, theirs: Sequence[int]) -> str:
    rational = [index for index in frontier(ours) if index in ours.rational]
    if sorted(map(ours.value, rational)) != sorted({ours.value(index) for index in theirs}):
        return "different"
    return "same" if rational else "nothing rational"


def compare_solutions(
    ours: BargainingProblem, concept: Concept, own: Sequence[Pair], given: Sequence[Pair]
) -> str:
    index = solutions(ours)[concept]
    if index is None:
        return "different" if own else "nothing rational"
    assert ours.ideal is not None
    chosen, ideal = ours.value(index), ours.ideal
    if set(own) == {chosen}:
        return "same"
    if any(top == base for top, base in zip(ideal, ours.disagreement, strict=True)):
        return "no range" if chosen in own else "different"
    if chosen in own and all(equal(ours, concept, chosen, other) for other in own):
        return "tie"
    if chosen in given and all(equal(ours, concept, chosen, other) for other in given):
        # with the right ranges it agrees; which of its own was another one?
        values = [ours.value(index) for index in range(ours.size) if ours.feasible[index]]
        for side, (base, top) in enumerate(zip(ours.disagreement, ideal, strict=True)):
            if base < min(value[side] for value in values):
                return "d clipped"
            if concept == "kalai_smorodinsky" and top < max(value[side] for value in values):
                return "ideal of all"
    if concept == "kalai_smorodinsky" and given:
        nearer = all(spread(ours, other) < spread(ours, chosen) for other in given)
        lower = all(min(shares(ours, other)) < min(shares(ours, chosen)) for other in given)
        return "nearest to equal" if nearer and lower else "different"
    return "different"


def equal(ours: BargainingProblem, concept: Concept, one: Pair, other: Pair) -> bool:
    """Whether two outcomes are equally good for what NegMAS maximises, exactly."""
    (x, y), (v, w) = (
        tuple(u - d for u, d in zip(pair, ours.disagreement, strict=True)) for pair in (one, other)
    )
    match concept:
        case "nash":
            return x * y == v * w
        case "kalai":
            return min(x, y) == min(v, w)
        case "kalai_smorodinsky":
            return spread(ours, one) == spread(ours, other)
        case "welfare":
            return x + y == v + w


def shares(ours: BargainingProblem, values: Pair) -> Pair:
    assert ours.ideal is not None
    first, second = (
        (u - d) / (top - d) for u, d, top in zip(values, ours.disagreement, ours.ideal, strict=True)
    )
    return first, second


def spread(ours: BargainingProblem, values: Pair) -> Fraction:
    first, second = shares(ours, values)
    return abs(first - second)
