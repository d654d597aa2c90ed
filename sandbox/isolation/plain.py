"""A child process as such: our interpreter, the given environment and file descriptors, and limits."""

import subprocess
import sys
from collections.abc import Mapping, Sequence

from bargaining.errors import SandboxError
from sandbox.isolation.interface import Child, Room


def start(
    module: str, arguments: Sequence[str], fds: Sequence[int], room: Room, environment: Mapping[str, str]
) -> Child:
    """Start a module, unseen and unheard but for `fds`.

    Raises:
        SandboxError: It cannot be started.
    """
    process: subprocess.Popen[bytes] | None = None
    problem: str | None = None
    try:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-s", "-B", "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=tuple(fds),
            env=environment,
            cwd="/",
            start_new_session=True,  # Ctrl-C is for the starter alone, who has to wipe first
        )
    except OSError as error:
        problem = error.strerror
    if process is None:
        raise SandboxError(
            f"the interpreter cannot be started: {problem}; check that {sys.executable} still runs"
        )
    child = Child(process)
    child.limit(room, apart=False)
    return child
