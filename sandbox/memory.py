"""Another process's memory, from outside: its mappings, and writing zeros over all that it could have written.

Covered: every writable mapping that belongs to the process alone (heap, stacks, anonymous memory, the data of
libraries) and memory shared without a file, in all threads' one address space, while the process stands still. It
needs no privilege if the process lives in a user namespace that the caller owns, even if it is not dumpable.
Not covered: pages that the process gave back before (a malloc that keeps them, or `init_on_free`, closes this);
what it made read-only; registers saved in the kernel; socket and pipe buffers; pages shared with a file on disk;
copies in swap; graphics memory. The calls are the C library's, so the same on x86-64 and aarch64; only x86-64 was
run.
"""

import ctypes
import errno
import os
import re
import signal
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Range: TypeAlias = tuple[int, int]
"""Start address and length."""

PAGE = os.sysconf("SC_PAGE_SIZE")
STOP_SECONDS = 1.0
"""How long a process may take to stand still. One that sleeps in the kernel wakes up for it in microseconds."""
_MOST_AT_ONCE = 1024  # IOV_MAX
_PIECE = 1 << 20
_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ (\S+) \d+ *(.*)")
_SHARED_WITHOUT_FILE = ("/dev/zero", "/memfd:", "/SYSV", "/anon_hugepage")
_PRESENT_OR_SWAPPED = 0b11 << 62  # of an entry in pagemap


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


@dataclass(frozen=True, slots=True)
class Mapping:
    """One mapping of a process."""

    start: int
    end: int
    permissions: str
    """As in `rw-p`."""
    name: str
    """A file, a kernel's word such as `[stack]`, or nothing."""

    @property
    def is_ours_to_wipe(self) -> bool:
        """Whether what is in it was put there by the process and belongs to nobody else."""
        if "w" not in self.permissions or self.is_special:
            return False
        return self.permissions.endswith("p") or self.name.startswith(_SHARED_WITHOUT_FILE)

    @property
    def is_special(self) -> bool:
        """Whether it is the kernel's, or a device: touching it could do anything."""
        plain = ("/dev/zero", "/dev/shm/")  # noqa: S108 - names to compare with
        device = self.name.startswith("/dev/") and not self.name.startswith(plain)
        return device or self.name.startswith(("[vvar", "[vsyscall", "[vdso"))


@dataclass(frozen=True, slots=True)
class Wiped:
    """What a wipe did."""

    bytes: int
    """Overwritten."""
    failed_bytes: int
    seconds: float
    reason: str = ""
    """Why something could not be overwritten, if so."""

    @property
    def complete(self) -> bool:
        """Whether something was there to overwrite, and all of it was."""
        return self.bytes > 0 and self.failed_bytes == 0 and not self.reason


def mappings(pid: int) -> tuple[Mapping, ...]:
    """All mappings of a process; none if it has ended but was not waited for.

    Raises:
        OSError: They cannot be read, or there is no such process.
    """
    text = Path(f"/proc/{pid}/maps").read_bytes().decode("utf-8", "surrogateescape")
    lines = [line for line in text.split("\n") if line]  # a name may hold what `splitlines` splits on
    found = [match.groups() for match in map(_LINE.match, lines) if match]
    assert len(found) == len(lines), "a line of maps that is not one"
    return tuple(Mapping(int(start, 16), int(end, 16), how, name) for start, end, how, _, name in found)


