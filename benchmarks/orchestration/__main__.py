"""Measure what a negotiation costs, ours beside the raw SDK, a raw HTTP loop and other frameworks.

    python -m benchmarks.orchestration --setup          once: environments for the other frameworks
    python -m benchmarks.orchestration --out result     all of it, about ten minutes
    python -m benchmarks.orchestration --quick          a first look

Everybody does the same job with the same mock model (`job`, `script`, `server`). Each measurement is a process of
its own, on one core; the server has another. Linux only.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.orchestration.bench import QUICK, Bench, Plan, Row, cores, started_server
from benchmarks.orchestration.catalogue import CATALOGUE, RAW, Entry, find
from benchmarks.orchestration.environments import default_folder, set_up
from benchmarks.orchestration.report import tables
from evals import command

_TABLES = "orchestration.md"
_FIGURES = "orchestration.json"


def main() -> int:
    """Measure, print, write; after Ctrl-C what was measured until then."""
    options = _options()
    if options.setup:
        set_up(options.environments)
        return command.OK
    if options.out:
        _prepare(options.out)
    entries = [find(name) for name in options.peers]
    machine = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "peer and server core": cores(),
        "load before": round(os.getloadavg()[0], 2),
    }
    rows: list[Row] = []
    code = command.OK
    try:
        with tempfile.TemporaryDirectory(prefix="orchestration-") as folder:
            scratch = Path(folder)
            with started_server(scratch) as port:
                bench = Bench(options.environments, scratch, port)
                rows = bench.rows
                bench.run(entries, QUICK if options.quick else Plan())
    except KeyboardInterrupt:
        print("Interrupted: this is what was measured.", file=sys.stderr)
        code = command.INTERRUPTED
    machine["load after"] = round(os.getloadavg()[0], 2)
    text = f"{', '.join(f'{name} {value}' for name, value in machine.items())}\n\n{_tables(entries, rows)}"
    print(text)
    if options.out:
        (options.out / _TABLES).write_text(text, "utf-8")
        found = {"machine": machine, "rows": [asdict(row) for row in rows]}
        (options.out / _FIGURES).write_text(json.dumps(found, indent=1), "utf-8")
    return code


def _prepare(folder: Path) -> None:
    """See that the results can be written, before ten minutes are spent on them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (_TABLES, _FIGURES):
        (folder / name).touch()


def _tables(entries: Sequence[Entry], rows: Sequence[Row]) -> str:
    """The tables, without peers whose turn did not come."""
    seen = {row.peer for row in rows}
    return tables([entry for entry in entries if entry.name in seen], rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.orchestration", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--setup", action="store_true", help="install the other frameworks, and end")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, at most 128 at once")
    parser.add_argument("--peers", type=_names, default=_names(""), help="some of them, with commas between")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write the tables and all figures there")
    parser.add_argument(
        "--environments",
        type=Path,
        default=default_folder(),
        metavar="DIR",
        help="where other frameworks are installed (default: %(default)s)",
    )
    return parser.parse_args()


def _names(text: str) -> list[str]:
    known = [entry.name for entry in CATALOGUE]
    names = [name for name in text.split(",") if name] or known
    if unknown := set(names) - set(known):
        raise argparse.ArgumentTypeError(
            f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}"
        )
    # the raw SDK is always there: the ratios are against it
    return [name for name in known if name in {*names, RAW}]


if __name__ == "__main__":
    command.run(main)
