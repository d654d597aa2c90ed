"""The instruments of an aftermath, each with a control: what it must find, or else it has measured nothing.

Covered: memory of whoever survived; who holds it while the run lives, and the commands just before they end; files,
the raw disk, swap, core dumps, what the commands showed.
Not covered: memory that no process holds (see `benchmarks/residue_ram`); processes and files that the run had no
part in; logs of the system, which the command never writes to. A finding tells where, never what.
"""

import resource
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from evals import residue
from evals.aftermath.place import Place
from evals.scan import Scan, Search
from sandbox import host
from sandbox.fact import Fact, Known

Instrument: TypeAlias = Literal["memory", "living", "files", "disk", "swap", "cores", "shown"]
INSTRUMENTS: tuple[Instrument, ...] = get_args(Instrument)
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - it is looked into, not used
_MORE_LOOKS = 4
"""A process that loads its modules takes memory and gives it back: a look can miss some of it."""
_HOLD = """
import resource, sys
kept = bytes(byte ^ 0x5A for byte in bytes.fromhex(sys.stdin.readline()))
most = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (most, most))
print(flush=True)
sys.stdin.readline()
import os
os.abort()
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What an instrument says."""

    result: Literal["clean", "found", "unmeasured"]
    detail: str


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of the memory of one process of the run."""

    who: str
    when: str
    due: bool
    """Whether it has to hold the canary then: if so it is a control, else it must not."""
    scan: Scan

    @property
    def holds(self) -> bool | None:
        """None: it could not be read."""
        return None if self.scan.clean is None else not self.scan.clean


@contextmanager
def holder(canary: str, cwd: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that holds the canary, and crashes once it is told anything."""
    child = subprocess.Popen(  # noqa: S603 - our own
        [sys.executable, "-I", "-S", "-c", _HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=cwd,
    )
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(bytes(byte ^ 0x5A for byte in canary.encode()).hex().encode() + b"\n")
        child.stdin.flush()
        child.stdout.readline()
        try:
            yield child
        finally:
            child.kill()


def memory(canary: str, survivors: Collection[int], control: int) -> Finding:
    """The memory of whoever survived."""
    seen = residue.scan_processes(canary, only=survivors)
    planted = residue.scan_process(control, canary)
    if not survivors:
        return _judged(Scan(read_bytes=1), planted, "none survived")
    return _judged(seen, planted, f"{len(survivors)} survived")


def look(canary: str, who: str, pid: int, when: str, *, due: bool) -> Look:
    """Look through a process of the run; again while some of it could not be read, as it goes on meanwhile."""
    scan = residue.scan_process(pid, canary)
    for _ in range(_MORE_LOOKS):
        if scan.clean is None:
            scan = residue.scan_process(pid, canary)
    return Look(who, when, due, scan)


def living(canary: str, looks: Collection[Look], control: int) -> Finding:
    """Whether only those who have to held it. They are controls too: each was looked at in the same way."""
    if not looks:
        return Finding("unmeasured", "nobody could be looked at")
    looks = [*looks, look(canary, "who holds it beside", control, "afterwards", due=True)]
    found = [f"{one.who}, {one.when}" for one in looks if one.scan.hits and not one.due]
    if found:
        return Finding("found", "; ".join(dict.fromkeys(found)))
    blind = [f"{one.who}, {one.when}" for one in looks if one.holds is not one.due]
    if blind:
        return Finding("unmeasured", f"not seen for certain: {'; '.join(dict.fromkeys(blind))}")
    return Finding("clean", f"{len(looks)} looks, {sum(one.due for one in looks)} controls")


def files(canary: str, place: Place, since: float) -> Finding:
    """Files that changed where the run may write, their names, and shared memory."""
    (place.control / "file").write_text(canary)
    roots = [place.root, *([SHARED_MEMORY] if SHARED_MEMORY.is_dir() else [])]
    seen = residue.scan_files(canary, roots, since)
    number = sum(1 for path in place.root.rglob("*") if path.is_file())
    return _judged(seen, residue.scan_files(canary, [place.control], since), f"{number} files")


def disk(canary: str, place: Place) -> Finding:
    """The raw disk that held the folders, deleted files included. The disk is not there any more afterwards."""
    if place.image is None:
        return Finding("unmeasured", place.problem)
    if problem := place.detach():
        return Finding("unmeasured", problem)
    seen = residue.scan_raw(canary, place.image)
    if problem := place.plant(canary.encode()):
        return Finding("unmeasured", f"the control: {problem}")
    return _judged(seen, residue.scan_raw(canary, place.image), f"{seen.read_bytes >> 20} MiB")


def swap(canary: str, before: Fact[int]) -> Finding:
    """Whether something was written to swap."""
    found = host.swap()
    if found == Known(()):
        return Finding("clean", "this machine has no swap")
    if isinstance(before, Known) and before == host.swapped_out_pages():
        return Finding("clean", "no page was written to swap")
    if isinstance(found, Known):
        hits = [hit for area in found.value for hit in residue.scan_raw(canary, Path(area.name)).hits]
        if hits:
            return Finding("found", "in swap")
    return Finding("unmeasured", "pages were written to swap, perhaps some of these")


def cores(canary: str, place: Place, since: float, control: "subprocess.Popen[bytes]") -> Finding:
    """Core dumps. The holder is made to crash beside, to see whether a crash leaves one here at all."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern[:1] in {"|", "@", "/"}:
        return Finding("unmeasured", "core dumps go elsewhere on this machine")
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        return Finding("clean", "no process of this user may leave one")
    assert control.stdin is not None
    control.stdin.write(b"\n")
    control.stdin.flush()
    control.wait()
    seen = residue.scan_files(canary, [place.root], since)
    number = sum(1 for path in place.root.rglob("core*") if path.is_file())
    return _judged(seen, residue.scan_files(canary, [place.control], since), f"{number} core dumps")


def shown(canary: str, said: bytes) -> Finding:
    """What the commands wrote to their outputs."""
    scans = []
    for content in (said, said + canary.encode()):
        search = Search(canary)
        search.stream("what was shown", [content])
        scans.append(search.result())
    seen = scans[0] if said else Scan(read_bytes=1)
    return _judged(seen, scans[1], f"{len(said)} bytes")


def _judged(seen: Scan, control: Scan, detail: str) -> Finding:
    if seen.hits:
        places = ", ".join(dict.fromkeys(f"{hit.where} ({hit.encoding})" for hit in seen.hits))
        return Finding("found", places)
    if control.clean is not False:
        return Finding("unmeasured", "what was planted beside was not found")
    if seen.clean is None:
        reasons = dict.fromkeys(f"{where}: {reason}" for where, reason in seen.unread)
        return Finding("unmeasured", "; ".join(reasons) or "nothing was read")
    return Finding("clean", detail)
