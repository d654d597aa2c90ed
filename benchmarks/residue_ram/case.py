"""The cases: what the guest does with a brief before its RAM is looked through."""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

What: TypeAlias = Literal["alive", "cleaned", "deleted", "ended", "run"]


@dataclass(frozen=True, slots=True)
class Case:
    """What is done, in one guest of its own."""

    name: str
    what: What
    told: str
    """For the table."""
    expected: Literal["hits", "none", "measured"] = "measured"
    """`hits` and `none` are controls: if one comes out otherwise, nothing here has been measured."""
    isolation: str = "bwrap"
    wipe: bool = True
    """Whether the product's own wipe is left on."""
    rinse: bool = True
    """Whether the product's own rinse is left on."""
    starter_wiped: bool = False
    """Whether the process that was typed in is wiped from outside before it ends, to look at the others alone."""
    zeroing: bool = False
    """Whether the guest's kernel runs with `init_on_free=1`."""


_PLAIN = (
    Case("alive", "alive", "control: a process that holds a brief lives", "hits"),
    Case("ended", "ended", "control: a process that held a brief has ended", "hits"),
    Case("cleaned", "cleaned", "control: the principal alone, file overwritten, process wiped", "none"),
    Case("deleted", "deleted", "the scenario file alone, deleted and not overwritten"),
    Case("shipped", "run", "`negbox run` as shipped"),
    Case("unrinsed", "run", "`negbox run`, the rinse switched off", rinse=False),
    Case("kill-only", "run", "`negbox run`, wipe and rinse switched off", wipe=False, rinse=False),
    Case("others", "run", "`negbox run` as shipped, starter wiped too", starter_wiped=True),
    Case(
        "others-kill-only",
        "run",
        "`negbox run`, starter wiped, all others only killed",
        wipe=False,
        rinse=False,
        starter_wiped=True,
    ),
    Case("none", "run", "`negbox run --isolation none`", isolation="none"),
)


def _zeroed(case: Case) -> Case:
    told = f"{case.told}, `init_on_free=1`"
    changed = replace(case, name=f"{case.name}-zeroing", told=told, zeroing=True)
    match case.name:
        case "alive":
            return replace(changed, expected="hits")
        case "cleaned":
            return replace(changed, expected="none")
        case _:
            return replace(changed, expected="measured")


CASES = (*_PLAIN, *map(_zeroed, _PLAIN))
"""In the order of the table: the controls first."""


def named(name: str) -> Case:
    """The case of this name."""
    return next(case for case in CASES if case.name == name)