def touched(pid: int, mapping: Mapping) -> Iterator[Range]:
    """The parts of a mapping that were ever used: what was not holds nothing, and writing would fill the RAM.

    Raises:
        OSError: It cannot be told.
    """
    entries = array("Q")
    with Path(f"/proc/{pid}/pagemap").open("rb", buffering=0) as file:
        file.seek(mapping.start // PAGE * 8)
        entries.frombytes(_exactly(file.read, (mapping.end - mapping.start) // PAGE * 8))
    start: int | None = None
    for page, entry in enumerate(entries):
        address = mapping.start + page * PAGE
        if entry & _PRESENT_OR_SWAPPED:
            start = address if start is None else start
        elif start is not None:
            yield start, address - start
            start = None
    if start is not None:
        yield start, mapping.end - start


def wipe(pid: int) -> Wiped:
    """Stop a process and overwrite its memory with zeros. It must be killed afterwards, and never woken."""
    begun = time.perf_counter()
    done, failed, reasons = 0, 0, []
    try:
        if not stop(pid):
            reasons.append("it did not stand still")
        for mapping in mappings(pid):
            if not mapping.is_ours_to_wipe:
                if "w" in mapping.permissions and not mapping.is_special:
                    reasons.append("memory shared with a file was left")
                continue
            written, broken, problem = _overwrite(pid, list(_pieces(pid, mapping)))
            done, failed = done + written, failed + broken
            reasons += [problem] if problem else []
        if not done and not reasons:
            reasons.append("it had ended, and its memory was given back as it was")
    except OSError as error:
        gone = error.errno in {errno.ESRCH, errno.ENOENT}
        reasons.append("it had ended" if gone else f"not allowed: {error.strerror}")
    return Wiped(done, failed, time.perf_counter() - begun, "; ".join(dict.fromkeys(reasons)))


def stop(pid: int, seconds: float = STOP_SECONDS) -> bool:
    """Stop all threads of a process, and wait until they stand still. False if some did not.

    Raises:
        OSError: There is no such process, or it is not ours.
    """
    if pid <= 0 or pid == os.getpid():  # to kill() these are groups, everybody, or ourselves
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
    os.kill(pid, signal.SIGSTOP)
    until = time.monotonic() + seconds
    while not all(state in "TtZX" for state in _states(pid)):
        if time.monotonic() > until:
            return False
        time.sleep(0.0002)
    return True


def _states(pid: int) -> Iterator[str]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ended meanwhile
            yield (task / "stat").read_text(errors="replace").rpartition(") ")[2][:1]


def _pieces(pid: int, mapping: Mapping) -> Iterator[Range]:
    try:
        ranges = list(touched(pid, mapping))
    except OSError:  # a kernel without pagemap: then all of it
        ranges = [(mapping.start, mapping.end - mapping.start)]
    for start, length in ranges:
        yield from ((start + at, min(_PIECE, length - at)) for at in range(0, length, _PIECE))


def _overwrite(pid: int, pieces: list[Range]) -> tuple[int, int, str]:
    """Write zeros: how many bytes were written, how many could not be, and why."""
    zeros = ctypes.create_string_buffer(_PIECE)
    done, failed, problem = 0, 0, ""
    while pieces:
        batch, pieces = pieces[:_MOST_AT_ONCE], pieces[_MOST_AT_ONCE:]
        written, number = _write(pid, batch, zeros)
        done += written
        rest = list(_after(batch, written))
        if not rest:
            continue
        if number in {errno.EPERM, errno.ESRCH}:
            return done, failed + sum(length for _, length in rest + pieces), os.strerror(number)
        start, length = rest.pop(0)  # the one that broke: page by page, to lose no more than must be
        if length > PAGE:
            rest = [(start + at, min(PAGE, length - at)) for at in range(0, length, PAGE)] + rest
        elif not written:
            failed, problem = failed + length, os.strerror(number)
        else:
            rest.insert(0, (start, length))
        pieces = rest + pieces
    return done, failed, problem


def _write(pid: int, batch: Sequence[Range], zeros: "ctypes.Array[ctypes.c_char]") -> tuple[int, int]:
    here = (_Vector * len(batch))(*(_Vector(ctypes.addressof(zeros), length) for _, length in batch))
    there = (_Vector * len(batch))(*(_Vector(start, length) for start, length in batch))
    call = ctypes.CDLL(None, use_errno=True).process_vm_writev
    call.restype = ctypes.c_ssize_t
    written = int(
        call(pid, here, ctypes.c_ulong(len(batch)), there, ctypes.c_ulong(len(batch)), ctypes.c_ulong(0))
    )
    return (written, 0) if written >= 0 else (0, ctypes.get_errno())


def _after(batch: Sequence[Range], written: int) -> Iterator[Range]:
    """What is left of a batch, of which some bytes were written."""
    for start, length in batch:
        if written < length:
            yield start + written, length - written
        written = max(0, written - length)


def _exactly(read: Callable[[int], bytes | None], length: int) -> bytes:
    data = b""
    while len(data) < length:
        more = read(length - len(data))
        if not more:
            raise OSError(errno.EIO, "cut short")
        data += more
    return data
