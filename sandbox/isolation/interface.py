"""What any kind of wall offers: start a module of ours apart from everything, and end it for certain.

Covered: the process id of the interpreter itself, for wiping; limits; an end that leaves no zombie.
Not covered: wiping, and anything the child could not do to itself only after its imports: see `harden`.
"""

import os
import platform
import re
import resource
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from bargaining.errors import SandboxError

Level = Literal["bwrap", "landlock", "none"]
"""Strongest first."""

User = Literal["own", "starter", "root"]
"""Whom the system takes a child for: somebody that nobody else is, whoever started it, or root that started it."""

KILL_SECONDS = 5.0
_OPEN_FILES = {False: 64, True: 256}
"""By whether there is a network: a broker holds connections."""


@dataclass(frozen=True)
class Room:
    """What a child gets."""

    network: bool
    """Whether it sees the host's network at all."""
    read_only: tuple[Path, ...]
    """Paths of the host to show beside the interpreter and our own code, such as weights."""
    address_space: int
    """In bytes (RLIMIT_AS)."""
    cpu_seconds: int
    processes: int
    """How many processes and threads (RLIMIT_NPROC). The kernel does not count root's; and where it counts all that the
    user runs on this machine (no user of its own, and no user namespace or Linux before 5.14) only 1 is enforced."""


class Isolation(Protocol):
    """One kind of wall."""

    @property
    def level(self) -> Level:
        """How strong it is."""
        ...

    def spawn(self, module: str, arguments: Sequence[str], fds: Sequence[int], room: Room) -> "Child":
        """Start `python -s -B -m module arguments`.

        Trap: the child ends when the *thread* that started it ends. Start it in a thread that lives as long.

        Args:
            module: Importable here by the same name.
            arguments: Anybody on the machine can read them: numbers of file descriptors, nothing of a brief.
            fds: Open there under the same numbers; everything else but the standard three is closed.
            room: What it gets.

        Raises:
            SandboxError: It cannot be started.
        """
        ...


class Child:
    """A child process, from its start until it is reaped.

    Args:
        process: What was started, and has to be reaped.
        pid: The interpreter, where that is another process below it.
        user: Whom the system takes it for.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], pid: int | None = None, user: User | None = None
    ) -> None:
        self._process = process
        self.user: User = user or ("starter" if os.geteuid() else "root")
        self._pid = process.pid if pid is None else pid
        self._pidfd: int | None = None
        # by number alone we might hit a stranger: once the process is reaped its number is free again
        with suppress(ProcessLookupError):
            self._pidfd = os.pidfd_open(self._pid)

    @property
    def pid(self) -> int:
        """The process id of the interpreter."""
        return self._pid

    @property
    def family(self) -> tuple[int, ...]:
        """The interpreter and all that it has started, by process id: each has memory of its own to be wiped.

        Raises:
            OSError: /proc cannot be read.
        """
        parents = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(FileNotFoundError, ProcessLookupError):
                    stat = (entry / "stat").read_text(errors="replace")
                    # the name in parentheses is the process's own choice, and can hold anything
                    parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
        found = [self._pid]
        for pid in found:
            found += [other for other, parent in parents.items() if parent == pid]
        return tuple(found)

    @property
    def alive(self) -> bool:
        """Whether the interpreter still runs."""
        return self._pidfd is not None and not select.select([self._pidfd], [], [], 0)[0]

    def fileno(self) -> int:
        """Readable as soon as the interpreter has ended; for an event loop. -1 once it is reaped."""
        return -1 if self._pidfd is None else self._pidfd

    def poll(self) -> int | None:
        """Its exit status if it has ended and is reaped: 128 + N or -N if signal N ended it."""
        status = self._process.poll()
        if status is not None:
            self._close()
        return status

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """Wait for the end, and reap. None: it has not ended in time. The status is as from `poll`."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_seconds)
        return self.poll()

    def kill(self) -> None:
        """End it at once, with all that it started, and reap it. Safe to call again.

        Raises:
            SandboxError: It does not go away.
        """
        deadline = time.monotonic() + KILL_SECONDS
        if self._pid == self._process.pid and self._process.returncode is None:
            # its group too, and before it is reaped: after that, the number could be another group's
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)
        # not what watches over the interpreter: that ends by itself then, and leaves no zombie behind
        self._signal()
        if self.wait(deadline - time.monotonic()) is not None:
            return
        self._process.kill()
        if self.wait(KILL_SECONDS) is None:
            raise SandboxError(
                f"process {self._pid} of the box cannot be ended: it may still hold private data; "
                "end it by hand, or restart the machine"
            )

    def limit(self, room: Room, *, apart: bool) -> None:
        """Set its limits. It may run by now, but has heard nothing yet. One with a user of its own has them already.

        Args:
            room: What it gets.
            apart: Whether it has a user namespace of its own.

        Raises:
            SandboxError: They could not be set. It has been ended.
        """
        if self.user == "own":
            return
        wanted = limits(room)
        if room.processes == 1 or (apart and _counts_apart()):
            wanted[resource.RLIMIT_NPROC] = room.processes
        for name, value in wanted.items():
            try:
                _, most = resource.prlimit(self._pid, name)
                limit = value if most == resource.RLIM_INFINITY else min(value, most)
                resource.prlimit(self._pid, name, (limit, limit))
            except ProcessLookupError:  # whoever reads from it sees that it has ended
                return
            except OSError as error:
                problem = error.strerror
                break
        else:
            return
        self.kill()
        raise SandboxError(f"the limits of the box cannot be set: {problem}; this system refuses prlimit")

    def _signal(self) -> None:
        if self._pidfd is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def _close(self) -> None:
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None


def limits(room: Room) -> dict[int, int]:
    """The limits of a room, by the number of the resource, but for that of processes."""
    return {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: _OPEN_FILES[room.network],
        resource.RLIMIT_AS: room.address_space,
        resource.RLIMIT_CPU: room.cpu_seconds,
    }


def _counts_apart() -> bool:
    """Whether the kernel counts the processes of a user namespace by themselves."""
    version = re.match(r"(\d+)\.(\d+)", platform.release())
    return version is not None and (int(version[1]), int(version[2])) >= (5, 14)
