"""Without namespaces: a plain child with nothing of ours, which closes itself with `harden`.

Covered before `harden`: an environment of its own, no files of ours, limits, no terminal.
Covered after it: no network, no files, no new processes, no signals.
Not covered: until then the child may do what its user may: its starter's, or, where root starts it, one of its own
(see `descent`). It can name any process of the same user, though not reach it. Its memory cannot be wiped by another
process of the same user, because nobody may look into it: what it held stays in freed memory until it is overwritten,
unless root wipes it or the kernel zeroes it (init_on_free). It dies with its starter only once it has called
`harden`; before that it has heard nothing.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.isolation import plain, shown, way
from sandbox.isolation.environment import clean
from sandbox.isolation.interface import Child, Level, Room


class LandlockIsolation:
    """Walls that the child puts up itself.

    Args:
        own_users: Whether each child gets a user of its own where its files allow that. Only root can.
    """

    level: Level = "landlock"

    def __init__(self, *, own_users: bool = False) -> None:
        self._own_users = own_users
        self._interpreter = shown.interpreter()

    def spawn(self, module: str, arguments: Sequence[str], fds: Sequence[int], room: Room) -> Child:
        """See `Isolation.spawn`. `room.network` and `room.read_only` are the child's to keep, by `harden`."""
        environment = clean(network=room.network)
        if path := self._interpreter.module_path:
            environment["PYTHONPATH"] = os.pathsep.join(path)
        found = way.of_child(room, Path(sys.executable), self._interpreter) if self._own_users else None
        return plain.start(module, arguments, fds, room, environment, way=found)
