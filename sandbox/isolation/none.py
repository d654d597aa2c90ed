"""No walls: a plain child in the caller's environment, for who asks for that by name.

Covered: variables that make a library tell others what it works on are taken out; limits; it can be ended.
Not covered: everything else. The child can do what its starter can.
"""

import os
from collections.abc import Sequence

from sandbox.host import tracing
from sandbox.isolation import plain, shown
from sandbox.isolation.interface import Child, Level, Room


class NoIsolation:
    """No walls at all."""

    level: Level = "none"

    def __init__(self) -> None:
        self._module_path = shown.interpreter().module_path

    def spawn(self, module: str, arguments: Sequence[str], fds: Sequence[int], room: Room) -> Child:
        """See `Isolation.spawn`. Of the room only the limits count."""
        left_out = set(tracing(os.environ))
        environment = {name: value for name, value in os.environ.items() if name not in left_out}
        if path := self._module_path:
            environment["PYTHONPATH"] = os.pathsep.join(path)
        return plain.start(module, arguments, fds, room, environment)
