"""The channel between a box and its broker: questions to listed models, and what comes back. Nothing else fits.

Frames (a length, then so many bytes, see `message`) over one connected stream socket, which both sides inherit.
Each question has a number, so that answers may come in any order.

Covered: a frame that is too long is refused before it is read; one that has begun must end within `FRAME_SECONDS`; an
answer to nothing that was asked ends the channel. No text of a provider's errors comes back, only the kind of error.
No threads, files or new sockets once a `Connection` is open: it works in a closed box, as long as everything happens
in the event loop that opened it.
Not covered: timing, and the sizes of frames, which the broker can see; what is in prompts and replies.
"""

import asyncio
import socket
from typing import TypeVar, assert_never

from pydantic import TypeAdapter, ValidationError

from bargaining.errors import (
    LimitReachedError,
    ModelReplyError,
    ModelTransientError,
    ModelUnavailableError,
    NegboxError,
    SandboxError,
)
from delegates.models.interface import Completion, Request, Usage
from sandbox.frame import HEAD_BYTES
from sandbox.message import (
    ANSWERS,
    BROKEN,
    LARGEST_ANSWER_BYTES,
    Ask,
    Cancel,
    Failure,
    Reply,
    decode,
    encode,
)
from sandbox.transcript import Told

FRAME_SECONDS = 30.0
"""The longest time from the first byte of a frame to its last."""
_CHUNK_BYTES = 2**16
_ENDED = "the channel to the broker has ended"

_Message = TypeVar("_Message")


