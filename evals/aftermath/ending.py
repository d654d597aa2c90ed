"""The ways in which a run can end: by itself, by a signal to a command, by the death of one of its processes.

One owner: `negbox run` on a file with both briefs. Two parties: `negbox box open`, here the host, and `negbox box run`,
the caller, with briefs that `negbox brief seal` has sealed.

Covered: agreement, no deal, two kinds of failing model, a time limit; at each of five phases Ctrl-C, SIGTERM and
SIGKILL of the command and SIGKILL of everybody who is there; crashes; and how each of these is due to end.
Not covered: loss of power; a full disk; moments between the phases.
"""

import signal
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Play: TypeAlias = Literal["agree", "walk away", "refuse", "reflect", "stall"]
"""What the buyer's model server does."""
Phase: TypeAlias = Literal["reading", "starting", "ready", "turns", "release"]
"""The sealer has read the file, and nobody else is started; all processes are started; all of them are ready, and no
sealed brief is handed in; a model is being asked; the box has written its record and the gate has not been told of the
agenda."""
Command: TypeAlias = Literal["negbox", "host", "caller"]
"""`negbox run`, `negbox box open` and `negbox box run`."""
Child: TypeAlias = Literal["sealer", "box", "broker", "gate"]
Result: TypeAlias = Literal["agreement", "no deal", "nothing"]
"""What lies where the results are written. Both of the first come with a statement that belongs to them."""
PHASES: tuple[Phase, ...] = get_args(Phase)
CHILDREN: tuple[Child, ...] = get_args(Child)
_LIMIT, _MODEL, _SANDBOX, _INTERRUPTED = 4, 3, 5, 130
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Blow:
    """A signal to a process of the run."""

    number: signal.Signals
    target: Command | Child
    phase: Phase


@dataclass(frozen=True, slots=True)
class Due:
    """How a run has to end where nothing can be released unless all were wiped."""

    codes: Mapping[str, int]
    """The exit code of each command; -N if signal N ended it."""
    result: Result


@dataclass(frozen=True, slots=True)
class Ending:
    """One way to end."""

    name: str
    due: Due
    play: Play = "agree"
    blow: Blow | None = None
    at: Phase | None = None
    """Where to look who holds the canary, in a run that goes on."""
    parties: Literal[1, 2] = 1

    @property
    def phase(self) -> Phase | None:
        """Where the run is made to stop."""
        return self.blow.phase if self.blow else self.at

    @property
    def present(self) -> Set[str]:
        """Who is there when it stops."""
        if self.parties == 1:
            return {"negbox", "sealer"} if self.phase == "reading" else {"negbox", *CHILDREN}
        return {"host", "box", "broker", "gate", *(() if self.phase == "ready" else ("caller",))}

    @property
    def holders(self) -> Set[str]:
        """Who holds the canary when it stops, and nobody else does."""
        reached: Set[str] = {"box", "broker"} if self.phase in {"turns", "release"} else set()
        return reached | {"sealer"} if self.parties == 1 else reached


def _endings() -> Iterator[Ending]:
    yield Ending("agreement", Due({"negbox": 0}, "agreement"), at="turns")
    yield Ending("no deal", Due({"negbox": 0}, "no deal"), "walk away")
    yield Ending("model refuses", Due({"negbox": _MODEL}, "no deal"), "refuse")
    yield Ending(
        "model reflects the prompt in its error", Due({"negbox": _MODEL}, "no deal"), "reflect", at="release"
    )
    yield Ending("time limit", Due({"negbox": _LIMIT}, "no deal"), "stall")
    for phase in PHASES:
        for number in (*_INTERRUPTS, signal.SIGKILL):
            yield _blow(Blow(number, "negbox", phase))
        for child in CHILDREN if phase != "reading" else ("sealer",):
            yield _blow(Blow(signal.SIGKILL, child, phase))
    yield _blow(Blow(signal.SIGSEGV, "sealer", "ready"))  # later it only waits
    for target in ("negbox", "box", "broker", "gate"):
        yield _blow(Blow(signal.SIGSEGV, target, "turns"))


def _two_parties() -> Iterator[Ending]:
    fine = {"host": 0, "caller": 0}
    yield Ending("two parties: agreement", Due(fine, "agreement"), at="turns", parties=2)
    yield Ending("two parties: no deal", Due(fine, "no deal"), "walk away", at="release", parties=2)
    yield Ending(
        "two parties: model reflects the prompt in its error",
        Due({"host": 0, "caller": _MODEL}, "no deal"), "reflect", at="release", parties=2,
    )  # fmt: skip
    for phase in ("ready", "turns"):
        for number in (*_INTERRUPTS, signal.SIGKILL):
            yield _blow(Blow(number, "host", phase), parties=2)
    for number in (*_INTERRUPTS, signal.SIGKILL):
        yield _blow(Blow(number, "caller", "turns"), parties=2)
    for child in ("box", "broker", "gate"):
        yield _blow(Blow(signal.SIGKILL, child, "turns"), parties=2)


def _blow(blow: Blow, parties: Literal[1, 2] = 1) -> Ending:
    name = f"{blow.number.name} to {blow.target}, {blow.phase}"
    return Ending(
        name if parties == 1 else f"two parties: {name}",
        _after(blow) if parties == 1 else _after_two(blow),
        blow=blow,
        parties=parties,
    )


def _after(blow: Blow) -> Due:
    if blow.target in CHILDREN:  # it could not be wiped, so nothing is released
        return Due({"negbox": _SANDBOX}, "nothing")
    if blow.number not in _INTERRUPTS:
        return Due({"negbox": -blow.number}, "nothing")
    begun = blow.phase in {"turns", "release"}
    return Due({"negbox": _INTERRUPTED}, "no deal" if begun else "nothing")


def _after_two(blow: Blow) -> Due:
    struck = _INTERRUPTED if blow.number in _INTERRUPTS else -blow.number
    if blow.target == "host":
        there = {"host": struck}
        return Due({**there, "caller": _SANDBOX} if blow.phase != "ready" else there, "nothing")
    if blow.target == "caller":
        return Due({"host": 0, "caller": struck}, "nothing")
    return Due({"host": _SANDBOX, "caller": _SANDBOX}, "nothing")  # who could not wipe must not say it did


ENDINGS: tuple[Ending, ...] = (*_endings(), *_two_parties())
