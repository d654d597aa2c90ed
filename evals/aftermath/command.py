"""The commands of a trial, as people give them, each in a process of its own that stops where it is told to.

Covered: what they show, their exit codes, and a look at each just before it ends. Not covered: what they would do in a
terminal; none is one.
"""

import os
import resource
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import evals
from bargaining.errors import SandboxError
from evals.aftermath import halt

HALT_SECONDS = 90.0
END_SECONDS = 90.0
_CODE = "from app.cli import main; main()"
_HALTING = (
    "import sys; from app import exits; from evals.aftermath import halt; "
    "halt.at(sys.argv.pop(1), int(sys.argv.pop(1)), exits); "
)
_ROOT = Path(evals.__file__).parents[1]


class Started:
    """A command under way. Made by `started`.

    Args:
        process: It.
        line: On which it says that it has stopped.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", line: socket.socket) -> None:
        self._process = process
        self._line = line

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def reaches(self, there: Callable[[], bool] | None = None) -> bool:
        """Wait until it has stopped at its phase. False: it did not come that far.

        Args:
            there: Says so instead, where somebody else holds it.
        """
        until = time.monotonic() + HALT_SECONDS
        while self._process.poll() is None and time.monotonic() < until:
            if there:
                if there():
                    return True
                time.sleep(0.02)
            elif select.select([self._line], [], [], 0.05)[0]:
                return self._line.recv(1) == halt.HALTED
        return False

    def go_on(self) -> None:
        """Let it go on from where it has stopped."""
        with suppress(OSError):  # it has ended already
            self._line.sendall(halt.GO_ON)

    def finish(self, look: Callable[[], None]) -> tuple[int, bytes]:
        """Wait for its end.

        Args:
            look: Called when all is done and the process is still there, unless a signal ends it before.

        Returns:
            Its exit code, and what it has shown.

        Raises:
            SandboxError: It does not end.
        """
        if select.select([self._line], [], [], END_SECONDS)[0]:
            with suppress(OSError):
                if self._line.recv(1) == halt.ENDING:
                    look()
                    self.go_on()
        said = None
        with suppress(subprocess.TimeoutExpired):
            said, _ = self._process.communicate(timeout=END_SECONDS)
        if said is None:
            raise SandboxError("the command did not end")
        return self._process.returncode, said


@contextmanager
def started(
    arguments: Sequence[object], cwd: Path, environment: Mapping[str, str], phase: str | None = None
) -> Iterator[Started]:
    """Start a command, and see that it has ended when the block does.

    Args:
        arguments: What stands after `negbox`.
        cwd: Where.
        environment: Variables beside this process's own.
        phase: Where it is to stop before its end.
    """
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [
                    sys.executable,
                    "-c",
                    _HALTING + _CODE,
                    str(phase),
                    str(theirs.fileno()),
                    *map(str, arguments),
                ],
                cwd=cwd,
                env=_environment(environment),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        most = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.prlimit(process.pid, resource.RLIMIT_CORE, (most, most))  # so that a crash would show
        with process:
            try:
                yield Started(process, ours)
            finally:
                process.kill()


def done(arguments: Sequence[object], cwd: Path, environment: Mapping[str, str]) -> bytes:
    """Let a command run to its end, unchanged. What it has shown.

    Raises:
        SandboxError: It failed.
    """
    ended = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", _CODE, *map(str, arguments)],
        cwd=cwd,
        env=_environment(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if ended.returncode:
        raise SandboxError(f"negbox {' '.join(map(str, arguments[:2]))} failed with code {ended.returncode}")
    return ended.stdout


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    modules = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **more, "PYTHONPATH": os.pathsep.join(modules)}
