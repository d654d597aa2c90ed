"""Whole negotiations: behind each wall and without any, with what a move takes.

Everything that is compared is run in turn, once in each repetition. Without walls it is run in
one process and in two bare ones (`floor`), each as it is and with the memory settings of a box.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import get_args

from benchmarks.box import gauge
from benchmarks.box.job import KINDS, Kind, job
from benchmarks.box.start import ROOT
from benchmarks.box.timing import OURS, PARTS, Timing, Watched, walled
from sandbox.isolation.environment import clean
from sandbox.isolation.interface import Isolation, Level

FIRST, LATER = "in process, first", "in process, later"
FIRST_SET, LATER_SET = "in process, first, malloc as in a box", "in process, later, malloc as in a box"
FIRST_TWO, LATER_TWO = "two bare processes, first", "two bare processes, later"
FIRST_TWO_SET = "two bare processes, first, malloc as in a box"
LATER_TWO_SET = "two bare processes, later, malloc as in a box"
ALONE = {
    (FIRST, LATER): ("alone", False),
    (FIRST_SET, LATER_SET): ("alone", True),
    (FIRST_TWO, LATER_TWO): ("floor", False),
    (FIRST_TWO_SET, LATER_TWO_SET): ("floor", True),
}
"""What is run without walls: by which module, and whether with the settings of a box."""
_LATER_COUNT = 5
_LEVELS = get_args(Level)
_PEOPLE = ("box", "broker", "gate", OURS)

Runs = dict[tuple[Kind, str], list[Timing]]
"""By the kind of delegates, and who ran it."""


def measure(
    walls: Sequence[Isolation], folder: Path, port: int, count: int, kinds: Sequence[Kind] = (*KINDS, "short")
) -> Runs:
    """All negotiations."""
    runs: Runs = {}
    for _ in range(count):
        for kind in kinds:
            for (first, later), (module, settings) in ALONE.items():
                if module == "floor" and kind == "tactic":
                    continue  # nobody is asked
                one, *more = _alone(module, kind, folder, port, settings)
                runs.setdefault((kind, first), []).append(one)
                runs.setdefault((kind, later), []).extend(more)
            for wall in walls:
                timing = asyncio.run(walled(job(kind, folder, port), Watched(wall)))
                runs.setdefault((kind, wall.level), []).append(timing)
    return runs


def _alone(module: str, kind: Kind, folder: Path, port: int, settings: bool) -> list[Timing]:
    """A fresh process without walls, or two."""
    variables = clean(network=True) if settings else dict(os.environ)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            f"benchmarks.box.{module}",
            kind,
            str(folder),
            str(port),
            str(1 + _LATER_COUNT),
        ],
        env={**variables, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=True,
    )
    return [Timing(**found) for found in json.loads(done.stdout)]


def tables(runs: Runs) -> str:
    """What whole runs take, and what a move takes."""
    return f"### Whole runs\n\n{_whole(runs)}\n### A move\n\n{moves(runs)}\n### A further move\n\n{_further(runs)}"


def _whole(runs: Runs) -> str:
    parts = [f"{part} {what} ms" for what in ("wall", "CPU") for part in PARTS]
    lines = []
    for (kind, who), timings in runs.items():
        walls = [gauge.spread([1000 * timing.walls[part] for timing in timings]) for part in PARTS]
        cpus = [gauge.spread([1000 * timing.cpu(part) for timing in timings]) for part in PARTS]
        total = gauge.spread([1000 * timing.total_cpu for timing in timings])
        wipes = [1000 * timing.wipe_seconds for timing in timings if timing.wipe_seconds is not None]
        lines.append([kind, who, *walls, *cpus, total, gauge.spread(wipes, 1)])
    return gauge.table(["delegates", "", *parts, "CPU ms, all", "of it wiping, wall ms"], lines)


def moves(runs: Runs) -> str:
    """What a move takes, and what failed."""
    lines = []
    for (kind, who), timings in runs.items():
        each = _each(timings)
        bases = [_each(runs[kind, base]) for base in (FIRST, LATER)]
        ratios = [_ratio(each, base) for base in bases]
        ratios.append(f"{min(each) / min(bases[0]):.2f}" if each and bases[0] else "-")
        shares = [_share(timings, name) for name in _PEOPLE]
        late = [1000 * timing.late_move for timing in timings if timing.late_move is not None]
        lines.append([kind, who, gauge.spread(each, 2), *ratios, *shares, gauge.spread(late, 2)])
    head = [
        "delegates",
        "",
        "CPU ms a move",
        "to first",
        "to later",
        "fastest to fastest first",
        *_PEOPLE,
        "third to last turn",
    ]
    return gauge.table(head, lines) + "".join(_problems(runs))


def _further(runs: Runs) -> str:
    """What a move more costs, between the short job and the whole one, and what a run costs without any.

    Of the fastest run of each: whatever else the machine does only adds.
    """
    lines = []
    bases: dict[str, float] = {}
    for (kind, who), whole in runs.items():
        short = runs.get(("short", who))
        if kind != "server" or not short:
            continue
        more = whole[0].turns - short[0].turns
        parts = [_between(whole, short, name) / more for name in (None, *_PEOPLE)]
        bases[who] = parts[0]
        once = [_once(whole, name, part) for name, part in zip((None, *_PEOPLE), parts, strict=True)]
        lines.append(
            [
                who,
                f"{parts[0]:.2f}",
                *(f"{parts[0] / bases[base]:.2f}" if bases.get(base) else "-" for base in (FIRST, LATER)),
                *(f"{part:.2f}" if who in _LEVELS else "-" for part in parts[1:]),
                f"{once[0]:.1f}",
                *(f"{part:.1f}" if who in _LEVELS else "-" for part in once[1:]),
            ]
        )
    once_head = [f"once: {name}" for name in ("all", *_PEOPLE)]
    return gauge.table(["CPU ms", "a further move", "to first", "to later", *_PEOPLE, *once_head], lines)


def _between(whole: Sequence[Timing], short: Sequence[Timing], name: str | None) -> float:
    return _fastest(whole, name) - _fastest(short, name)


def _once(timings: Sequence[Timing], name: str | None, move: float) -> float:
    """What is left of a run if each of its moves costs this much."""
    return _fastest(timings, name) - move * timings[0].turns


def _fastest(timings: Sequence[Timing], name: str | None) -> float:
    """CPU milliseconds of the negotiation that took the least, of one process or of all."""
    best = min(timings, key=lambda timing: timing.cpu("negotiation"))
    return 1000 * (best.cpu("negotiation") if name is None else best.cpus["negotiation"].get(name, 0.0))


def _each(timings: Sequence[Timing], name: str | None = None) -> list[float]:
    """CPU of a move in milliseconds, of one process or of all."""
    found = []
    for timing in timings:
        if timing.turns:
            seconds = timing.cpu("negotiation") if name is None else timing.cpus["negotiation"].get(name, 0.0)
            found.append(1000 * seconds / timing.turns)
    return found


def _share(timings: Sequence[Timing], name: str) -> str:
    """What one process of several takes of a move; of two bare ones, that in its place."""
    several = all({name} < timing.cpus["negotiation"].keys() for timing in timings)
    return gauge.spread(_each(timings, name), 2) if several else "-"


def _ratio(values: Sequence[float], base: Sequence[float]) -> str:
    return f"{median(values) / median(base):.2f}" if values and base and median(base) else "-"


def _problems(runs: Runs) -> Iterator[str]:
    for (kind, who), timings in runs.items():
        for problem in sorted({timing.problem for timing in timings} - {""}):
            yield f"\nFailed: {kind}, {who}: {problem}\n"
