"""Makes a command stop at a phase, and once more just before it ends, until it is told to go on.

Imported by the process that is going to be `negbox`. Covered: the command waits where a signal still reaches it; at
its end, all that it does is done. Not covered: the children go on with what they have.
"""

import asyncio
import signal
import socket
from contextlib import suppress
from typing import NoReturn, Protocol

from bargaining.agenda import Agenda
from sandbox import crew, scenario_file
from sandbox.isolation.interface import Child
from sandbox.job import Job
from sandbox.seal import PublicKey

HALTED, ENDING, GO_ON = b"h", b"e", b"g"
"""What is said on the line: by the command, and to it."""


class Exits(Protocol):
    """How a command ends: `app.exits`."""

    def leave(self, code: int) -> NoReturn:
        """End the process."""
        ...


def at(phase: str, line: int, exits: Exits) -> None:
    """Stop at this phase, and at the end.

    Args:
        phase: Of `ending.Phase`. `turns` is the model server's to hold, and where two parties are, `ready` is when
            there is a claim.
        line: A socket, by its number: a byte is written to it at each halt, and one read from it to go on.
        exits: Its `leave` is replaced by one that stops first.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let what they start with & ignore it
    told = socket.socket(fileno=line)
    told.setblocking(False)
    leave = exits.leave

    async def halt(here: str) -> None:
        if here == phase:
            loop = asyncio.get_running_loop()
            with suppress(OSError):  # nobody listens any more
                await loop.sock_sendall(told, HALTED)
                await loop.sock_recv(told, 1)

    def halt_at_once(said: bytes) -> None:
        told.setblocking(True)
        try:
            with suppress(OSError):
                told.sendall(said)
                told.recv(1)
        finally:
            told.setblocking(False)

    def leave_after(code: int) -> NoReturn:
        halt_at_once(ENDING)
        leave(code)

    class HaltingFile(scenario_file.ScenarioFile):
        def __init__(self, child: Child, line: socket.socket, name: str) -> None:
            super().__init__(child, line, name)
            if phase == "reading":
                halt_at_once(HALTED)

    class HaltingCrew(crew.Crew):
        async def ready(self, work: Job) -> PublicKey:
            await halt("starting")
            key = await super().ready(work)
            await halt("ready")
            return key

        async def released(self, agenda: Agenda) -> bytes | None:
            await halt("release")
            return await super().released(agenda)

    # the seams that the command has no options for
    exits.leave = leave_after  # type: ignore[method-assign]
    scenario_file.ScenarioFile = HaltingFile  # type: ignore[misc]
    crew.Crew = HaltingCrew  # type: ignore[misc]
