"""Makes a run stop at a phase until it is told to go on: imported by the process that is going to be `negbox run`.

Covered: the supervisor waits where a signal still reaches it. Not covered: the children go on with what they have.
"""

import asyncio
import socket
from contextlib import suppress

from bargaining.agenda import Agenda
from sandbox import crew
from sandbox.seal import PublicKey


def at(phase: str, line: int) -> None:
    """Stop at this phase.

    Args:
        phase: Of `ending.Phase`; `turns` is the model server's to hold.
        line: A socket, by its number: a byte is written to it at the halt, and one read from it to go on.
    """
    told = socket.socket(fileno=line)
    told.setblocking(False)

    async def halt(here: str) -> None:
        if here == phase:
            loop = asyncio.get_running_loop()
            with suppress(OSError):  # nobody listens any more
                await loop.sock_sendall(told, b".")
                await loop.sock_recv(told, 1)

    class HaltingCrew(crew.Crew):
        async def ready(self) -> PublicKey:
            await halt("starting")
            key = await super().ready()
            await halt("ready")
            return key

        async def released(self, agenda: Agenda) -> bytes | None:
            await halt("release")
            return await super().released(agenda)

    crew.Crew = HaltingCrew  # type: ignore[misc]  # the one seam that the command has no option for
