"""Where a canary is left: in the memory of processes, in files and their names, in raw disks and swap.

Covered: every mapping of a process that can be read, also those that it cannot read itself; files that changed,
their names, link targets and extended attributes; any device or image byte by byte, deleted files included.
Not covered: memory that no process holds (see `benchmarks/residue_ram`), graphics memory, other machines, the
encodings that `trace` leaves out; a raw device shows what was written to it, so `sync` first.

The scanner holds the canary, so it never reads itself: it says so in `skipped`. Whoever else may hold it, such as
the test that made it up, has to be named by the caller with a reason. What could not be read is listed, and then
nothing found means nothing known: `Scan.clean` is None. A canary is never part of a result.
"""

import errno
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from evals.scan import Canary, Hit, Scan, Search
from evals.trace import traces
from sandbox import memory
from sandbox.memory import PAGE

__all__ = ["Canary", "Hit", "Scan", "scan_files", "scan_process", "scan_processes", "scan_raw", "traces"]

CHUNK = 1 << 22
_GONE = {errno.ESRCH, errno.ENOENT}


def scan_process(pid: int, canary: Canary) -> Scan:
    """Look through a process's memory, which goes on meanwhile unless it was stopped."""
    search = Search(canary)
    _process(search, pid)
    return search.result()


def scan_processes(
    canary: Canary, *, except_: Mapping[int, str] | None = None, only: Collection[int] | None = None
) -> Scan:
    """Look through the memory of all processes of the machine but this one.

    Args:
        canary: What to look for.
        except_: Processes that may hold it, and why.
        only: Only these, if given.
    """
    search = Search(canary)
    left_out = {**(except_ or {}), os.getpid(): "the scanner, which holds the canary itself"}
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()):
        if only is not None and pid not in only:
            continue
        if pid in left_out:
            search.skipped.append((f"process {pid}", left_out[pid]))
        else:
            _process(search, pid)
    return search.result()


def scan_files(canary: Canary, roots: Iterable[Path], since: float = 0.0) -> Scan:
    """Look through files that changed, and the names of all, without following links.

    Args:
        canary: What to look for.
        roots: Folders, with all below them on the same file system.
        since: When the run started, as `time.time()` said; clocks of file systems lag by some milliseconds.
    """
    search = Search(canary)
    for root in roots:
        _tree(search, os.fsencode(root), since)
    return search.result()


def scan_raw(canary: Canary, path: Path) -> Scan:
    """Look through a device, an image of a file system, a swap file or any other file, byte by byte."""
    search = Search(canary)
    _file(search, os.path.realpath(os.fsencode(path)), search.shown(str(path)))
    return search.result()


def _process(search: Search, pid: int) -> None:
    unread = len(search.unread)
    try:
        mappings = memory.mappings(pid)
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
            for mapping in mappings:
                name = search.shown(mapping.name) or f"memory {mapping.permissions}"
                where = f"process {pid}, {name}"
                if mapping.is_special:
                    if not mapping.name.startswith("["):
                        search.unread.append((where, "a device: reading it could do anything"))
                    continue
                for start, length in _readable(search, pid, mapping, where):
                    search.stream(where, _chunks(search, file.fileno(), start, start + length, where))
        ended = mappings and not memory.mappings(pid)
    except OSError as error:
        ended = error.errno in _GONE
        if not ended:
            search.unread.append((f"process {pid}", _reason(error)))
    if ended:
        del search.unread[unread:]
        search.skipped.append((f"process {pid}", "it ended meanwhile"))


def _readable(search: Search, pid: int, mapping: memory.Mapping, where: str) -> list[memory.Range]:
    """All of a mapping; of one that its process may not read, often gigabytes set aside, what was ever used."""
    if "r" in mapping.permissions:
        return [(mapping.start, mapping.end - mapping.start)]
    try:
        return list(memory.touched(pid, mapping))
    except OSError as error:
        search.unread.append((where, _reason(error)))
        return []


def _tree(search: Search, top: bytes, since: float) -> None:
    def failed(error: OSError) -> None:
        if error.errno not in _GONE or error.filename == top:
            search.unread.append((search.shown(os.fsdecode(error.filename or top)), _reason(error)))

    try:
        found = os.lstat(top)
    except OSError as error:
        failed(error)
        return
    if stat.S_ISREG(found.st_mode):
        _file(search, top, search.shown(os.fsdecode(top)))
        return
    for folder, folders, files in os.walk(top, onerror=failed):
        shown = search.shown(os.fsdecode(folder))
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            try:
                entry = os.lstat(path)
                where = f"{shown}/{search.shown(os.fsdecode(name))}"
                search.stream(f"{shown}, a name in it", [name])
                if stat.S_ISLNK(entry.st_mode):
                    search.stream(f"{where}, where it points", [os.readlink(path)])
                _attributes(search, path, where)
                if stat.S_ISDIR(entry.st_mode) and entry.st_dev != found.st_dev:
                    folders.remove(name)
                    search.skipped.append((where, "another file system"))
                elif stat.S_ISREG(entry.st_mode) and max(entry.st_mtime, entry.st_ctime) >= since:
                    _file(search, path, where)
            except OSError as error:
                failed(error)


def _attributes(search: Search, path: bytes, where: str) -> None:
    with suppress(OSError):  # a file system without them; who may not read them may not read the file either
        for name in os.listxattr(path, follow_symlinks=False):
            value = os.getxattr(path, name, follow_symlinks=False)
            search.stream(f"{where}, an attribute", [os.fsencode(name), b"\0", value])


def _file(search: Search, path: bytes, where: str) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            end = os.lseek(descriptor, 0, os.SEEK_END)
            search.stream(where, _chunks(search, descriptor, 0, end, where))
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno != errno.ENOENT:
            search.unread.append((where, _reason(error)))


def _chunks(search: Search, descriptor: int, start: int, end: int, where: str) -> Iterator[bytes | None]:
    """Read a range; what cannot be read is narrowed down to pages, listed, and left as a gap."""
    at, step, missing = start, CHUNK, dict[str, int]()
    while at < end:
        length = min(step, end - at)
        try:
            data = os.pread(descriptor, length, at)
        except OSError as error:
            if error.errno in _GONE:
                raise
            if length > PAGE:
                step = PAGE
                continue
            missing[_reason(error)] = missing.get(_reason(error), 0) + length
            yield None
            at += length
        else:
            if not data:
                missing["it ended early"] = end - at
                break
            yield data
            at += len(data)
            step = CHUNK if at % CHUNK < PAGE else step
    search.unread += ((f"{where}, {lost} bytes", reason) for reason, lost in missing.items())


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else "could not be read"
