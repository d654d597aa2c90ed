"""A user of its own for a child that root starts: who gets out of its walls is then nobody, and not the next child.

A number out of systemd's range for such users is taken at random: one that no account, no subordinate range and no
living process has, and that this process has not given before. Then `descend` becomes that user.
Covered: what root lacks for it, in a container say; files that only root may read: such a child stays root's.
Not covered: two starters that pick the same number in the same moment (1 in 4336); a firewall's rules by user.
"""

import marshal
import os
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from bargaining.errors import SandboxError
from sandbox.isolation.way import Way

FIRST, LAST = 61184, 65519
"""See systemd's "Users, Groups, UIDs and GIDs on systemd Systems": for services, while they run."""
_PROGRAM = Path(__file__).with_name("descend.py")
_RIGHTS = {"CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_SYS_PTRACE": 19}
"""To end it, to become it, and to wipe it."""
_TO_MOUNT = {"CAP_SYS_ADMIN": 21}
_given: set[int] = set()
_lock = Lock()


def lacking(way: Way) -> str:
    """Why a child cannot have a user of its own. Empty: it can be tried.

    Args:
        way: To all that the child needs.
    """
    if os.geteuid():
        return "only root can give it one"
    if way.closed:
        return f"{way.closed} is closed to others than its owner"
    held = _capabilities()
    needed = _RIGHTS | (_TO_MOUNT if way.doors else {})
    missing = [name for name, bit in needed.items() if not held >> bit & 1]
    if missing == [*_TO_MOUNT]:
        return f"{way.doors[0]} is closed to others, and to open it root lacks {missing[0]}"
    return f"root lacks {', '.join(missing)}" if missing else ""


def pick() -> int:
    """A user, and group, that nobody else is.

    Raises:
        SandboxError: There is none left.
    """
    with _lock:
        free = set(range(FIRST, LAST + 1)) - _accounts() - _subordinate() - _living()
        if free and not free - _given:  # long ago
            _given.clear()
        if not free:
            raise SandboxError(f"all users from {FIRST} to {LAST} are taken: end processes that run as them")
        user = random.SystemRandom().choice(sorted(free - _given))
        _given.add(user)
    return user


@contextmanager
def down(
    command: Sequence[str], environment: Mapping[str, str], way: Way, limits: Mapping[int, int]
) -> Iterator[tuple[list[str], int]]:
    """What root is to start in order to have a command run by a user of its own.

    Args:
        command: Its program by its full path, and its arguments.
        environment: All of its environment.
        way: To all that it needs.
        limits: By the number of the resource.

    Yields:
        A command, and the descriptor that has to be passed to it.

    Raises:
        SandboxError: There is no user left.
    """
    plan = {
        "user": pick(),
        "command": list(command),
        "environment": dict(environment),
        "limits": [(int(name), value) for name, value in limits.items()],
        "doors": list(map(str, way.doors)),
        "shown": list(map(str, way.shown)),
    }
    # not among its arguments: they can be read by all users, and tell paths of the host
    told = os.memfd_create("plan", 0)
    try:
        os.write(told, marshal.dumps(plan))
        os.lseek(told, 0, os.SEEK_SET)
        yield [sys.executable, "-I", "-S", "-B", str(_PROGRAM), str(told)], told
    finally:
        os.close(told)


def _capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _accounts() -> set[int]:
    found = set()
    for name in ("/etc/passwd", "/etc/group"):
        for fields in _lines(name):
            # both numbers of a user, the number of a group
            found |= {int(field) for field in fields[2:4] if field.isdecimal()}
    return found


def _subordinate() -> set[int]:
    found: set[int] = set()
    for name in ("/etc/subuid", "/etc/subgid"):
        for fields in _lines(name):
            with suppress(ValueError, IndexError):
                first, count = int(fields[1]), int(fields[2])
                found.update(range(max(first, FIRST), min(first + count, LAST + 1)))
    return found


def _living() -> set[int]:
    found = set()
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            with suppress(OSError):
                text = Path("/proc", entry, "status").read_text(errors="replace")
                # the name comes first, and is the process's own choice: a line end in it is escaped
                numbers = [line for line in text.splitlines() if line.startswith(("Uid:", "Gid:"))]
                found |= {int(word) for line in numbers for word in line.split()[1:]}
    return found


def _lines(name: str) -> Iterator[list[str]]:
    with suppress(OSError):
        for line in Path(name).read_text(errors="replace").splitlines():
            yield line.split(":")
