"""`negbox box run`: hands two sealed briefs to an open box, waits, and writes what it releases."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from app import exits, results
from app.progress import ProgressView, shown
from app.results import AGREEMENT, STATEMENT, writable, write_all
from bargaining.errors import InvalidInputError, SandboxError
from delegates.budget import Budget
from sandbox import hatch
from sandbox.hatch import BRIEFS
from sandbox.seal import LARGEST_BYTES, SealedBrief
from sandbox.told import Finished, Refused, Turn


def deliver(files: Sequence[Path], at: Path, out: str, *, quiet: bool) -> int:
    """Hand in the briefs, wait for the result and write it.

    Returns:
        The exit code: 0 for an agreement or no deal, otherwise what cut the run short.

    Raises:
        InvalidInputError: There are not two sealed briefs, or no box is open, or it refuses them.
        SandboxError: The box has gone.
    """
    if len(files) != BRIEFS:
        raise InvalidInputError(
            "give both sealed briefs: negbox box run --at DIR A.sealed B.sealed --out RESULT"
        )
    sealed = [SealedBrief.from_bytes(_read(file)) for file in files]
    with _folder(out) as directory:
        told = _told(sealed, at, quiet=quiet)
        if told.agreement:
            write_all(directory, {AGREEMENT: told.agreement, STATEMENT: told.statement})
    if told.agreement:
        exits.say(
            f"Wrote {directory / AGREEMENT} and {directory / STATEMENT}. Check them: negbox verify {out}"
        )
    if told.said:
        exits.say(f"negbox: {_shown(told.said)}")
    if told.code == exits.OK and not told.agreement:
        raise SandboxError("whoever holds the box said neither a result nor why there is none")
    return told.code


@contextmanager
def _folder(out: str) -> Iterator[Path]:
    """The folder for the results. One that is made for them does not stay without any."""
    new = not Path(out).exists()
    directory = writable(out)
    assert directory is not None
    try:
        yield directory
    finally:
        if new:
            with suppress(OSError):  # there is something in it
                directory.rmdir()


def _told(sealed: Sequence[SealedBrief], at: Path, *, quiet: bool) -> Finished:
    """Hand in the briefs, show the turns, and wait for the end."""
    view = ProgressView(Budget())
    with hatch.visiting(at) as visit:
        visit.hand_in(sealed)
        with shown(view, Console(stderr=True), quiet=quiet) as observe:
            while isinstance(told := visit.hear(), Turn):
                observe(told.progress)
    if isinstance(told, Refused):
        raise InvalidInputError(_shown(told.why))
    return told


def _shown(text: str) -> str:
    """A text of whoever holds the box, without what could steer a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _read(file: Path) -> bytes:
    return results.contents(file, 4 * LARGEST_BYTES, "give what 'negbox brief seal' wrote")
