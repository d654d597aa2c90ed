"""Coarsening a scenario: the same two briefs with fewer values to choose from, so that the result tells less."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from bargaining.agenda import Agenda
from bargaining.coarsening import coarsened_mandate, coarsened_preferences
from delegates.brief import Brief
from delegates.scenario import Scenario


def coarsened(scenario: Scenario, factors: int | Mapping[str, int]) -> Scenario:
    """A scenario whose outcomes are some of the given one's, worth the same and allowed the same.

    Args:
        scenario: The finer one.
        factors: As in `Agenda.coarsen`.

    Raises:
        InvalidInputError: The agenda cannot be coarsened like this, or a mandate allows nothing that is left.
    """
    agenda = scenario.agenda.coarsen(factors)
    briefs = {role: _brief(brief, agenda) for role, brief in scenario.briefs.items()}
    return replace(scenario, agenda=agenda, briefs=MappingProxyType(briefs))


def _brief(brief: Brief, agenda: Agenda) -> Brief:
    preferences = brief.preferences and coarsened_preferences(brief.preferences, agenda)
    fields = {name: getattr(brief, name) for name in Brief.model_fields}
    coarser = Brief.model_validate(
        {**fields, "preferences": preferences, "mandate": coarsened_mandate(brief.mandate, agenda)}
    )
    coarser.bind(agenda)
    return coarser
