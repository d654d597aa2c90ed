"""A careless box, to see whether what it leaves is found: the real one, which keeps the first brief that it reads.

    python -m evals.careless CONTROL_FD CHANNEL_FD RECORD_FD [closed]

It keeps it as the name of a file, since it may not write to one, and in a process that outlives it, where it may start
one. For made-up briefs only, and without walls: inside walls it would get nowhere.
"""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from delegates.brief import Brief
from sandbox import inside
from sandbox.channel import Connection
from sandbox.isolation.interface import Child, Level, Room
from sandbox.isolation.none import NoIsolation
from sandbox.session import Held

_KEPT_SECONDS = 120.0
"""Longer than anybody looks; then it ends by itself."""


class CarelessWalls:
    """No walls, and a careless box."""

    level: Level = "none"

    def __init__(self) -> None:
        self._none = NoIsolation()

    def spawn(self, module: str, arguments: Sequence[str], fds: Sequence[int], room: Room) -> Child:
        """See `Isolation.spawn`."""
        box = module == "sandbox.inside"
        return self._none.spawn("evals.careless" if box else module, arguments, fds, room)


class CarelessSession(inside.Session):
    """One that keeps a brief, and then negotiates as any other."""

    async def negotiate(self, briefs: Mapping[str, Brief], connection: Connection) -> Held:
        """See `Session.negotiate`."""
        _keep(next(iter(briefs.values())).narrative.strip())
        return await super().negotiate(briefs, connection)


def _keep(text: str) -> None:
    folder = os.environ.get("TMPDIR")  # not gettempdir(), which tries it by writing
    if folder:
        with suppress(OSError):
            Path(folder, f"kept {text.rsplit(maxsplit=1)[-1]}").touch()
    with suppress(OSError):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.closerange(0, 64)
                time.sleep(_KEPT_SECONDS)
            os._exit(0)
        os.wait()


def main() -> NoReturn:
    """Be the box."""
    inside.Session = CarelessSession  # type: ignore[misc]  # the seam that a box has no option for
    inside.main()


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
