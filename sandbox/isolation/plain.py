"""A child process as such: our interpreter, the given environment and file descriptors, and limits."""

import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from bargaining.errors import SandboxError
from sandbox.isolation import descent
from sandbox.isolation.interface import Child, Room, User, limits
from sandbox.isolation.way import Way


def start(
    module: str,
    arguments: Sequence[str],
    fds: Sequence[int],
    room: Room,
    environment: Mapping[str, str],
    *,
    way: Way | None = None,
) -> Child:
    """Start a module, unseen and unheard but for `fds`.

    Args:
        module: Importable here by the same name.
        arguments: After its name.
        fds: To pass.
        room: Of it, only the limits.
        environment: All of it.
        way: To all that it needs, for a user of its own, if it is to have one and can. None: it is not.

    Raises:
        SandboxError: It cannot be started.
    """
    process: subprocess.Popen[bytes] | None = None
    user: User | None = None
    problem: str | None = None
    command = [sys.executable, "-s", "-B", "-m", module, *arguments]
    with ExitStack() as ours:
        if way and not descent.lacking(way):
            allowed = limits(room) | {resource.RLIMIT_NPROC: room.processes}
            command, plan = ours.enter_context(descent.down(command, environment, way, allowed))
            # what goes between may need libraries from unusual places, and nothing else
            libraries = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
            fds, user, environment = (*fds, plan), "own", libraries
        try:
            process = subprocess.Popen(  # noqa: S603 - our own command
                command,
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
    child = Child(process, user=user)
    child.limit(room, apart=False)
    return child
