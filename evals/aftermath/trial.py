"""One trial: `negbox run` in a process of its own, ended in one way, and what the instruments then say.

Covered: a canary of its own; who holds it while the run lives, which shows that the instruments can look there; the
whole command with its walls. Not covered: whether the result is right; other tests see to that.
"""

import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import evals
from bargaining.errors import SandboxError
from evals.aftermath import family, instrument, scenario
from evals.aftermath.ending import Blow, Ending
from evals.aftermath.instrument import Finding, Instrument
from evals.aftermath.place import Place, place
from sandbox import host

HALT_SECONDS = 60.0
END_SECONDS = 60.0
GONE_SECONDS = 10.0
_LIMIT_SECONDS = "3"
_CODE = "from app.cli import main; main()"
_HALTING = "import sys; from evals.aftermath import halt; halt.at(sys.argv.pop(1), int(sys.argv.pop(1))); "
_ROOT = Path(evals.__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one ending."""

    ending: str
    code: int | None
    """The exit code of the command; -N if signal N ended it; None: there was no run like this."""
    seconds: float
    held: Mapping[str, bool | None]
    """Who held the canary at the halt, if there was one; None: it could not be read."""
    findings: Mapping[Instrument, Finding]


def hold(ending: Ending) -> Trial:
    """Hold a trial.

    Raises:
        SandboxError: The run did not come to where it was to be ended, or did not end.
    """
    canary = scenario.canary()
    begun, swapped = time.time() - 1, host.swapped_out_pages()
    with ExitStack() as closing:
        closing.enter_context(family.adopting())
        folder = Path(tempfile.mkdtemp(prefix="aftermath-"))
        where = closing.enter_context(place(folder))
        control = closing.enter_context(instrument.holder(canary, where.control))
        known = set(family.below(os.getpid()))
        started = time.monotonic()
        code, said, held = _run(ending, canary, where)
        seconds = time.monotonic() - started
        left = family.survivors(known, GONE_SECONDS)
        findings: dict[Instrument, Finding] = {
            "memory": instrument.memory(canary, left, control.pid),
            "files": instrument.files(canary, where, begun),
            "cores": instrument.cores(canary, where, begun, control),
            "disk": instrument.disk(canary, where),
            "swap": instrument.swap(canary, swapped),
            "shown": instrument.shown(canary, said),
        }
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        family.reap(known)
    return Trial(ending.name, code, seconds, held, findings)


def _run(ending: Ending, canary: str, where: Place) -> tuple[int, bytes, dict[str, bool | None]]:
    """Run and end it: its exit code, what it showed, and who held the canary before."""
    phase = ending.blow.phase if ending.blow else ending.phase
    asked, go_on = threading.Event(), threading.Event()

    def halt() -> None:
        if phase == "turns":
            asked.set()
            go_on.wait(HALT_SECONDS)

    held: dict[str, bool | None] = {}
    with scenario.server(ending.play, halt) as server, ExitStack() as closing:
        closing.callback(go_on.set)
        ours, theirs = (closing.enter_context(line) for line in socket.socketpair())
        code = _CODE if phase in {None, "turns"} else _HALTING + _CODE
        halted = () if code == _CODE else (str(phase), str(theirs.fileno()))
        modules = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        brief, script = scenario.write(where.principal, canary)
        process = closing.enter_context(
            subprocess.Popen(  # noqa: S603 - our own command
                [
                    sys.executable, "-c", code, *halted, "run", str(brief), "--model", f"seller=scripted/{script}",
                    "--model", f"buyer=openai/any@{server.base_url}", "--no-advisor", "--out", str(where.out),
                    *(("--max-seconds", _LIMIT_SECONDS) if ending.play == "stall" else ()),
                ],
                cwd=where.cwd,
                env={**os.environ, **where.environment, "PYTHONPATH": os.pathsep.join(modules)},
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        )  # fmt: skip
        closing.callback(process.kill)
        most = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.prlimit(process.pid, resource.RLIMIT_CORE, (most, most))  # so that a crash would show
        theirs.close()
        if phase is not None:
            if not _reached(process, asked if phase == "turns" else None, ours):
                raise SandboxError(f"{ending.name}: the run did not come that far")
            members = family.members(process.pid, HALT_SECONDS)
            held = instrument.holding(canary, members)
            if ending.blow:
                _strike(ending.blow, members)
            if not ending.blow or ending.blow.target != "negbox":
                go_on.set()
                with suppress(OSError):  # it has ended already
                    ours.send(b".")
        try:
            said, _ = process.communicate(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            said = None
        if said is None:
            raise SandboxError(f"{ending.name}: the run did not end")
    return process.returncode, said, held


def _reached(process: "subprocess.Popen[bytes]", asked: threading.Event | None, line: socket.socket) -> bool:
    """Wait for the halt, or the end of the process."""
    until = time.monotonic() + HALT_SECONDS
    while process.poll() is None and time.monotonic() < until:
        if asked.wait(0.05) if asked else select.select([line], [], [], 0.05)[0]:
            return True
    return False


def _strike(blow: Blow, members: Mapping[str, int]) -> None:
    if blow.number == signal.SIGSEGV and blow.target != "negbox":
        family.crash(members[blow.target])
    else:
        os.kill(members[blow.target], blow.number)
