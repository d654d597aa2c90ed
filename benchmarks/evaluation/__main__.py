"""Measure what a thousand evaluated negotiations cost, ours beside Inspect, on the same mock server in one run.

    python -m benchmarks.evaluation --python DIR/bin/python       an interpreter that has inspect-ai
    python -m benchmarks.evaluation --python ... --quick          a first look

Each measurement is a process of its own on one core, after a warm-up; the server has the other, and its time does not
count. Rounds go through all in turn. Linux only.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fresh import NOT_INSTALLED
from benchmarks.orchestration.bench import ROOT, cores, started_process, started_server
from benchmarks.orchestration.job import MOVES
from evals import command

_START = (
    "import sys; sys.path.append(sys.argv.pop(1)); from benchmarks.evaluation import measure; measure.main()"
)
_PATIENCE_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Way:
    """A way to evaluate."""

    title: str
    kind: str
    """Of its module."""
    logged: bool = False


OURS = Way("**ours**: `evals.sweep`, advisor, guard, referee, detectors", "sweep")
WAYS = (
    OURS,
    Way("Inspect, as it comes", "inspect", logged=True),
    Way("Inspect, `--no-log-samples --no-log-realtime`", "inspect"),
)


def main() -> int:
    """Measure and print."""
    options = _options()
    rounds, count, many = (1, 60, 200) if options.quick else (options.rounds, options.count, 1000)
    found: dict[str, list[dict[str, Any]]] = {way.title: [] for way in WAYS}
    memory: dict[str, Any] = {}
    code = command.OK
    try:
        with (
            tempfile.TemporaryDirectory(prefix="evaluation-") as folder,
            started_server(Path(folder)) as port,
        ):
            for number in range(rounds):
                for way in WAYS:
                    found[way.title].append(_measured(way, options.python, Path(folder), port, number, count))
            memory = _measured(OURS, options.python, Path(folder), port, rounds, many)
    except KeyboardInterrupt:
        print("Interrupted: this is what was measured.", file=sys.stderr)
        code = command.INTERRUPTED
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load after {os.getloadavg()[0]:.1f}\n"
    )
    print(table(found))
    if memory:
        print(f"\nMemory of ours, MB: {growth(memory['memory_kb'])}")
    return code


def table(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The table in Markdown: medians over rounds, in brackets the lowest and the highest.

    Args:
        found: Measurements by title, in the order of rounds; those of ours, too.
    """
    lines = [
        "|  | CPU ms a negotiation | a call | ours to it | with start and warm-up | peak MB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    whole_rounds = min(map(len, found.values()))
    for title, some in ((title, all_of[:whole_rounds]) for title, all_of in found.items() if whole_rounds):
        each = [1000 * one["cpu_seconds"] / one["negotiations"] for one in some]
        ratios = [
            ours["cpu_seconds"] / one["cpu_seconds"]
            for ours, one in zip(found[OURS.title], some, strict=False)
        ]
        whole = [1000 * one["whole_cpu_seconds"] / one["negotiations"] for one in some]
        cells = (
            _spread(each, 1),
            f"{statistics.median(each) / MOVES:.2f}",
            _spread(ratios, 2),
            _spread(whole, 1),
            f"{max(one['memory_peak_kb'] for one in some) / 1024:.0f}",
        )
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def growth(memory_kb: Mapping[str, int]) -> str:
    """What memory was after so many negotiations, and what each added in the second half.

    Args:
        memory_kb: By how many were done.
    """
    points = {int(count): kb for count, kb in memory_kb.items()}
    most = max(points)
    shown = (n for n in sorted(points) if n in {most // 10, most // 4, most // 2, 3 * most // 4, most})
    late = sorted(n for n in points if n >= most // 2)
    slope = statistics.linear_regression(late, [points[n] for n in late]).slope
    return (
        ", ".join(f"{points[n] / 1024:.1f} after {n}" for n in shown)
        + f"; in the second half {1024 * slope:.0f} bytes more for each"
    )


def _spread(values: Sequence[float], digits: int) -> str:
    low, middle, high = (f"{one:.{digits}f}" for one in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low} to {high})" if len(values) > 1 else middle


def _measured(way: Way, python: Path, scratch: Path, port: int, number: int, count: int) -> dict[str, Any]:
    address = f"http://127.0.0.1:{port}/{way.kind}{int(way.logged)}-{number}/0/0/v1"
    interpreter = sys.executable if way is OURS else str(python)
    line = [interpreter, "-P", "-c", _START, str(ROOT), f"--kind={way.kind}", f"--address={address}"]
    line += [f"--count={count}", f"--cpu={cores()[0]}", *(["--logged"] if way.logged else [])]
    with started_process(line, scratch) as process:
        try:
            said, complaints = process.communicate(timeout=_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"{way.title}: took more than {_PATIENCE_SECONDS} s") from None
    if process.returncode == NOT_INSTALLED:
        raise SystemExit("inspect-ai is not installed there; give --python an interpreter that has it")
    if process.returncode:
        last = (complaints.strip().splitlines() or ["without a word"])[-1]
        raise SystemExit(f"{way.title}: failed: {last[:300]}")
    found: dict[str, Any] = json.loads(said)
    each = 1000 * found["cpu_seconds"] / count
    print(
        f"round {number + 1}, {count} of {way.title}: {each:.1f} ms of CPU each", file=sys.stderr, flush=True
    )
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evaluation", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "--python", type=Path, required=True, metavar="FILE", help="an interpreter that has inspect-ai"
    )
    parser.add_argument("--rounds", type=int, default=4, help="(default: %(default)s)")
    parser.add_argument(
        "--count", type=int, default=250, help="negotiations in a round (default: %(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="one round of 60, memory over 200")
    return parser.parse_args()


if __name__ == "__main__":
    command.run(main)