class Connection:
    """One end of the channel. One task at a time may `receive`; any number may `send` and `exchange`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._buffer = bytearray()
        self._next = 0
        self._told = Told()
        self._waiting: dict[int, asyncio.Future[Reply | Failure | None]] = {}
        self._withdrawn: set[int] = set()
        self._listening: asyncio.Task[None] | None = None
        self._ended = False

    @classmethod
    async def open(cls, fd: int) -> "Connection":
        """Take over an inherited socket. It is closed with the connection.

        Raises:
            SandboxError: It is not a connected local stream socket.
        """
        try:
            sock = socket.socket(fileno=fd)
        except OSError:
            sock = None
        if sock is not None:
            try:
                sock.getpeername()
                sock.set_inheritable(False)  # the embedded engine is a child
                return cls(*await asyncio.open_unix_connection(sock=sock))
            except (OSError, ValueError):
                sock.close()
        raise SandboxError(
            "the channel is not a connected local socket: start the broker and the box together"
        )

    async def receive(self, expected: TypeAdapter[_Message], largest: int) -> _Message | None:
        """The next message, or None if the other end has hung up.

        Raises:
            SandboxError: It breaks the rules, stops in the middle, or takes too long.
        """
        try:
            if not self._buffer:
                self._buffer += await self._reader.read(_CHUNK_BYTES)
            if not self._buffer:
                return None
            if (data := self._frame(largest)) is None:
                async with asyncio.timeout(FRAME_SECONDS):
                    while (data := self._frame(largest)) is None:
                        chunk = await self._reader.read(_CHUNK_BYTES)
                        if not chunk:
                            break
                        self._buffer += chunk
            return decode(data or b"", expected)  # nothing is no message
        except (OSError, TimeoutError):
            pass  # raised below: this exception holds what was read
        raise SandboxError(BROKEN)

    def _frame(self, largest: int) -> bytes | None:
        """Take the first frame out of what has arrived, if all of it has; one that is too long is empty."""
        if len(self._buffer) < HEAD_BYTES:
            return None
        end = HEAD_BYTES + int.from_bytes(self._buffer[:HEAD_BYTES], "big")
        if end > HEAD_BYTES + largest:
            return b""
        if len(self._buffer) < end:
            return None
        data = bytes(self._buffer[HEAD_BYTES:end])
        del self._buffer[:end]
        return data

    async def send(self, message: Ask | Cancel | Reply | Failure) -> None:
        """Send a message, and wait while the other end is behind with reading.

        Raises:
            ValueError: It cannot be sent at all. See `encode`.
            SandboxError: The channel has ended.
        """
        data = encode(message)
        try:
            if not self._writer.is_closing():
                self._writer.write(data)
                await self._writer.drain()
                return
        except OSError:
            pass
        raise SandboxError(_ENDED)

    async def exchange(self, model: int, request: Request) -> Reply | Failure:
        """Ask a model of the list, and wait for an answer. If the wait is cancelled, the broker is told.

        Raises:
            ValueError: It cannot be sent at all. See `encode`.
            SandboxError: The channel has ended.
        """
        self._next += 1
        ask = self._told.ask(self._next, model, request)
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        waiting: asyncio.Future[Reply | Failure | None] = asyncio.get_running_loop().create_future()
        if not self._ended:
            self._waiting[ask.id] = waiting
            try:
                await self.send(ask)
                if (answer := await waiting) is not None:
                    if isinstance(answer, Reply):
                        self._told.answered(ask)
                    return answer
            except asyncio.CancelledError:
                if ask.id in self._waiting and not self._writer.is_closing():
                    self._withdrawn.add(ask.id)
                    self._writer.write(encode(Cancel(id=ask.id)))
                raise
            finally:
                self._waiting.pop(ask.id, None)
        raise SandboxError(_ENDED)

    async def close(self) -> None:
        """Hang up. Safe to call twice."""
        self._end()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])

    async def _listen(self) -> None:
        """Hand each answer to whoever waits for it, until the channel ends."""
        try:
            while (answer := await self.receive(ANSWERS, LARGEST_ANSWER_BYTES)) is not None:
                if (waiting := self._waiting.pop(answer.id, None)) is not None:
                    if not waiting.done():
                        waiting.set_result(answer)
                elif answer.id in self._withdrawn:
                    self._withdrawn.discard(answer.id)
                else:
                    return  # answered twice, or never asked: nothing else that it says can be trusted
        except SandboxError:
            pass  # whoever waits is told
        finally:
            self._end()

    def _end(self) -> None:
        self._ended = True
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()
        # not `close`: that would wait until the other end has read everything
        self._writer.transport.abort()


class ChannelModel:
    """A model that a broker asks. Several may share a connection.

    Args:
        connection: To the broker. Closing the model leaves it open.
        index: The model's place in the list of the run.
        spec: The model's public name.
    """

    def __init__(self, connection: Connection, index: int, spec: str) -> None:
        self.spec = spec
        self._connection, self._index = connection, index
        self._closed = False

    async def complete(self, request: Request) -> Completion:
        """Ask once; the broker tries again where that may help. See `Model`.

        Raises:
            LimitReachedError: The broker allows the run no more.
        """
        if self._closed:
            raise ModelUnavailableError("the model was closed: open it again")
        problem: NegboxError = ModelUnavailableError(
            "the connection to the broker is lost: start the run again"
        )
        try:
            answer = await self._connection.exchange(self._index, request)
            if isinstance(answer, Reply):
                usage = None if answer.usage is None else Usage(**dict(answer.usage))
                return Completion(answer.text, usage, answer.structure)
            problem = _error(answer, self.spec)
        except SandboxError:
            pass  # raised below, as an error of the model
        except (ValidationError, ValueError, TypeError, RecursionError):
            problem = ModelUnavailableError("the request cannot be sent: shorten the brief or the agenda")
        raise problem

    async def close(self) -> None:
        """Ask no more."""
        self._closed = True


def _error(failure: Failure, spec: str) -> NegboxError:
    match failure.kind:
        case "ModelUnavailableError":
            return ModelUnavailableError(
                f"{spec} cannot be used: check its name, its key and its server, and that the prompt fits it"
            )
        case "ModelTransientError":
            return ModelTransientError(
                f"{spec} is busy, slow or failing: try later", failure.retry_after_seconds
            )
        case "ModelReplyError":
            return ModelReplyError(f"{spec} answered with something that cannot be used")
        case "LimitReachedError":
            return LimitReachedError("the run has used up what its models may be asked: allow more")
        case _:
            assert_never(failure.kind)
