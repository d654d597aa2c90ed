"""The crew of one run: box, broker and gate, started, and this side of the lines to them.

Covered: each line has two ends, and only the children hold theirs: if one dies, whoever waits for it sees the end.
Not covered: wiping and ending them; whoever starts a crew does that, on every exit.
"""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from bargaining.agenda import Agenda
from bargaining.errors import SandboxError
from delegates.models import weights
from delegates.models.spec import ModelSpec
from sandbox import export, frame, job
from sandbox.account import hear
from sandbox.broker import LONGEST_COMPLAINT, MOST_COMPLAINTS, BrokerJob
from sandbox.isolation.interface import Child, Isolation, Room
from sandbox.seal import PublicKey

START_SECONDS = 120.0
RELEASE_SECONDS = 20.0
LONGEST_SECONDS = 24 * 3600
"""No run takes longer."""
BOX = Room(False, (), 4 * 2**30, LONGEST_SECONDS, 1)
_GATE = Room(False, (), 2 * 2**30, 60, 1)
_BROKER_BYTES = 64 * 2**30


class Crew:
    """Starts nobody by itself; see `start`.

    Args:
        isolation: What the walls are made of.
        lines: Closes this side of the lines.
    """

    def __init__(self, isolation: Isolation, lines: ExitStack) -> None:
        self.children: dict[str, Child] = {}
        """All that were started, by name, in the order in which they are to be wiped."""
        self._isolation = isolation
        self.control, self._box_end = pair(lines)
        """To the box."""
        self._channel, self._box_channel = pair(lines)
        self._gate, self._gate_end = pair(lines)
        self._record, self._box_record = pair(lines)
        self._released, self._release_end = pair(lines)
        self._ready, self._ready_end = pair(lines)
        self._orders, self._orders_end = pair(lines)

    def start(self, broker: BrokerJob | None, models: Sequence[ModelSpec]) -> None:
        """Start all. If one of them cannot be started, those before it are there to be ended.

        Args:
            broker: What the broker has to know; None if there is no model to ask.
            models: The models that it opens.

        Raises:
            SandboxError: A process cannot be started.
        """
        closed = () if self._isolation.level == "none" else ("closed",)
        box = (self._box_end, self._box_channel, self._box_record)
        self._spawn("box", "sandbox.inside", box, BOX, closed)
        if broker is not None:
            asking = (self._orders_end, self._channel, self._ready_end)
            self._spawn("broker", "sandbox.broker", asking, broker_room(models))
            self._orders.sendall(broker.model_dump_json().encode())
            self._orders.close()
        self._spawn("gate", "sandbox.gate", (self._gate_end, self._record, self._release_end), _GATE, closed)
        theirs = (*box, self._orders_end, self._channel, self._ready_end)
        for end in (*theirs, self._gate_end, self._record, self._release_end):
            end.close()
        for line in (self.control, self._gate, self._released, self._ready):
            line.setblocking(False)

    async def ready(self, work: job.Job) -> PublicKey:
        """Hand out what is no secret, and wait until everybody is there; the key of the box.

        Args:
            work: For the box; the gate gets its agenda.

        Raises:
            SandboxError: Somebody does not come.
        """
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError, ValidationError):
            async with asyncio.timeout(START_SECONDS):
                await frame.send_to(self.control, work.model_dump_json().encode())
                await frame.send_to(self._gate, work.agenda.model_dump_json().encode())
                ready = await hear(self.control)
                if "broker" in self.children and not await loop.sock_recv(self._ready, 64):
                    raise SandboxError(
                        "the broker ended before it was ready: check the models and their files"
                    )
            if isinstance(ready, job.Ready):
                return PublicKey.model_validate_json(ready.key)
        raise SandboxError("the box did not start: 'negbox doctor' says what this machine lacks")

    def complaint(self) -> str:
        """What the broker said last of a model that failed; empty if it said nothing."""
        with suppress(OSError):  # nothing to read, or nobody there
            lines = (
                self._ready.recv(MOST_COMPLAINTS * (LONGEST_COMPLAINT + 1))
                .decode("ascii", "replace")
                .splitlines()
            )
            return "".join(character for character in lines[-1] if character.isprintable()) if lines else ""
        return ""

    async def released(self, agenda: Agenda) -> bytes | None:
        """What the gate lets out; None if that is nothing."""
        loop, data = asyncio.get_running_loop(), bytearray()
        size = export.release_size(agenda)
        with suppress(TimeoutError):
            async with asyncio.timeout(RELEASE_SECONDS):
                while len(data) <= size and (
                    chunk := await loop.sock_recv(self._released, size + 1 - len(data))
                ):
                    data += chunk
        return bytes(data) if len(data) == size else None

    def _spawn(
        self, name: str, module: str, lines: Sequence[socket.socket], room: Room, more: Sequence[str] = ()
    ) -> None:
        fds = [line.fileno() for line in lines]
        self.children[name] = self._isolation.spawn(module, [*map(str, fds), *more], fds, room)


def pair(lines: ExitStack) -> tuple[socket.socket, socket.socket]:
    """A line: our end, and that of a child."""
    ours, theirs = socket.socketpair()
    return lines.enter_context(ours), lines.enter_context(theirs)


def located(spec: ModelSpec) -> ModelSpec:
    """A spec whose files can be found from anywhere."""
    match spec.provider:
        case "local":
            return replace(spec, name=str(weights.find(spec.name).resolve()))
        case "scripted":
            return replace(spec, name=str(Path(spec.name).resolve()))
        case _:
            return spec


def broker_room(models: Sequence[ModelSpec]) -> Room:
    """What a broker gets that asks these models: their files, and the network if one is hosted."""
    files = tuple(Path(located(spec).name) for spec in models if spec.provider in {"local", "scripted"})
    hosted = any(spec.provider not in {"local", "scripted"} for spec in models)
    return Room(hosted, files, _BROKER_BYTES, LONGEST_SECONDS, 512)
