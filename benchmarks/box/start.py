"""Start-up: how long until a process behind walls says that it is there, ours and those of others.

Two loads, the same for all: an interpreter that says so, and one that has loaded and rehearsed what a box has. And for
ours alone, all of a crew: box and broker closed, its key made. The repetitions of all walls are interleaved.
Covered: wall clock; what is not installed gets a line that says so. Not covered: how strong walls are. Those of others
are started as their manuals say, and see all files of the host.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bargaining.errors import SandboxError
from benchmarks.box import gauge
from benchmarks.orchestration import scenario
from delegates.budget import Budget
from delegates.models.spec import ModelSpec, parse
from delegates.prompt import PromptPack
from sandbox import purge
from sandbox.allowance import Allowance
from sandbox.broker import BrokerJob
from sandbox.crew import Crew
from sandbox.host import Facts
from sandbox.isolation.interface import Isolation, Room
from sandbox.job import Job
from sandbox.pool import Pool
from sandbox.seal import new_run_id
from sandbox.seating import Seat
from sandbox.supervisor import WalledBox

ROOT = Path(__file__).parents[2]
LOADS = ((), ("box",))
SECONDS = 60.0
MODEL = parse("openai/mock@http://127.0.0.1:9/v1")
"""Asked nothing: a broker opens a compatible adapter for it."""
_ROOM = Room(False, (), 4 * 2**30, 300, 1)
_READY = "benchmarks.box.ready"


@dataclass(frozen=True, slots=True)
class Foreign:
    """Walls of somebody else, by command line."""

    name: str
    program: str
    options: tuple[str, ...] = ()


FOREIGN = (
    Foreign("plain subprocess", sys.executable),
    Foreign("unshare -Urnpf", "unshare", ("-Urnpf",)),
    Foreign(
        "nsjail",
        "nsjail",
        ("-Mo", "-Q", "--chroot", "/", "--rlimit_as", "4096", "--cwd", str(ROOT), "-e", "--"),
    ),
    Foreign("gVisor: runsc do", "runsc", ("--rootless", "--network=none", "do")),
)


@dataclass(slots=True)
class Started:
    """The start-ups of one kind of wall, in seconds, and why there are none."""

    name: str
    seconds: Mapping[tuple[str, ...], list[float]] = field(
        default_factory=lambda: {load: [] for load in LOADS}
    )
    crews: dict[str, list[float]] = field(default_factory=lambda: {"box": [], "box and broker": []})
    problem: str = ""


def measure(walls: Sequence[Isolation], facts: Facts, count: int) -> list[Started]:
    """All start-ups."""
    ways: list[tuple[Started, Callable[[Sequence[str]], float]]] = []
    for foreign in FOREIGN:
        started = Started(foreign.name)
        program = shutil.which(foreign.program)
        if program is None:
            started.problem = f"{foreign.program} is not installed"
        ways.append((started, lambda load, foreign=foreign: _foreign(foreign, load)))  # type: ignore[misc]
    ways += [(Started(f"ours: {wall.level}"), lambda load, wall=wall: _ours(wall, load)) for wall in walls]  # type: ignore[misc]
    _foreign(FOREIGN[0], LOADS[-1])  # what was never loaded is compiled now
    crews = {f"ours: {wall.level}": wall for wall in walls}
    for _ in range(count):
        for started, way in ways:
            for load in LOADS:
                if not started.problem:
                    _note(started, started.seconds[load], lambda way=way, load=load: way(load))  # type: ignore[misc]
            if wall_ := crews.get(started.name):
                for name, models in (("box", ()), ("box and broker", (MODEL,))):
                    _note(
                        started,
                        started.crews[name],
                        lambda wall=wall_, models=models: asyncio.run(crew_ready(wall, facts, models)),  # type: ignore[misc]
                    )
    return [started for started, _ in ways]


def from_pool(walls: Isolation, count: int, size: int = 2) -> list[float]:
    """The seconds from asking a warm pool for a box to having one, closed and with its key."""
    agenda = scenario.agenda()
    seat = Seat(parse("tactic/steady"), PromptPack.load("default"))
    box = WalledBox(dict.fromkeys(agenda.roles, seat), Budget(), walls, environment={})
    found = []

    async def ask() -> None:
        async with Pool(lambda: box.open(agenda), size) as pool:
            for _ in range(count):
                while pool.ready < size:  # noqa: ASYNC110 - it is not asked for a box yet
                    await asyncio.sleep(0.01)
                began = time.perf_counter()
                taken = await pool.take()
                found.append(time.perf_counter() - began)
                taken.close()

    asyncio.run(ask())
    return found


def table(found: Sequence[Started]) -> str:
    """A line for each kind of wall."""
    lines = []
    for one in found:
        if one.problem:
            lines.append([one.name, one.problem, "", "", ""])
            continue
        times = [one.seconds[load] for load in LOADS] + list(one.crews.values())
        lines.append([one.name, *(gauge.spread([s * 1000 for s in seconds]) for seconds in times)])
    head = ["", "interpreter ms", "what a box loads ms", "box, closed, with key ms", "box and broker ms"]
    return gauge.table(head, lines)


async def crew_ready(
    walls: Isolation,
    facts: Facts,
    models: Sequence[ModelSpec] = (),
    look: Callable[[Crew], None] = lambda _: None,
) -> float:
    """Start a crew, with its gate, and end it by a purge: the seconds until all are ready.

    Args:
        walls: Around them.
        facts: For the purge.
        models: For a broker; without any there is none.
        look: Called when they are ready.
    """
    with ExitStack() as lines:
        crew = Crew(walls, lines)
        started = time.perf_counter()
        try:
            crew.start(_broker_job(walls, models) if models else None, models)
            await crew.ready(Job(run=new_run_id(), agenda=scenario.agenda(), places={}))
            seconds = time.perf_counter() - started
            look(crew)
        finally:
            purge.purge(crew.children, facts)
    return seconds


def _broker_job(walls: Isolation, models: Sequence[ModelSpec]) -> BrokerJob:
    limits = Allowance(requests=1, tokens=1000, max_tokens=1000, seconds=SECONDS)
    return BrokerJob(models=tuple(map(str, models)), keys={}, limits=limits, harden=walls.level != "none")


def _note(started: Started, times: list[float], measure_one: Callable[[], float]) -> None:
    try:
        times.append(measure_one())
    except (OSError, SandboxError, subprocess.TimeoutExpired) as error:
        started.problem = f"did not start: {error}"


def _foreign(foreign: Foreign, load: Sequence[str]) -> float:
    """Start by a command line: it says so on its standard output."""
    python = [sys.executable, "-s", "-m", _READY, "1", *load]
    command = python if foreign.program == sys.executable else [foreign.program, *foreign.options, *python]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=variables,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        said = process.stdout.read(5)
        seconds = time.perf_counter() - started
        try:
            process.wait(SECONDS)
        finally:
            process.kill()
        if said != b"ready":
            last = (
                process.stderr.read().decode(errors="replace").strip().splitlines() or ["without a word"]
            )[-1]
            raise SandboxError(last[:100])
    return seconds


def _ours(walls: Isolation, load: Sequence[str]) -> float:
    """Start as a box is started: it says so on a line of its own."""
    here, there = socket.socketpair()
    with here, there:
        here.settimeout(SECONDS)
        started = time.perf_counter()
        child = walls.spawn(_READY, [str(there.fileno()), *load], [there.fileno()], _ROOM)
        try:
            there.close()
            said = here.recv(5)
            seconds = time.perf_counter() - started
        finally:
            child.kill()
    if said != b"ready":
        raise SandboxError("it said nothing")
    return seconds
