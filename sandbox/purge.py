"""The purge: every process of a run is wiped and killed, then what can be checked is checked.

Covered: box, broker, gate and whatever they started are stopped, overwritten and killed, in an order that no signal
can interrupt; then buffers of the kernel that they gave back are rinsed; each check is ok, failed, or unmeasured with
the reason, and none of them holds content.
Not covered: what `memory.wipe` does not reach; a process that its parent lost (it ends with the box's process
namespace); core dumps of processes that ended before the purge; the provider's copies. Whether a canary is really
gone is for `evals.residue` to say, which is a second instrument.
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bargaining.errors import PurgeError, SandboxError
from sandbox import check, rinse, witness
from sandbox.check import Check, Result
from sandbox.fact import Known
from sandbox.host import Facts
from sandbox.isolation.interface import Level
from sandbox.memory import Wiped, stop, wipe
from sandbox.witness import Witness

__all__ = ["Check", "Child", "Result", "Wiped", "purge", "require", "wipe"]

GONE_SECONDS = 5.0
"""How long a killed process may take to be gone: the kernel has to take gigabytes of an embedded engine apart."""


class Child(Protocol):
    """A process of the run, as `isolation` hands it out."""

    @property
    def pid(self) -> int:
        """Of the process that holds the secrets, as seen from here."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        ...

    def kill(self) -> None:
        """Kill it and whatever surrounds it, and wait for their ends."""
        ...


@dataclass(frozen=True, slots=True)
class _Held:
    """A process under the purge, held by a descriptor: a number alone could become another process's."""

    pid: int
    descriptor: int
    seen: Witness


def purge(children: Mapping[str, Child], facts: Facts, folders: Sequence[Path] = ()) -> tuple[Check, ...]:
    """Wipe and kill, then check.

    Args:
        children: Each process of the run by its name, such as `box`, in the order of their wipes.
        facts: As they were before the run started.
        folders: Where the run may have kept files; they must be gone or empty now.
    """
    if sys.platform != "linux":
        return _killed_only(children)
    with _undisturbed():
        held = {name: _hold(child) for name, child in children.items()}
        try:
            try:
                wiped = {name: [wipe(one.pid) for one in family] for name, family in held.items()}
            finally:  # whatever happens, nobody wakes up again
                broken = [name for name, child in children.items() if not _kill(child, held[name])]
            gone = _gone([one for family in held.values() for one in family], broken, bool(children))
        finally:
            for one in (one for family in held.values() for one in family):
                os.close(one.descriptor)
        if children and not (isinstance(facts.init_on_free, Known) and facts.init_on_free.value):
            rinse.rinse()
    seen = {name: [one.seen for one in family] for name, family in held.items()}
    return (
        *(check.wiped(name, what, facts) for name, what in wiped.items()),
        gone,
        check.no_core_dump(seen),
        check.no_swap(seen, facts),
        check.no_tracing(seen),
        check.no_files(seen, folders),
    )


def require(checks: Iterable[Check], accepted: Collection[str] = ()) -> None:
    """Insist that all checks are ok.

    Args:
        checks: What the purge said.
        accepted: Names of checks that the policy lets pass; the statement still says how they ended.

    Raises:
        PurgeError: One is not.
    """
    open_ = [one for one in checks if one.result != "ok" and one.name not in accepted]
    if open_:
        told = "; ".join(f"{one.name}: {one.result} ({one.detail})" for one in open_)
        raise PurgeError(
            f"the purge is not complete: {told}. What the run held may still be on this machine: "
            "'negbox doctor' says how to close it. Nothing was released"
        )


def insist(checks: Iterable[Check], level: Level) -> None:
    """Insist that no check failed: nothing is released while something of the briefs may be left.

    Args:
        checks: What the purge said.
        level: Of the walls. Without namespaces an ordinary user cannot look into a closed process, not even to wipe
            it: that is stated, and accepted.

    Raises:
        PurgeError: One failed.
    """
    failed = [check for check in checks if check.result == "failed"]
    wiped = {check.name for check in failed if check.name.startswith("wiped ")}
    require(failed, wiped if level == "landlock" else ())


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep signals until the end: an interrupted purge would leave what it is there to remove."""
    if threading.current_thread() is not threading.main_thread():  # signals never come here
        yield
        return
    received: list[int] = []
    numbers: tuple[int, ...] = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM)
    before = {n: handler for n in numbers if (handler := signal.getsignal(n)) is not None}
    for number in before:
        signal.signal(number, lambda number, _: received.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        # an alarm that rang meanwhile was to hurry what is done now
        for number in dict.fromkeys(each for each in received if each != signal.SIGALRM):
            signal.raise_signal(number)


def _hold(child: Child) -> list[_Held]:
    """Stop a child, then everything that it started, and look at them. Empty if it has ended."""
    family: list[_Held] = []
    if _ended(child):
        return family
    waiting = [child.pid]
    while waiting:
        pid = waiting.pop(0)
        with suppress(OSError):  # it ended just now; `processes gone` and `wiped` will tell
            descriptor = os.pidfd_open(pid)
            if pid == child.pid and _ended(child):  # then the descriptor may be another process's
                os.close(descriptor)
                break
            with suppress(OSError):
                stop(pid)
            family.append(_Held(pid, descriptor, witness.look(pid)))
            waiting += witness.children(pid)
    return family


def _ended(child: Child) -> bool:
    return not child.alive  # a function, because it can change between two looks


def _kill(child: Child, family: Sequence[_Held]) -> bool:
    """Kill a child and all that it started. False if the child could not be killed."""
    for one in family:
        with suppress(OSError):
            signal.pidfd_send_signal(one.descriptor, signal.SIGKILL)
    try:
        child.kill()
    except (OSError, SandboxError):
        return False
    return True


def _killed_only(children: Mapping[str, Child]) -> tuple[Check, ...]:
    """All that can be done elsewhere than on Linux."""
    failed = [name for name, child in children.items() if not _kill(child, ())]
    unmeasured = [
        Check(f"wiped {name}", "unmeasured", "only Linux lets memory be wiped") for name in children
    ]
    gone = Check("processes gone", "failed" if failed else "ok", f"{len(failed)} could not be killed")
    return (*unmeasured, gone)


def _gone(held: Sequence[_Held], broken: Sequence[str], any_: bool) -> Check:
    name = "processes gone"
    until = time.monotonic() + GONE_SECONDS
    left = {one.descriptor for one in held}
    while left and (rest := until - time.monotonic()) > 0:
        poll = select.poll()  # not select(): it refuses descriptors above 1023
        for descriptor in left:
            poll.register(descriptor, select.POLLIN)
        left -= {descriptor for descriptor, _ in poll.poll(rest * 1000)}
    if left or broken:
        return Check(
            name, "failed", f"{len(left)} still there" + "".join(f", {n} not killed" for n in broken)
        )
    return Check(name, "ok", "all ended") if any_ else Check(name, "unmeasured", "there was none")
