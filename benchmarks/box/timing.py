"""One run of a negotiation, timed in three parts from outside, by what the supervisor asks of those it is given.

    start        from the call until a brief is read to be sealed: then all processes are there and closed
    negotiation  until the purge looks at the first process: unsealing, seating, the turns, gate and release
    purge        wiping, killing, checking, and the statement

Without walls all of a run is negotiation: opening the models and seating the delegates too.
Covered: CPU by process at each part; what ended in between (bwrap, trials) by the sum over ended children.
Not covered: the CPU of the end of a process, which the kernel spends after its clock is gone: it is in that sum too.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.box import gauge
from benchmarks.box.job import Job
from delegates.brief import Brief
from delegates.budget import Budget
from graphs.state import Progress
from sandbox.box import Box, Released
from sandbox.briefing import OwnBriefs
from sandbox.isolation.interface import Child, Isolation, Level, Room
from sandbox.job import Job as BoxJob
from sandbox.seal import PublicKey
from sandbox.supervisor import WalledBox

OURS = "starter"
PARTS = ("start", "negotiation", "purge")


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment: what was taken by then."""

    wall: float
    cpu: dict[str, float]
    """By process."""


@dataclass(slots=True)
class Timing:
    """What one run took, by part."""

    walls: dict[str, float]
    cpus: dict[str, dict[str, float]]
    """By part and process."""
    turns: int
    wipe_seconds: float | None = None
    """Of all processes together, until the first is killed."""
    total_cpu: float = 0.0
    """Of everybody, with what ended in between."""
    late_move: float | None = None
    """CPU of a move from the third turn's beginning to the last one's, on average."""
    problem: str = ""

    def cpu(self, part: str) -> float:
        """Of all processes in a part."""
        return sum(self.cpus.get(part, {}).values())


class Watched:
    """Walls that take times: who was started, and when the purge looks at the first and kills the first."""

    def __init__(self, walls: Isolation) -> None:
        self._walls = walls
        self.level: Level = walls.level
        self.children: dict[str, Child] = {}
        self.ready: Mark | None = None
        self.purging: Mark | None = None
        self.killing: float | None = None

    def spawn(self, module: str, arguments: Sequence[str], fds: Sequence[int], room: Room) -> Child:
        """See `Isolation.spawn`."""
        child = _SeenChild(self._walls.spawn(module, arguments, fds, room), self)
        self.children[module.rpartition(".")[2].replace("inside", "box")] = child
        return child

    def mark(self) -> Mark:
        """This moment."""
        others = {name: gauge.cpu_seconds(child.pid) for name, child in self.children.items()}
        return Mark(time.perf_counter(), {OURS: time.process_time(), **others})

    def briefing(self) -> None:
        """All are ready, and the briefs are to be sealed."""
        if self.children:
            self.ready = self.ready or self.mark()

    def looked_at(self) -> None:
        """The purge begins."""
        self.purging = self.purging or self.mark()

    def killed(self) -> None:
        """The wipes are over."""
        self.killing = self.killing or time.perf_counter()


class _SeenChild(Child):
    """A child that tells when the purge comes to it."""

    def __init__(self, child: Child, watched: Watched) -> None:
        self._child, self._watched = child, watched
        self.user = child.user

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def family(self) -> tuple[int, ...]:
        return self._child.family

    @property
    def alive(self) -> bool:
        self._watched.looked_at()
        return self._child.alive

    def fileno(self) -> int:
        return self._child.fileno()

    def poll(self) -> int | None:
        return self._child.poll()

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        return self._child.wait(timeout_seconds)

    def kill(self) -> None:
        self._watched.killed()
        self._child.kill()


class _SeenBriefs(OwnBriefs):
    """Briefs that tell when they are sealed."""

    def __init__(self, briefs: Mapping[str, Brief], watched: Watched) -> None:
        super().__init__(briefs)
        self._watched = watched

    async def seal(self, job: BoxJob, key: PublicKey) -> Sequence[bytes]:
        sealed = await super().seal(job, key)  # what the principals do
        self._watched.briefing()
        return sealed


async def walled(job: Job, watched: Watched) -> Timing:
    """Run a negotiation behind walls."""
    turns: list[tuple[int, Mark]] = []

    def observe(progress: Progress) -> None:
        turns.append((progress.turn, watched.mark()))

    ended_before, begin = gauge.reaped_seconds(), watched.mark()
    box = WalledBox(job.seats, Budget(), watched, environment={})
    released = await box.run(job.agenda, _SeenBriefs(job.briefs, watched), observe)
    end = watched.mark()
    purging = watched.purging or end
    timing = timed((begin, watched.ready or purging, purging, end), turns, released)
    timing.total_cpu = end.cpu[OURS] - begin.cpu[OURS] + gauge.reaped_seconds() - ended_before
    if watched.purging and watched.killing:
        timing.wipe_seconds = watched.killing - watched.purging.wall
    return timing


async def in_process(job: Job) -> Timing:
    """Run a negotiation in this process."""
    turns: list[tuple[int, Mark]] = []

    def mark() -> Mark:
        return Mark(time.perf_counter(), {OURS: time.process_time()})

    def observe(progress: Progress) -> None:
        turns.append((progress.turn, mark()))

    begin = mark()
    released = await Box(job.seats, Budget()).run(job.agenda, job.briefs, observe)
    end = mark()
    timing = timed((begin, begin, end, end), turns, released)
    timing.total_cpu = end.cpu[OURS] - begin.cpu[OURS]
    return timing


def timed(marks: Sequence[Mark], turns: Sequence[tuple[int, Mark]], released: Released) -> Timing:
    """What was taken between marks."""
    between = dict(zip(PARTS, pairwise(marks), strict=True))
    walls = {part: after.wall - before.wall for part, (before, after) in between.items()}
    cpus = {part: _taken(before, after) for part, (before, after) in between.items()}
    # a box tells only of some turns; the first two are other than the rest
    warm = [(turn, mark) for turn, mark in turns if turn > 1]
    many = warm[-1][0] - warm[0][0] if warm else 0
    late = sum(_taken(warm[0][1], warm[-1][1]).values()) / many if many else None
    problem = "" if released.error is None else f"{type(released.error).__name__}: {released.error}"
    if not problem and released.ending != "agreed":
        problem = f"ended with {released.ending}"
    moves = sum(counters.turns for counters in released.counters.values())
    return Timing(walls, cpus, moves, late_move=late, problem=problem)


def _taken(before: Mark, after: Mark) -> dict[str, float]:
    """By process; one that is gone by then took nothing that could be read."""
    taken = {name: cpu - before.cpu.get(name, 0.0) for name, cpu in after.cpu.items()}
    return {name: max(cpu, 0.0) for name, cpu in taken.items()}
