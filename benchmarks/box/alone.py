"""Negotiations in one fresh process, without walls: what a boxed one is compared with. Prints one JSON object.

    python -m benchmarks.box.alone KIND FOLDER PORT COUNT

It loads and rehearses first what box and broker do. The first negotiation is what a box does once; later ones are warm.
"""

import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.box.job import Kind, job
from benchmarks.box.timing import Timing, in_process
from sandbox.rehearsal import rehearse
from sandbox.warmup import warm_up


async def run(kind: Kind, folder: Path, port: int, count: int) -> list[Timing]:
    """So many negotiations, one after the other."""
    return [await in_process(job(kind, folder, port)) for _ in range(count)]


def main() -> None:
    """Run and print."""
    kind, folder, port, count = sys.argv[1:]
    rehearse()
    seats = job(kind, Path(folder), int(port)).seats  # type: ignore[arg-type]
    asyncio.run(warm_up({str(seat.model) for seat in seats.values()}))
    timings = asyncio.run(run(kind, Path(folder), int(port), int(count)))  # type: ignore[arg-type]
    json.dump([asdict(timing) for timing in timings], sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # with the settings of a box, an orderly end takes long


if __name__ == "__main__":
    main()
