"""What a process of the run looks like from outside, just before its end.

Covered: its limits, its swap, tracing variables in the environment that it started with, files that it has open for
writing, what it started. Only yes, no and numbers are kept.
Not covered: what it did before; other processes of the machine. The names that a process gives itself and its
mappings (prctl) pass through the caller's memory.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from sandbox import host
from sandbox.fact import Fact, Known, Unknown, read

_LARGEST_ENVIRONMENT = 1 << 18
_TRACING = host.tracing_pattern()


@dataclass(frozen=True, slots=True)
class Witness:
    """One process, as it was."""

    file_limit: Fact[int | None]
    """The largest file that it may write, in bytes; None: no limit."""
    dumping: Fact[bool]
    """Whether the kernel is writing its core dump."""
    swapped_bytes: Fact[int]
    tracing: Fact[bool]
    """Whether it was started with a tracing or logging variable."""
    writing: Fact[int]
    """How many files it has open for writing."""


def look(pid: int) -> Witness:
    """Look at a process. What cannot be seen is unknown."""
    folder = Path(f"/proc/{pid}")
    return Witness(
        file_limit=read(folder / "limits", _file_limit),
        dumping=read(folder / "status", lambda text: _status(text, "CoreDumping") != "0"),
        swapped_bytes=read(folder / "status", lambda text: int(_status(text, "VmSwap").split()[0]) * 1024),
        tracing=_tracing(folder / "environ"),
        writing=_writing(folder),
    )


def children(pid: int) -> list[int]:
    """The processes that a process started, its threads included, and that have not ended.

    Raises:
        OSError: The list of processes cannot be read.
    """
    return [int(entry) for entry in os.listdir("/proc") if entry.isdecimal() and _parent(entry) == str(pid)]


def _parent(pid: str) -> str:
    stat = read(Path(f"/proc/{pid}/stat"), lambda text: text.rpartition(") ")[2].split()[1])
    return stat.value if isinstance(stat, Known) else ""  # it ended meanwhile


def _file_limit(text: str) -> int | None:
    hard = text.partition("Max file size")[2].split()[1]
    return None if hard == "unlimited" else int(hard)


def _status(text: str, field: str) -> str:
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}[
        field
    ]


def _tracing(environ: Path) -> Fact[bool]:
    """Look without taking anything along: a hostile process can write a secret where its environment was."""
    buffer = bytearray(_LARGEST_ENVIRONMENT)
    try:
        with environ.open("rb", buffering=0) as file:
            length = 0
            while more := file.readinto(memoryview(buffer)[length:]):
                length += more
        if length == len(buffer):
            return Unknown("an environment is too large to look through")
        return Known(_TRACING.search(buffer, 0, length) is not None)
    except OSError as error:
        return Unknown(f"an environment cannot be read: {error.strerror}")
    finally:
        buffer[:] = bytes(len(buffer))


def _writing(folder: Path) -> Fact[int]:
    """Regular files open for writing. A deleted file counts: its blocks stay on the disk."""
    count = 0
    try:
        for entry in (folder / "fd").iterdir():
            flags = read(folder / "fdinfo" / entry.name, lambda text: int(_status(text, "flags"), 8))
            if isinstance(flags, Unknown):
                return flags
            count += S_ISREG(entry.stat().st_mode) and flags.value & os.O_ACCMODE != os.O_RDONLY
    except OSError as error:
        return Unknown(f"open files cannot be listed: {error.strerror}")
    return Known(count)
