"""Random agendas, preferences, conditions and moves, small enough to check by brute force."""

from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from bargaining.agenda import Agenda
from bargaining.mandate import BoundMandate, Mandate
from bargaining.outcome import Outcome
from bargaining.utility import Preferences, UtilityFunction

numbers = st.fractions(-20, 100, max_denominator=12)


@st.composite
def issues(draw: st.DrawFn, name: str) -> dict[str, Any]:
    match draw(st.sampled_from(["categorical", "integer", "boolean"])):
        case "categorical":
            return {"kind": "categorical", "name": name, "options": list("abcd")[: draw(st.integers(1, 4))]}
        case "integer":
            low, steps, step = draw(st.integers(-3, 9)), draw(st.integers(0, 5)), draw(st.integers(1, 3))
            return {
                "kind": "integer",
                "name": name,
                "minimum": low,
                "maximum": low + steps * step,
                "step": step,
            }
        case _:
            return {"kind": "boolean", "name": name}


@st.composite
def agendas(draw: st.DrawFn, /, **options: Any) -> Agenda:
    count = draw(st.integers(1, 3))
    return Agenda.model_validate(
        {
            "title": "a deal",
            "roles": ["seller", "buyer"],
            "rounds": draw(st.integers(1, 8)),
            "issues": [draw(issues(f"issue_{i}")) for i in range(count)],
            **options,
        }
    )


@st.composite
def preferences(draw: st.DrawFn, agenda: Agenda) -> Preferences:
    given: dict[str, Any] = {}
    for name, issue in agenda.space.issues.items():
        weight = draw(st.fractions(0, 3, max_denominator=5))
        if issue.kind == "integer" and draw(st.booleans()):
            inner = draw(st.lists(st.integers(issue.minimum - 2, issue.maximum + 2), max_size=3))
            knots = {issue.minimum, issue.maximum, *inner}
            given[name] = {"weight": weight, "points": {x: draw(numbers) for x in sorted(knots)}}
        else:
            given[name] = {"weight": weight, "scores": {v: draw(numbers) for v in issue.values}}
    space = agenda.space
    combinations = []
    for _ in range(draw(st.integers(0, 2))):
        whole = dict(space.at(draw(st.integers(0, space.size - 1))))
        keys = draw(st.lists(st.sampled_from(sorted(whole)), min_size=1, unique=True))
        combinations.append({"when": {key: whole[key] for key in keys}, "value": draw(numbers)})
    return Preferences.model_validate({"issues": given, "combinations": combinations})


def conditions(agenda: Agenda) -> st.SearchStrategy[dict[str, Any]]:
    """Conditions in the shape in which a principal writes them."""
    leaves: list[st.SearchStrategy[dict[str, Any]]] = []
    for name, issue in agenda.space.issues.items():
        value = st.sampled_from(list(issue.values))
        leaves.append(st.builds(lambda v, n=name: {"is": {n: v}}, value))
        some = st.lists(value, min_size=1, max_size=3)
        leaves.append(st.builds(lambda vs, n=name: {"one_of": {n: vs}}, some))
        if issue.kind == "integer":
            bound = st.integers(issue.minimum - 2, issue.maximum + 2)
            leaves.append(st.builds(lambda b, n=name: {"at_least": {n: b}}, bound))
            leaves.append(st.builds(lambda b, n=name: {"at_most": {n: b}}, bound))
    return st.recursive(
        st.one_of(leaves),
        lambda inner: st.one_of(
            st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda part: {"not": part}, inner),
        ),
        max_leaves=5,
    )


def holds(condition: dict[str, Any], outcome: Outcome) -> bool:
    """What a condition means, written a second time and naively."""
    ((kind, body),) = condition.items()
    match kind:
        case "all":
            return all(holds(part, outcome) for part in body)
        case "any":
            return any(holds(part, outcome) for part in body)
        case "not":
            return not holds(body, outcome)
        case "at_least":
            return all(outcome[name] >= bound for name, bound in body.items())
        case "at_most":
            return all(outcome[name] <= bound for name, bound in body.items())
        case "is":
            return all(outcome[name] == value for name, value in body.items())
        case "one_of":
            return all(outcome[name] in values for name, values in body.items())
    raise AssertionError(kind)


@st.composite
def principals(
    draw: st.DrawFn, agenda: Agenda, *, authority: bool = False
) -> tuple[UtilityFunction, BoundMandate]:
    """Preferences and a mandate that allows at least one outcome."""
    utility = UtilityFunction(draw(preferences(agenda)), agenda)
    pivot = agenda.space.at(draw(st.integers(0, agenda.space.size - 1)))
    written = draw(st.lists(conditions(agenda), max_size=2))
    fitting = [c if holds(c, pivot) else {"not": c} for c in written]
    slack = draw(st.none() | st.fractions(0, 20, max_denominator=4))
    may = {"accept": draw(st.booleans()), "walk_away": draw(st.booleans())} if authority else {}
    mandate = Mandate.model_validate(
        {
            "conditions": fitting,
            "reservation_value": None if slack is None else Fraction(utility.value(pivot) - slack),
            "authority": may,
        }
    )
    return utility, BoundMandate(mandate, agenda, utility)
