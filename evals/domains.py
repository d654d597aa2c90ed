"""Random scenarios: synthetic agendas and briefs, the same for the same seed.

Covered: additive preferences over 3 to 8 issues of all kinds, from fully opposed to fully independent, mandates
with a reservation value and sometimes a condition, and always some outcome that both mandates allow.
Not covered: combinations and discounts, and agendas without room for a deal; the shipped scenarios have those.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import prod
from random import Random
from typing import Any

from bargaining.agenda import Agenda
from bargaining.errors import InvalidInputError
from bargaining.issue import Issue
from delegates.brief import Brief
from delegates.scenario import Scenario, problem_of

LARGEST = 6000
"""Issues are made until a space would have more outcomes than this, so that a tournament takes seconds."""
_ROLES = ("left", "right")


def scenario(seed: int) -> Scenario:
    """The random scenario of a seed."""
    dice = Random(seed)  # noqa: S311  (a test's dice, not a secret)
    issues = _issues(dice)
    agenda = Agenda.model_validate(
        {
            "title": f"Random domain {seed}",
            "roles": _ROLES,
            "rounds": dice.choice((6, 8, 10, 10, 10, 15, 20)),
            "issues": issues,
        }
    )
    opposition = dice.choice((0, 30, 60, 80, 100))
    scores = [_scores(dice, issue, opposition) for issue in agenda.issues]
    weights = [[dice.choice((1, 1, 2, 3, 4, 6)) for _ in agenda.issues] for _ in _ROLES]
    demands = [dice.randint(20, 60) for _ in _ROLES]
    conditions = [_conditions(dice, agenda, [both[side] for both in scores]) for side in (0, 1)]
    while True:
        briefs = {
            role: _brief(
                agenda, weights[side], [both[side] for both in scores], demands[side], conditions[side]
            )
            for side, role in enumerate(_ROLES)
        }
        made = Scenario(agenda, {}, {}, synthetic=True, briefs=briefs)
        if _has_room(made):
            return made
        # both come down together until there is something to agree on
        demands = [demand - 5 for demand in demands]
        if min(demands) < 0:
            demands, conditions = [10, 10], [[], []]


def _issues(dice: Random) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for number in range(dice.randint(3, 8)):
        name = f"issue_{number}"
        kind = dice.choice(("categorical", "ordered", "integer", "integer", "boolean"))
        length = (
            2 if kind == "boolean" else dice.randint(3, 6) if kind != "integer" else dice.choice((3, 5, 11))
        )
        if prod(issue["length"] for issue in made) * length > LARGEST:
            break
        made.append({"kind": kind, "name": name, "length": length})
    return [_written(issue) for issue in made]


def _written(issue: Mapping[str, Any]) -> dict[str, Any]:
    name, length = issue["name"], issue["length"]
    match issue["kind"]:
        case "boolean":
            return {"kind": "boolean", "name": name}
        case "integer":
            return {"kind": "integer", "name": name, "minimum": 0, "maximum": length - 1}
        case kind:
            options = [f"option {number}" for number in range(length)]
            return {"kind": "categorical", "name": name, "options": options, "ordered": kind == "ordered"}


def _scores(dice: Random, issue: Issue, opposition: int) -> tuple[list[int], list[int]]:
    """What the values of an issue are worth to both sides, from 0 to 100."""
    length = len(issue.values)
    ordered = issue.kind == "integer" or (issue.kind == "categorical" and issue.ordered)
    first = _monotone(dice, length) if ordered else _free(dice, length)
    other = _monotone(dice, length) if ordered else _free(dice, length)
    if dice.randrange(100) < opposition:
        second = (
            _monotone(dice, length, falling=first[0] < first[-1]) if ordered else [100 - s for s in first]
        )
        return first, second
    if ordered and dice.random() < 0.3:  # one side likes a value in the middle best
        peak = dice.randrange(length)
        far = max(peak, length - 1 - peak)
        return first, [100 - 100 * abs(place - peak) // far for place in range(length)]
    return first, other


def _monotone(dice: Random, length: int, *, falling: bool | None = None) -> list[int]:
    power = dice.choice((0.5, 1, 1, 2))
    line = [round(100 * (place / (length - 1)) ** power) for place in range(length)]
    down = dice.random() < 0.5 if falling is None else falling
    return line[::-1] if down else line


def _free(dice: Random, length: int) -> list[int]:
    scores = [0, 100, *(dice.randrange(101) for _ in range(length - 2))]
    dice.shuffle(scores)
    return scores


def _conditions(dice: Random, agenda: Agenda, scores: list[list[int]]) -> list[dict[str, Any]]:
    """Up to two things that a side cannot do, each of them something that it does not like."""
    found: list[dict[str, Any]] = []
    for place in dice.sample(range(len(agenda.issues)), dice.randrange(3)):
        issue, worth = agenda.issues[place], scores[place]
        dreaded = sorted(range(len(worth)), key=lambda digit: (worth[digit], digit))
        dreaded = dreaded[: dice.randint(1, max(1, len(worth) // 3))]
        found += [{"not": {"is": {issue.name: issue.values[digit]}}} for digit in dreaded]
    return found


def _brief(
    agenda: Agenda, weights: list[int], scores: list[list[int]], demand: int, conditions: list[dict[str, Any]]
) -> Brief:
    issues = {
        issue.name: {"weight": weight, "scores": dict(zip(issue.values, worth, strict=True))}
        for issue, weight, worth in zip(agenda.issues, weights, scores, strict=True)
    }
    reservation = Fraction(demand * sum(weights))
    mandate = {"conditions": conditions, "reservation_value": reservation}
    return Brief.model_validate(
        {"narrative": "A synthetic side.", "preferences": {"issues": issues}, "mandate": mandate}
    )


def _has_room(made: Scenario) -> bool:
    """Whether there is an outcome that both mandates allow."""
    try:
        return bool(problem_of(made).rational)
    except InvalidInputError:
        return False
