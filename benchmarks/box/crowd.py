"""Memory: of a crew that waits for its job, and of many negotiations at once, sampled while they run."""

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.box import gauge
from benchmarks.box.gauge import Memory
from benchmarks.box.job import Kind, job
from benchmarks.box.start import MODEL, crew_ready
from benchmarks.box.timing import Timing, Watched, walled
from sandbox.crew import Crew
from sandbox.host import Facts
from sandbox.isolation.interface import Isolation

_EVERY_SECONDS = 0.5


@dataclass(slots=True)
class Crowd:
    """Many negotiations at once."""

    level: str
    kind: Kind
    at_once: int
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    """Of all their processes."""
    peak_processes: int = 0
    timings: list[Timing] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def idle(walls: Sequence[Isolation], facts: Facts) -> dict[str, dict[str, Memory]]:
    """The memory of each process of a crew that is ready and has heard nothing, by level."""
    found: dict[str, dict[str, Memory]] = {}

    def look(crew: Crew, level: str) -> None:
        found[level] = {name: gauge.memory(child.pid) for name, child in crew.children.items()}

    for wall in walls:
        asyncio.run(crew_ready(wall, facts, (MODEL,), lambda crew, wall=wall: look(crew, wall.level)))  # type: ignore[misc]
    return found


def crowd(walls: Isolation, folder: Path, port: int, kind: Kind, at_once: int) -> Crowd:
    """So many negotiations, all started at the same time by one process."""
    found = Crowd(walls.level, kind, at_once)
    watched = [Watched(walls) for _ in range(at_once)]
    over = threading.Event()
    sampler = threading.Thread(target=_sample, args=(found, watched, over))
    before, started = gauge.reaped_seconds() + time.process_time(), time.perf_counter()
    sampler.start()
    try:
        outcomes = asyncio.run(_all(watched, folder, port, kind))
        found.wall_seconds = time.perf_counter() - started
        found.cpu_seconds = gauge.reaped_seconds() + time.process_time() - before
    finally:
        over.set()
        sampler.join()
    found.timings = [outcome for outcome in outcomes if isinstance(outcome, Timing)]
    raised = [type(outcome).__name__ for outcome in outcomes if isinstance(outcome, BaseException)]
    found.problems = raised + [timing.problem for timing in found.timings if timing.problem]
    return found


async def _all(
    watched: Sequence[Watched], folder: Path, port: int, kind: Kind
) -> list[Timing | BaseException]:
    runs = (walled(job(kind, folder, port), one) for one in watched)
    return await asyncio.gather(*runs, return_exceptions=True)


def _sample(found: Crowd, watched: Sequence[Watched], over: threading.Event) -> None:
    while not over.wait(_EVERY_SECONDS):
        pids = [child.pid for one in watched for child in list(one.children.values())]
        sizes = [size for pid in pids if (size := gauge.memory(pid).best_bytes)]
        found.peak_bytes = max(found.peak_bytes, sum(sizes))
        found.peak_processes = max(found.peak_processes, len(sizes))


def idle_table(found: dict[str, dict[str, Memory]]) -> str:
    """The memory of crews that wait."""
    names = ("box", "broker", "gate")
    lines = [[level, *(_size(members.get(name)) for name in names)] for level, members in found.items()]
    return gauge.table(["MB, shared pages in part (in full)", *names], lines)


def table(crowds: Sequence[Crowd]) -> str:
    """Many at once."""
    rows = [
        [
            f"{one.at_once}, {one.kind}, {one.level}",
            str(one.at_once - len(one.problems)),
            f"{one.wall_seconds:.1f}",
            f"{one.cpu_seconds:.1f}",
            f"{one.peak_bytes / 1e6:,.0f} ({one.peak_processes})",
            gauge.spread([1000 * t.wipe_seconds for t in one.timings if t.wipe_seconds], 1),
            ", ".join(sorted(set(one.problems))) or "none",
        ]
        for one in crowds
    ]
    head = ["at once", "well ended", "wall s", "CPU s", "peak MB (processes)", "a wipe, ms", "problems"]
    return gauge.table(head, rows)


def _size(memory: Memory | None) -> str:
    if memory is None:
        return "-"
    full = f"{memory.resident_bytes / 1e6:.0f}"
    return (
        f"({full})"
        if memory.proportional_bytes is None
        else f"{memory.proportional_bytes / 1e6:.0f} ({full})"
    )
