"""The settlement in an evaluation: the scenario's own, unless another is asked for.

With `improved` every agreement is efficient by construction: its share on the frontier is 1 and says nothing about
who negotiated. So each table says which settlement it was made with.
"""

import argparse
from collections.abc import Iterable
from dataclasses import replace
from typing import get_args

from bargaining.agenda import Agenda
from delegates.scenario import Scenario


def add_option(parser: argparse.ArgumentParser) -> None:
    """Let a command be told `--settlement`."""
    parser.add_argument(
        "--settlement",
        choices=get_args(Agenda.model_fields["settlement"].annotation),
        help="default: each scenario's own; improved makes the share on the frontier 1 by construction",
    )


def settled(scenario: Scenario, settlement: str | None) -> Scenario:
    """The scenario with this settlement. None: with its own."""
    if settlement is None or settlement == scenario.agenda.settlement:
        return scenario
    # not validated again: whoever evaluates compares all outcomes anyway
    return replace(scenario, agenda=scenario.agenda.model_copy(update={"settlement": settlement}))


def heading(settlements: Iterable[tuple[str, str]]) -> str:
    """A line that says how what was agreed is settled, from names of scenarios and their settlements."""
    names: dict[str, dict[str, None]] = {}
    for name, settlement in settlements:
        names.setdefault(settlement, {})[name] = None
    if len(names) <= 1:
        return f"settlement: {''.join(names) or '-'}"
    return "settlement: " + "; ".join(f"{kind} in {', '.join(where)}" for kind, where in names.items())
