"""The suites, by name. Each is loaded when it is asked for."""

from importlib import import_module
from typing import cast

from bargaining.errors import InvalidInputError
from evals.suite import Suite

NAMES = ("leaks", "outcome", "defection", "threats", "fidelity", "bargaining", "residue")


def load(name: str) -> Suite:
    """A suite by its name.

    Raises:
        InvalidInputError: There is none.
    """
    if name not in NAMES:
        raise InvalidInputError(f"no such suite: '{name}'; there are {', '.join(NAMES)}")
    return cast(Suite, import_module(f"evals.suites.{name}").SUITE)
