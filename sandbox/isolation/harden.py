"""What a child does to itself once it has loaded all that it needs, before it hears a secret.

Covered: no core dump and no look into its memory by the same user; no new rights; Landlock; a filter of system calls;
its end with its starter. None of it can be taken back.
Not covered: what it has opened before stays open. What this kernel does not have is left out, and said.
"""

import errno
import os
import platform
import resource
import signal
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bargaining.errors import SandboxError
from sandbox import trial
from sandbox.fact import Known
from sandbox.isolation import kernel, profile, ruleset, seccomp, shown, syscalls
from sandbox.isolation.profile import Profile

_DEVICES = (Path("/dev/urandom"),)
_NOWHERE = Path("/dev/null")


@dataclass(frozen=True, slots=True)
class Hardened:
    """What was applied."""

    profile: Profile
    dumpable_off: bool
    landlock_abi: int
    """0: this kernel has none."""
    seccomp: bool
    """False: this kernel has no filters."""


def harden(
    *, network_ports: Collection[int] = (), read: Collection[Path] = (), role: Profile = "box"
) -> Hardened:
    """Close this process, for good. Call it before any thread is started.

    Args:
        network_ports: To which it may connect by TCP; with any, also UDP, for names. Not for a box.
        read: Paths that it may read. A broker and an engine may also read their interpreter, our code, and what
            names and certificates need.
        role: What the process is for: see `profile`.

    Raises:
        SandboxError: Something that this kernel has could not be applied. The process must end.
    """
    if role == "box" and (network_ports or read):
        raise SandboxError(
            "a box reads no files and has no network: harden it as a broker, or give it nothing"
        )
    if kernel.has_threads():
        raise SandboxError("a process with several threads cannot be closed: do it before any is started")
    landlock = trial.landlock_abi()
    abi = landlock.value if isinstance(landlock, Known) else 0
    filters = trial.seccomp()
    has_filters = isinstance(filters, Known) and filters.value
    network = bool(network_ports)
    step, problem = "", ""
    try:
        step = "no core dumps"
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # a limit does not count where dumps go to a program; this does, and keeps the same user's debuggers out
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        dumpable_off = kernel.prctl(kernel.PR_GET_DUMPABLE) == 0
        if role != "engine":  # gigabytes of weights are faster in huge pages
            with suppress(OSError):  # pages that are joined to a huge one are given back as they were
                kernel.prctl(kernel.PR_SET_THP_DISABLE, 1)
        step = "the end with its starter"
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        step = "no_new_privs"
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        step = "Landlock"
        if abi:
            reading, writing = _files(role, read, network=network)
            # an engine looks for weights in the folder of the file that it is given
            listing = {path.parent for path in read if path.is_file()} if role == "engine" else ()
            ruleset.restrict(
                abi,
                read=reading,
                write=writing,
                listing=listing,
                ports=network_ports,
                execute=role == "engine",
            )
        step = "seccomp"
        if has_filters:
            _filter(role, network=network)
        return Hardened(role, dumpable_off, abi, has_filters)
    except OSError as error:
        problem = error.strerror or "unknown"
    raise SandboxError(
        f"{step} could not be applied although this kernel has it ({problem}): run 'negbox doctor', "
        "or choose a weaker isolation by name"
    )


def _files(
    role: Profile, read: Collection[Path], *, network: bool
) -> tuple[Collection[Path], Collection[Path]]:
    if role == "box":
        return [], []
    needed = shown.interpreter()
    names = shown.network() if network else []
    measures = shown.engine() if role == "engine" else []
    return [*needed.paths, needed.executable, needed.binary, *names, *measures, *_DEVICES, *read], [_NOWHERE]


def _filter(role: Profile, *, network: bool) -> None:
    architecture = syscalls.here()
    if architecture is None:
        raise OSError(errno.ENOTSUP, f"no filter is written for {platform.machine()}")
    allowed = profile.allowed(role, os.getpid(), network=network)
    seccomp.install(seccomp.program(architecture, allowed), architecture.numbers["seccomp"])
