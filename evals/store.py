"""Where a sweep keeps its rows: a line of JSON for each negotiation, written at once, in a folder with its plan.

Covered: a sweep that is killed goes on where it stopped, with nothing lost but the line that was being written, and
nothing counted twice; a folder belongs to one plan, and to one sweep at a time.
Not covered: a file system that forgets what was flushed.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from bargaining.errors import InvalidInputError
from evals.case import Row

ROWS, PLAN = "rows.jsonl", "plan.json"
PROGRESS = "progress.json"
"""How far the sweep is: {total, done, missing, usd, left_seconds, ended}."""


class Store:
    """Made by `opened`.

    Args:
        stream: Where rows are appended, in bytes and without a buffer.
        rows: Those that were there.
    """

    def __init__(self, stream: BinaryIO, rows: Sequence[Row]) -> None:
        self._stream = stream
        self._rows = {row.case.key: row for row in rows}

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, oldest first."""
        return tuple(self._rows.values())

    def has(self, key: str) -> bool:
        """Whether this case is done."""
        return key in self._rows

    def add(self, row: Row) -> None:
        """Keep a row: when this returns, it survives the end of the process."""
        if self.has(row.case.key):
            raise AssertionError("a case was run twice")
        self._stream.write(row.model_dump_json().encode() + b"\n")
        self._stream.flush()
        self._rows[row.case.key] = row


@contextmanager
def opened(folder: Path, plan: Mapping[str, Any], *, resume: bool) -> Iterator[Store]:
    """The store in a folder.

    Args:
        folder: Made if it is not there.
        plan: What is asked for; the same when it is resumed.
        resume: Go on with what is there.

    Raises:
        InvalidInputError: There are rows already, or of another plan; another sweep is at work; it cannot be written.
    """
    problem = ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ROWS).open("a+b") as stream:
            if not _alone(stream):
                raise InvalidInputError(f"{folder}: another sweep is at work there; choose another --out")
            rows = _taken_up(folder, stream, plan, resume=resume)
            yield Store(stream, rows)
            return
    except OSError as error:
        problem = f"{folder}: cannot be used ({error.strerror}); choose another --out"
    raise InvalidInputError(problem)


def read(folder: Path) -> tuple[Mapping[str, Any], tuple[Row, ...]]:
    """The plan and the rows in a folder.

    Raises:
        InvalidInputError: There are none, or they are not rows.
    """
    try:
        rows, _ = _whole((folder / ROWS).read_bytes(), folder)
        return _plan(folder), rows
    except OSError:
        pass
    raise InvalidInputError(
        f"{folder}: no results are there; give a folder that 'negbox eval run --out' wrote"
    )


def planned(folder: Path) -> int:
    """How many rows there are to be. 0: nobody wrote that down."""
    try:
        return int(json.loads((folder / PROGRESS).read_text("utf-8"))["total"])
    except (OSError, ValueError, LookupError, TypeError):
        return 0


def replaced(file: Path, text: str) -> None:
    """Write a file whole or not at all, in place of what was there: somebody may be looking at it."""
    partial = file.with_suffix(".part")
    with partial.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)


def _plan(folder: Path) -> Mapping[str, Any]:
    """What was asked for.

    Raises:
        InvalidInputError: It cannot be read.
    """
    with suppress(ValueError):
        found: object = json.loads((folder / PLAN).read_text("utf-8"))
        if isinstance(found, dict):
            return found
    raise InvalidInputError(
        f"{folder / PLAN}: is damaged, so nobody knows what the rows are of; choose another folder"
    )


def _alone(stream: BinaryIO) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _taken_up(folder: Path, stream: BinaryIO, plan: Mapping[str, Any], *, resume: bool) -> Sequence[Row]:
    stream.seek(0)
    there = stream.read()
    if there and not resume:
        count = there.count(b"\n")
        raise InvalidInputError(
            f"{folder}: holds {count} rows already; add --resume, or choose another --out"
        )
    written = json.dumps(plan, indent=1, sort_keys=True)
    file = folder / PLAN
    if file.exists() and resume and file.read_bytes() != written.encode():
        _plan(folder)
        raise InvalidInputError(
            f"{folder}: holds the results of another plan; choose another --out, or give the same options as then"
        )
    rows, good = _whole(there, folder)
    if good < len(there):
        os.truncate(stream.fileno(), good)
    replaced(file, written)
    return rows


def _whole(there: bytes, folder: Path) -> tuple[tuple[Row, ...], int]:
    """All rows, and how many bytes they are: a last line that was being written is none, any other must be one."""
    rows: list[Row] = []
    *lines, torn = there.split(b"\n")  # and at nothing else: a name may hold what else ends a line somewhere
    for number, line in enumerate(lines, 1):
        row: Row | None = None
        with suppress(ValidationError):
            row = Row.model_validate_json(line)
        if row is None:
            raise InvalidInputError(
                f"{folder / ROWS}:{number}: is no row of this version; choose another --out"
            )
        rows.append(row)
    return tuple(rows), len(there) - len(torn)
