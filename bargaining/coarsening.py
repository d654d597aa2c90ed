"""Coarsening: what a principal wants and allows, carried over to an agenda with fewer values.

`Agenda.coarsen` gives the agenda. There every outcome is worth what it was worth before, and is allowed if it
was allowed before: only what names a value that is gone has to be written anew.
Not covered: words. A narrative or a fact may still speak of such a value.
"""

from typing import assert_never

from bargaining.agenda import Agenda
from bargaining.condition import All, AnyOf, AtLeast, AtMost, Condition, Is, Not, OneOf
from bargaining.errors import InvalidInputError
from bargaining.issue import Value, index_of
from bargaining.mandate import Mandate
from bargaining.utility import Points, Preferences, Scores


def coarsened_preferences(preferences: Preferences, agenda: Agenda) -> Preferences:
    """Preferences over a finer agenda, for a coarser one.

    Scores and combinations of values that are gone are left out; a line through points stays.
    """
    kept = {
        name: given if isinstance(given, Points) else _scores(name, given, agenda)
        for name, given in preferences.issues.items()
    }
    possible = tuple(
        combination
        for combination in preferences.combinations
        if all(_stands(agenda, name, value) for name, value in combination.when.items())
    )
    fields = {name: getattr(preferences, name) for name in Preferences.model_fields}
    return Preferences.model_validate({**fields, "issues": kept, "combinations": possible})


def coarsened_mandate(mandate: Mandate, agenda: Agenda) -> Mandate:
    """A mandate over a finer agenda, for a coarser one.

    Raises:
        InvalidInputError: A condition can no longer hold.
    """
    conditions = [_restricted(condition, agenda) for condition in mandate.conditions]
    if False in conditions:
        raise InvalidInputError("a mandate allows no outcome of the coarser agenda; coarsen by less")
    fields = {name: getattr(mandate, name) for name in Mandate.model_fields}
    kept = tuple(condition for condition in conditions if condition is not True)
    return Mandate.model_validate({**fields, "conditions": kept})


def _scores(name: str, given: Scores, agenda: Agenda) -> Scores:
    kept = {value: score for value, score in given.scores.items() if _stands(agenda, name, value)}
    return Scores(scores=kept, weight=given.weight)


def _stands(agenda: Agenda, name: str, value: Value) -> bool:
    return index_of(agenda.space.issues[name], value) is not None


def _restricted(condition: Condition, agenda: Agenda) -> Condition | bool:
    """The condition without the values that are gone; True or False if it no longer depends on the outcome."""
    match condition:
        case AtLeast() | AtMost():
            return condition  # a limit need not be on the grid
        case Is():
            return condition if all(_stands(agenda, *named) for named in condition.is_.items()) else False
        case OneOf():
            kept = {
                name: tuple(value for value in values if _stands(agenda, name, value))
                for name, values in condition.one_of.items()
            }
            return OneOf(one_of=kept) if all(kept.values()) else False
        case All():
            parts = [_restricted(part, agenda) for part in condition.all_]
            open_parts = tuple(part for part in parts if not isinstance(part, bool))
            if False in parts:
                return False
            return All(all=open_parts) if open_parts else True
        case AnyOf():
            parts = [_restricted(part, agenda) for part in condition.any_]
            open_parts = tuple(part for part in parts if not isinstance(part, bool))
            if True in parts:
                return True
            return AnyOf(any=open_parts) if open_parts else False
        case Not():
            part = _restricted(condition.not_, agenda)
            return not part if isinstance(part, bool) else Not.model_validate({"not": part})
        case _:
            assert_never(condition)
