"""The ways in which a run can end: by itself, by a signal to the command, by the death of one of its processes.

Covered: agreement, no deal, two kinds of failing model, a time limit; at each of four phases Ctrl-C, SIGTERM and
SIGKILL of the command and SIGKILL of box, broker and gate; a crash of each while a model is being asked.
Not covered: loss of power; a full disk; moments between the phases.
"""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Play: TypeAlias = Literal["agree", "walk away", "refuse", "reflect", "stall"]
"""What the buyer's model server does."""
Phase: TypeAlias = Literal["starting", "ready", "turns", "release"]
"""Processes are started; all of them are ready, and no brief has left the command; a model is being asked; the box has
written its record and the gate has not been told of the agenda."""
Target: TypeAlias = Literal["negbox", "box", "broker", "gate"]
PHASES: tuple[Phase, ...] = get_args(Phase)
CHILDREN: tuple[Target, ...] = ("box", "broker", "gate")


@dataclass(frozen=True, slots=True)
class Blow:
    """A signal to a process of the run."""

    number: signal.Signals
    target: Target
    phase: Phase


@dataclass(frozen=True, slots=True)
class Ending:
    """One way to end."""

    name: str
    play: Play = "agree"
    blow: Blow | None = None
    phase: Phase | None = None
    """Where to look who holds the canary, in a run that goes on."""


def _endings() -> Iterator[Ending]:
    yield Ending("agreement", phase="turns")
    yield Ending("no deal", "walk away")
    yield Ending("model refuses", "refuse")
    yield Ending("model reflects the prompt in its error", "reflect")
    yield Ending("time limit", "stall")
    for phase in PHASES:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            yield _blow(Blow(number, "negbox", phase))
        for child in CHILDREN:
            yield _blow(Blow(signal.SIGKILL, child, phase))
    for target in get_args(Target):
        yield _blow(Blow(signal.SIGSEGV, target, "turns"))


def _blow(blow: Blow) -> Ending:
    return Ending(f"{blow.number.name} to {blow.target}, {blow.phase}", blow=blow)


ENDINGS: tuple[Ending, ...] = tuple(_endings())
