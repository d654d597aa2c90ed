"""Everybody that a process has started, orphans included.

Covered: whoever loses its parent becomes a child of this process, so nobody that a run started can get lost.
Not covered: processes that were there before; a run could reach them only through their own doors.
"""

import os
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bargaining.errors import SandboxError
from sandbox import memory, witness
from sandbox.isolation import kernel

PR_SET_CHILD_SUBREAPER = 36
_CHILD = ["-s", "-B", "-m"]
_NAMES = {
    "sandbox.sealer": "sealer",
    "sandbox.inside": "box",
    "sandbox.broker": "broker",
    "sandbox.gate": "gate",
}


@contextmanager
def adopting() -> Iterator[None]:
    """Let orphans come to this process."""
    if sys.platform != "linux":
        yield
        return
    kernel.prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        kernel.prctl(PR_SET_CHILD_SUBREAPER, 0)


def below(pid: int) -> list[int]:
    """All descendants of a process that have not ended."""
    found = [pid]
    for parent in found:
        found += witness.children(parent)
    return [each for each in found[1:] if _lives(each)]


def survivors(known: set[int], seconds: float) -> list[int]:
    """The descendants of this process but those known, once they are gone or the time is over."""
    until = time.monotonic() + seconds
    while True:
        left = [pid for pid in below(os.getpid()) if pid not in known]
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.02)


def reap(known: set[int]) -> None:
    """Let go of adopted children that have ended."""
    for pid in set(witness.children(os.getpid())) - known:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def members(command: int, names: Collection[str], seconds: float) -> dict[str, int]:
    """The processes that a command has started, by their names.

    Args:
        command: It.
        names: Who has to be there, and nobody else.
        seconds: How long to wait for them.

    Raises:
        SandboxError: They are not all there in time, or others are.
    """
    until = time.monotonic() + seconds
    while (found := _members(command)).keys() != set(names):
        if time.monotonic() > until:
            raise SandboxError(f"of the run there are {', '.join(sorted(found)) or 'none'}")
        time.sleep(0.02)  # what is started is bubblewrap's for a moment
    return found


def _members(command: int) -> dict[str, int]:
    found = {}
    for pid in below(command):
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
            if (
                words[1:4] == _CHILD and words[4] in _NAMES
            ):  # not bubblewrap, which has these words too, but later
                found[_NAMES[words[4]]] = pid
    return found


def crash(pid: int) -> None:
    """Make a process fault: its stack is overwritten, and it stumbles as soon as it goes on.

    A signal would not do: the first process of a namespace is spared all but the deadly ones.

    Raises:
        OSError: Its memory cannot be written.
    """
    stacks = [each for each in memory.mappings(pid) if each.name == "[stack]"]
    with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as file:
        for stack in stacks:
            file.seek(stack.start)
            file.write(b"\xf1" * (stack.end - stack.start))


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}
