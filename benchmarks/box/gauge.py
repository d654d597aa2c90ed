"""What processes take: CPU of others to the nanosecond, memory as far as this user may look.

Linux only. Not covered: processes that have ended; the CPU of those is in `resource.RUSAGE_CHILDREN`.
"""

import resource
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_PAGE_BYTES = resource.getpagesize()


def cpu_seconds(pid: int) -> float:
    """The CPU that a process and its threads have taken. 0 if it is gone."""
    try:
        return time.clock_gettime(~pid << 3 | 2)  # the kernel's name for it: clock_getcpuclockid(3)
    except OSError:
        return 0.0


def reaped_seconds() -> float:
    """The CPU of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process holds."""

    resident_bytes: int
    """Shared pages count in full."""
    proportional_bytes: int | None
    """Shared pages count in parts. None: it may not be read, which a closed process of another user namespace may
    be by root alone."""

    @property
    def best_bytes(self) -> int:
        """The truer of both."""
        return self.resident_bytes if self.proportional_bytes is None else self.proportional_bytes


def memory(pid: int) -> Memory:
    """The memory of a process; nothing if it is gone."""
    try:
        resident = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * _PAGE_BYTES
    except OSError:
        return Memory(0, None)
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
        found = sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
        return Memory(resident, found or None)
    except OSError:
        return Memory(resident, None)


def spread(values: Iterable[float], digits: int = 0) -> str:
    """The median, and the lowest and the highest in brackets."""
    found: Sequence[float] = sorted(values)
    if not found:
        return "-"
    if len(found) == 1:
        return f"{found[0]:,.{digits}f}"
    return f"{median(found):,.{digits}f} ({found[0]:,.{digits}f} to {found[-1]:,.{digits}f})"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"
