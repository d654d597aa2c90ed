"""Measure what the box costs: start-up, whole negotiations, moves, memory, many at once, wiping.

    python -m benchmarks.box                        all of it, some minutes
    python -m benchmarks.box --quick                a first look
    python -m benchmarks.box --parts runs,profile   some of it
    python -m benchmarks.box --parts move           a move alone, more often

In one run: our walls at each level that this machine reaches, no walls, and other people's where they are in PATH
(runsc, nsjail, unshare). The mock server of `benchmarks.orchestration` plays the models. Linux only.
"""

import argparse
import gc
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.box import crowd, gauge, profile, start, whole
from benchmarks.box.job import KINDS
from benchmarks.orchestration.bench import started_server
from evals import command
from sandbox import host
from sandbox.host import Facts
from sandbox.isolation import ladder
from sandbox.isolation.interface import Isolation

PARTS = ("start", "runs", "memory", "crowd", "profile")
MOVE = "move"
"""What a move takes at each level and without walls: a part of `runs`, more often repeated."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    starts: int = 5
    runs: int = 5
    moves: int = 12
    at_once: int = 16
    profiled: int = 60
    sampled: int = 30


QUICK = Plan(starts=2, runs=2, moves=3, at_once=4, profiled=10, sampled=3)


def main() -> int:
    """Measure, and print each part when it is there."""
    options = _options()
    plan = QUICK if options.quick else Plan()
    if options.at_once:
        plan = replace(plan, at_once=options.at_once)
    facts = host.gather()
    walls = [ladder.build(level, facts) for level in ladder.available(facts)]
    print(_machine(walls), flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix="box-") as folder, started_server(Path(folder)) as port:
            for text in _measured(options.parts, plan, walls, facts, Path(folder), port):
                print(text, flush=True)
    except KeyboardInterrupt:
        print("Interrupted: this is what was measured.", file=sys.stderr)
        return command.INTERRUPTED
    print(f"load after {os.getloadavg()[0]:.2f}")
    return command.OK


def _measured(
    parts: list[str], plan: Plan, walls: list[Isolation], facts: Facts, folder: Path, port: int
) -> Iterator[str]:
    began = time.monotonic()
    for part in parts:
        gc.collect()
        match part:
            case "start":
                yield f"## Start-up\n\n{start.table(start.measure(walls, facts, plan.starts))}"
                waits = gauge.spread([1000 * s for s in start.from_pool(walls[0], plan.starts)], 3)
                yield f"From asking a warm pool ({walls[0].level}) to a box with its key, ms: {waits}\n"
            case "runs":
                yield f"## Negotiations\n\n{whole.tables(whole.measure(walls, folder, port, plan.runs))}"
            case "move":
                runs = whole.measure(walls, folder, port, plan.moves, ["server"])
                yield f"## A move\n\n{whole.moves(runs)}"
            case "memory":
                yield f"## Memory\n\n{crowd.idle_table(crowd.idle(walls, facts))}"
            case "crowd":
                crowds = [crowd.crowd(walls[0], folder, port, kind, plan.at_once) for kind in KINDS]
                yield f"## At once\n\n{crowd.table(crowds)}"
            case "profile":
                shares = profile.profile(walls[0], folder, port, plan.profiled, plan.sampled)
                yield f"## Where it goes\n\n{shares.table()}"
        print(f"[{time.monotonic() - began:4.0f} s] {part}", file=sys.stderr, flush=True)


def _machine(walls: list[Isolation]) -> str:
    known = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "user": "root" if os.geteuid() == 0 else "ordinary",
        "walls": ", ".join(wall.level for wall in walls),
        "load before": f"{os.getloadavg()[0]:.2f}",
    }
    return ", ".join(f"{name} {value}" for name, value in known.items()) + "\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.box", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, four at once")
    parser.add_argument(
        "--parts", type=_parts, default=list(PARTS), help=f"some of {','.join(PARTS)}, or {MOVE}"
    )
    parser.add_argument("--at-once", type=command.whole(1), help="how many negotiations are run at once")
    return parser.parse_args()


def _parts(text: str) -> list[str]:
    names = text.split(",")
    known = (*PARTS, MOVE)
    if unknown := set(names) - set(known):
        raise argparse.ArgumentTypeError(
            f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}"
        )
    return [name for name in known if name in names]


if __name__ == "__main__":
    command.run(main)
