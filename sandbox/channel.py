"""The channel between a box and its broker: questions to listed models, and what comes back. Nothing else fits.

Frames (a length, then so many bytes, see `message`) over one connected stream socket, which both sides inherit.
Each question has a number, so that answers may come in any order. The box's end is `channel_model`.

Covered: a frame that is too long is refused before it is read; one that has begun must end within `FRAME_SECONDS`.
No threads, files or new sockets once a `Connection` is open: it works in a closed process, as long as everything
happens in the event loop that opened it.
Not covered: timing, and the sizes of frames; what is in prompts and replies.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import TypeAdapter

from bargaining.errors import SandboxError
from sandbox.frame import HEAD_BYTES
from sandbox.message import BROKEN, Ask, Cancel, Failure, Reply, decode, encode

FRAME_SECONDS = 30.0
"""The longest time from the first byte of a frame to its last."""
CHUNK_BYTES = 2**16
ENDED = "the channel to the broker has ended"

_Message = TypeVar("_Message")


def taken_over(fd: int) -> socket.socket:
    """An inherited socket, not blocking.

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
            if (sock.family, sock.type) == (socket.AF_UNIX, socket.SOCK_STREAM):
                sock.set_inheritable(False)  # the embedded engine is a child
                sock.setblocking(False)
                return sock
        except OSError:
            pass
        sock.close()
    raise SandboxError("the channel is not a connected local socket: start the broker and the box together")


class Messages:
    """What arrives, message by message.

    Args:
        read: Waits for more bytes; none: the other end has hung up.
    """

    def __init__(self, read: Callable[[], Awaitable[bytes]]) -> None:
        self._read = read
        self._buffer = bytearray()

    async def receive(self, expected: TypeAdapter[_Message], largest: int) -> _Message | None:
        """The next message, or None if the other end has hung up.

        Raises:
            SandboxError: It breaks the rules, stops in the middle, or takes too long.
        """
        try:
            if not self._buffer:
                self._buffer += await self._read()
            if not self._buffer:
                return None
            if (data := self._frame(largest)) is None:
                async with asyncio.timeout(FRAME_SECONDS):
                    while (data := self._frame(largest)) is None:
                        chunk = await self._read()
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


class Connection:
    """The broker's end of the channel. One task at a time may `receive`; any number may `send`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._messages = Messages(lambda: reader.read(CHUNK_BYTES))

    @classmethod
    async def open(cls, fd: int) -> "Connection":
        """Take over an inherited socket. It is closed with the connection.

        Raises:
            SandboxError: It is not a connected local stream socket.
        """
        return cls(*await asyncio.open_unix_connection(sock=taken_over(fd)))

    async def receive(self, expected: TypeAdapter[_Message], largest: int) -> _Message | None:
        """The next message, or None if the other end has hung up.

        Raises:
            SandboxError: It breaks the rules, stops in the middle, or takes too long.
        """
        return await self._messages.receive(expected, largest)

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
        raise SandboxError(ENDED)

    def close(self) -> None:
        """Hang up, whatever the other end has not read yet. Safe to call twice."""
        self._writer.transport.abort()
