"""Runs the measurements: each in a fresh process, the repetitions of all peers interleaved."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fresh import NOT_INSTALLED
from benchmarks.orchestration.catalogue import Entry
from benchmarks.orchestration.environments import interpreter

ROOT = Path(__file__).parents[2]
LATENCY_MS = 50
_LONG_SECONDS = 10.0
_START = "import sys; sys.path.append(sys.argv.pop(1)); from benchmarks.orchestration import {0}; {0}.main()"
_HIDDEN = ("PYTHON", "OPENAI_", "ANTHROPIC_", "LANGCHAIN_", "LANGSMITH_", "NEGBOX_")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    cold: int = 3
    """Repetitions of a cold start."""
    sequential: int = 5
    """Repetitions of negotiations one after the other."""
    sequential_count: int = 10
    waves: Mapping[int, int] = field(default_factory=lambda: {16: 32, 128: 128, 512: 512})
    """How many negotiations are run, for each number that is run at once."""
    wave_repetitions: int = 3
    """Of a wave; one that took long is not repeated."""
    patience_seconds: float = 60.0
    """A wave that would take longer, by the rate of the smaller one, is left out."""


QUICK = Plan(
    cold=1,
    sequential=2,
    sequential_count=5,
    waves={16: 16, 128: 128},
    wave_repetitions=1,
    patience_seconds=15,
)


@dataclass(slots=True)
class Row:
    """One measurement, or why there is none."""

    peer: str
    kind: str
    """`audit`, `cold`, `sequential` or `wave`."""
    at_once: int = 1
    found: dict[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def rate(self) -> float:
        """Negotiations per second."""
        return float(self.found["negotiations"] / self.found["wall_seconds"])


class Bench:
    """One run over some peers.

    Args:
        folder: Where environments are.
        scratch: A temporary folder for whatever peers write.
        port: Of the mock server.
        say: Told about each measurement.
    """

    def __init__(self, folder: Path, scratch: Path, port: int, *, say: bool = True) -> None:
        self._folder, self._scratch, self._port, self._say = folder, scratch, port, say
        self._started = time.monotonic()
        self.rows: list[Row] = []
        """What was measured so far."""

    def run(self, entries: Sequence[Entry], plan: Plan) -> list[Row]:
        """All measurements. What is not installed gets one row that says so."""
        # the audit also compiles what is imported
        present = [entry for entry in entries if not self._measure(entry, "audit").problem]
        for _ in range(plan.cold):
            for entry in present:
                self._measure(entry, "cold")
        warm = {"warm_up": max(2, plan.sequential_count // 5), "count": plan.sequential_count}
        for _ in range(plan.sequential):
            for entry in present:
                self._measure(entry, "sequential", **warm)
        for repetition in range(plan.wave_repetitions):
            for at_once, count in plan.waves.items():
                for entry in present:
                    before = [row for row in self.rows if (row.peer, row.kind) == (entry.name, "wave")]
                    if not _is_worthwhile(before, at_once, count, plan, repetition):
                        continue
                    options = {"latency": LATENCY_MS, "count": count, "at_once": at_once}
                    self._measure(entry, "wave", **options)
        return self.rows

    def _measure(self, entry: Entry, kind: str, **options: int) -> Row:
        row = Row(entry.name, kind, options.get("at_once", 1))
        python = interpreter(entry, self._folder)
        if python is None:
            row.problem = "not installed"
        else:
            arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
            basics = [f"--peer={entry.name}", f"--kind={kind}", f"--port={self._port}", f"--cpu={cores()[0]}"]
            self._fill(row, [*_command(python, "measure"), *basics, *arguments])
        self.rows.append(row)
        if self._say:
            seconds = time.monotonic() - self._started
            what = row.problem or f"{row.found['process_seconds']:.1f} s"
            print(
                f"[{seconds:4.0f} s] {entry.name} {kind} {row.at_once}: {what}", file=sys.stderr, flush=True
            )
        return row

    def _fill(self, row: Row, command: Sequence[str], timeout_seconds: float = 180.0) -> None:
        started = time.perf_counter()
        with started_process(command, self._scratch) as process:
            try:
                said, complaints = process.communicate(timeout=timeout_seconds)
            except subprocess.TimeoutExpired:
                row.problem = f"took more than {timeout_seconds:.0f} s"
                return
        if process.returncode == NOT_INSTALLED:
            row.problem = "not installed"
        elif process.returncode:
            row.problem = f"failed: {(complaints.strip().splitlines() or ['without a word'])[-1][:200]}"
        else:
            row.found = {**json.loads(said), "process_seconds": time.perf_counter() - started}


def _is_worthwhile(before: Sequence[Row], at_once: int, count: int, plan: Plan, repetition: int) -> bool:
    same = [row for row in before if row.at_once == at_once]
    if any(row.problem for row in before) or len(same) != repetition:
        return False
    if same:
        return all(row.found["wall_seconds"] < _LONG_SECONDS for row in same)
    smaller = [row.rate for row in before if row.at_once < at_once]
    return not smaller or count / max(smaller) < plan.patience_seconds


def cores() -> tuple[int, int]:
    """A core for the peer and one for the server; the same one if there is no other."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


@contextmanager
def started_server(scratch: Path) -> Iterator[int]:
    """A mock server for a `with` block: its port. It ends with the block, and also if this process is killed."""
    command = [*_command(Path(sys.executable), "server"), f"--cpu={cores()[1]}"]
    with started_process(command, scratch) as process:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], 30)
        line = process.stdout.readline() if ready else ""
        if not line.strip().isdigit():
            raise RuntimeError("the mock server did not start")
        yield int(line)


@contextmanager
def started_process(command: Sequence[str], scratch: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process with a group of its own, none of which outlives the block."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=scratch,
        env=_variables(scratch),
        start_new_session=True,  # Ctrl-C is for us; we end it
    )
    try:
        with process:
            try:
                yield process
            finally:
                _kill_group(process.pid)
    finally:
        _kill_group(process.pid)


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _command(python: Path, module: str) -> list[str]:
    # the repository goes last: its packages have plain names that must not shadow a peer's
    return [str(python), "-P", "-c", _START.format(module), str(ROOT)]


def _variables(scratch: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_HIDDEN) and not name.lower().endswith("_proxy")
    }
    return kept | {
        "LANGSMITH_TRACING": "false",
        "PYTHONWARNINGS": "ignore",
        "TMPDIR": str(scratch),
        "HF_HUB_OFFLINE": "1",
    }
