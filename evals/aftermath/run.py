"""One run by real commands, stopped where it is to end, looked at there, ended, and looked at once more.

    one owner    negbox run
    two parties  negbox box open (the host), negbox brief seal twice, negbox box run (the caller)

Covered: every process of the run at its halt, and every command just before it ends, unless a signal ends it.
Not covered: `negbox brief seal`, which reads a brief: it is the principal's own, on its own machine, and ended before.
What it wrote and showed is the run's.
"""

import os
import secrets
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bargaining.errors import SandboxError
from evals.aftermath import family, instrument, scenario
from evals.aftermath.command import HALT_SECONDS, Started, done, started
from evals.aftermath.ending import CHILDREN, Blow, Ending
from evals.aftermath.instrument import Look
from evals.aftermath.place import Place
from institutions.keys import FILE, HostKey

_LIMIT_SECONDS = "3"


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that has ended."""

    codes: Mapping[str, int]
    said: bytes
    """By all commands."""
    looks: tuple[Look, ...]
    strays: tuple[str, ...]
    """Whose processes were not all gone when it was about to end."""


def run(ending: Ending, canary: str, where: Place, file: Path, script: Path) -> Ran:
    """Run and end it.

    Args:
        ending: How.
        canary: To look for.
        where: To work.
        file: The scenario.
        script: The seller's.

    Raises:
        SandboxError: It did not come to where it was to be ended, or did not end.
    """
    asked, go_on = threading.Event(), threading.Event()

    def halt() -> None:
        if ending.phase == "turns":
            asked.set()
            go_on.wait(HALT_SECONDS)

    looks: list[Look] = []
    strays: list[str] = []
    codes: dict[str, int] = {}
    with scenario.server(ending.play, halt) as server, ExitStack() as closing:
        closing.callback(go_on.set)
        options = [
            "--model", f"seller=scripted/{script}", "--model", f"buyer=openai/any@{server.base_url}", "--no-advisor",
            *(("--max-seconds", _LIMIT_SECONDS) if ending.play == "stall" else ()),
        ]  # fmt: skip
        start = _one_owner if ending.parties == 1 else _two_parties
        commands, said = start(ending, where, file, options, closing)
        first = commands["negbox" if ending.parties == 1 else "host"]
        if ending.phase is not None:
            if (ending.parties, ending.phase) != (2, "ready"):  # then it is there already
                _wait(first, asked.is_set if ending.phase == "turns" else None)
            pids = {name: command.pid for name, command in commands.items()}
            pids |= family.members(first.pid, ending.present - commands.keys(), HALT_SECONDS)
            for name, pid in pids.items():
                due = name in ending.holders
                looks.append(instrument.look(canary, name, pid, f"at {ending.phase}", due=due))
            if ending.blow:
                _strike(ending.blow, pids)
            if not ending.blow or ending.blow.target in CHILDREN:
                go_on.set()
                if ending.phase != "turns":
                    first.go_on()

        def see(name: str) -> None:
            looks.append(instrument.look(canary, name, commands[name].pid, "at its end", due=False))
            if family.below(commands[name].pid):
                strays.append(name)

        for name in reversed(commands):  # the host waits until its caller knows
            codes[name], shown = commands[name].finish(partial(see, name))
            said += shown
    return Ran({name: codes[name] for name in commands}, said, tuple(looks), tuple(strays))


def _one_owner(
    ending: Ending, where: Place, file: Path, options: Sequence[str], closing: ExitStack
) -> tuple[dict[str, Started], bytes]:
    arguments = ["run", file, *options, "--out", where.out]
    return {
        "negbox": closing.enter_context(started(arguments, where.cwd, where.environment, ending.phase))
    }, b""


def _two_parties(
    ending: Ending, where: Place, file: Path, options: Sequence[str], closing: ExitStack
) -> tuple[dict[str, Started], bytes]:
    """The host with its box open, and the caller unless it ends before; what the principals' commands showed."""
    nonce = secrets.token_hex(16)
    at = where.cwd / "box"
    files = scenario.write_apart(where.principal / "parties", file)
    phase = None if ending.phase == "ready" else ending.phase  # which is when the box is open, not before
    arguments = ["box", "open", files.pop("agenda"), "--at", at, "--nonce", nonce, *options]
    host = closing.enter_context(started(arguments, where.cwd, where.environment, phase))
    claim = at / "claim.json"
    _wait(host, claim.exists)
    pem = where.principal / "host.pem"
    pem.write_bytes(next(HostKey.load(path).public.pem() for path in where.home.rglob(FILE)))
    said = b""
    sealed = []
    for role, brief in files.items():
        sealed.append(where.cwd / f"{role}.sealed")
        said += done(
            [
                "brief",
                "seal",
                brief,
                "--claim",
                claim,
                "--out",
                sealed[-1],
                "--nonce",
                nonce,
                "--host-key",
                pem,
            ],
            where.principal,
            where.principals_environment,
        )
    commands: dict[str, Started] = {"host": host}
    if "caller" in ending.due.codes:
        arguments = ["box", "run", *sealed, "--at", at, "--out", where.out]
        commands["caller"] = closing.enter_context(started(arguments, where.cwd, where.environment))
    return commands, said


def _wait(command: Started, there: Callable[[], bool] | None) -> None:
    if not command.reaches(there):
        raise SandboxError("it did not come that far")


def _strike(blow: Blow, pids: Mapping[str, int]) -> None:
    if blow.number == signal.SIGSEGV and blow.target in CHILDREN:
        family.crash(pids[blow.target])
    else:
        os.kill(pids[blow.target], blow.number)
