"""Brokers to attack: in this process with a raw socket, or as a process of their own."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bargaining.errors import NegboxError
from delegates.models.interface import Model, Request, Turn
from sandbox.broker import Allowance, Broker, BrokerJob
from sandbox.channel import Connection
from sandbox.frame import pack

T = TypeVar("T")

CANARY = "canary-7f3a91-reserve"
SCHEMA = {"type": "object", "properties": {"price": {"type": "integer"}}, "additionalProperties": False}
REQUEST = Request(f"You sell. {CANARY}", (Turn("user", f"begin {CANARY}"),), SCHEMA, 100)
ALLOWANCE = Allowance(requests=20, tokens=100_000, max_tokens=500, seconds=20.0)
ROOT = Path(__file__).parents[2]
BROKER = ("-m", "sandbox.broker")


OPENING = ("model", "system", "reply_schema")


def ask(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A good question as JSON, the first of its conversation, with changes."""
    opening = {"model": 0, "system": REQUEST.system, "reply_schema": SCHEMA}
    opening |= {name: changes.pop(name) for name in OPENING if name in changes}
    turns = [{"role": turn.role, "text": turn.text} for turn in REQUEST.turns]
    good = {"type": "ask", "id": number, "conversation": 0, "opening": opening, "after": 0, "turns": turns}
    return {**good, "max_tokens": 100, **changes}


def framed(message: object) -> bytes:
    """A frame with this JSON."""
    return pack(json.dumps(message).encode())


class Raw:
    """The box's end of a channel, in hostile hands."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def over(cls, sock: socket.socket) -> "Raw":
        return cls(*await asyncio.open_unix_connection(sock=sock))

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self) -> dict[str, Any] | None:
        """The next answer, or None if the broker hung up."""
        try:
            async with asyncio.timeout(10):
                length = int.from_bytes(await self._reader.readexactly(4), "big")
                found = json.loads(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        assert isinstance(found, dict)
        return found

    async def put(self, message: object) -> dict[str, Any] | None:
        """Send a message and wait for an answer; None if the broker has hung up."""
        try:
            await self.write(framed(message))
        except ConnectionError:
            return None
        return await self.answer()

    def hang_up(self) -> None:
        self._writer.transport.abort()


async def said(channel: socket.socket, message: object) -> dict[str, Any] | None:
    """What a broker process answers to one message. The channel stays open."""
    raw = await Raw.over(channel.dup())
    try:
        return await raw.put(message)
    finally:
        raw.hang_up()


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Connection, Connection]]:
    """Both ends of a channel."""
    ends = [await Connection.open(end.detach()) for end in socket.socketpair()]
    try:
        yield ends[0], ends[1]
    finally:
        for end in ends:
            await end.close()


@dataclass
class Served:
    """How a broker ended."""

    error: BaseException | None = None


@asynccontextmanager
async def raw_broker(
    models: Sequence[Model],
    allowance: Allowance = ALLOWANCE,
    again: Callable[[int], Model | None] = lambda _: None,
) -> AsyncIterator[tuple[Raw, Served]]:
    """A broker in this process, and a raw socket to it. At the end the box hangs up."""
    ours, theirs = socket.socketpair()
    connection = await Connection.open(theirs.detach())
    raw = await Raw.over(ours)
    served = Served()

    async def serve() -> None:
        try:
            await Broker(models, allowance, again=again).serve(connection)
        except NegboxError as error:
            served.error = error

    serving = asyncio.create_task(serve())
    try:
        yield raw, served
    finally:
        raw.hang_up()
        async with asyncio.timeout(10):
            await serving


def attack(
    models: Sequence[Model], act: Callable[[Raw], Awaitable[T]], allowance: Allowance = ALLOWANCE
) -> tuple[T, BaseException | None]:
    """Act on a broker; what came of it, and the error with which the broker ended."""

    async def run() -> tuple[T, BaseException | None]:
        async with raw_broker(models, allowance) as (raw, served):
            found = await act(raw)
        return found, served.error

    return asyncio.run(run())


@asynccontextmanager
async def broker(models: Sequence[Model], allowance: Allowance = ALLOWANCE) -> AsyncIterator[Connection]:
    """A broker in this process, and the box's end of its channel."""
    async with pair() as (box, other):
        serving = asyncio.create_task(Broker(models, allowance).serve(other))
        try:
            yield box
        finally:
            await box.close()
            async with asyncio.timeout(10):
                await serving


@dataclass
class Running:
    """A broker in a process of its own."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    line: socket.socket
    ready: bytes = b""
    stdout: bytes = field(default=b"", repr=False)
    stderr: bytes = field(default=b"", repr=False)


@contextmanager
def started(
    job: BrokerJob | bytes, environment: Mapping[str, str] | None = None, program: Sequence[str] = BROKER
) -> Iterator[Running]:
    """A real broker process. At the end both lines to it are closed; its output and exit code are then known."""
    channel, its_channel = socket.socketpair()
    line, its_line = socket.socketpair()
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-s", "-B", *program]
        + [str(fd) for fd in (reading, its_channel.fileno(), its_line.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[reading, its_channel.fileno(), its_line.fileno()],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **(environment or {})},
    )
    os.close(reading)
    its_channel.close()
    its_line.close()
    running = Running(process, channel, line)
    try:
        with os.fdopen(writing, "wb") as stream:
            stream.write(job if isinstance(job, bytes) else job.model_dump_json().encode())
        line.settimeout(20)
        running.ready = line.recv(16)
        yield running
    finally:
        channel.close()
        line.close()
        try:
            running.stdout, running.stderr = process.communicate(timeout=20)
        finally:
            process.kill()
            process.wait()
