"""Frames between the supervisor and the processes that it starts: a length and so many bytes.

The children read and write them with plain system calls, which a closed box still has; the supervisor awaits them.
Covered: a frame that is too long is refused before it is read. Not covered: what is in it.
"""

import asyncio
import os
import socket
import struct
from contextlib import suppress

from bargaining.errors import SandboxError

_LENGTH = struct.Struct(">I")
HEAD_BYTES = _LENGTH.size
"""How many bytes say how long a frame is."""
_BROKEN = "a process of the box ended too early or did not keep to the protocol"


def pack(content: bytes) -> bytes:
    """A frame."""
    return _LENGTH.pack(len(content)) + content


def send(fd: int, content: bytes) -> None:
    """Write a frame."""
    rest = pack(content)
    while rest:
        rest = rest[os.write(fd, rest) :]


def receive(fd: int, most: int) -> bytes:
    """Read a frame of at most so many bytes.

    Raises:
        SandboxError: It is longer, or there is none.
    """
    (length,) = _LENGTH.unpack(_exactly(fd, _LENGTH.size))
    if length > most:
        raise SandboxError(_BROKEN)
    return _exactly(fd, length)


def wait_for_end(fd: int) -> None:
    """Wait until the other side hangs up. A process that is to be wiped must not end by itself."""
    try:
        while os.read(fd, 4096):
            pass
    except OSError:
        pass


async def send_to(sock: socket.socket, content: bytes) -> None:
    """Write a frame to a socket that does not block.

    Raises:
        SandboxError: Nobody is there to read it.
    """
    with suppress(OSError):
        await asyncio.get_running_loop().sock_sendall(sock, pack(content))
        return
    raise SandboxError(_BROKEN)


async def receive_from(sock: socket.socket, most: int) -> bytes | None:
    """Read a frame of at most so many bytes from a socket that does not block; None at the end.

    Raises:
        SandboxError: It is longer, or stops in the middle.
    """
    head = await _exactly_from(sock, _LENGTH.size, may_end=True)
    if not head:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > most:
        raise SandboxError(_BROKEN)
    return await _exactly_from(sock, length)


def _exactly(fd: int, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        chunk = os.read(fd, count - len(data))
        if not chunk:
            raise SandboxError(_BROKEN)
        data += chunk
    return bytes(data)


async def _exactly_from(sock: socket.socket, count: int, *, may_end: bool = False) -> bytes:
    loop, data = asyncio.get_running_loop(), bytearray()
    while len(data) < count:
        try:
            chunk = await loop.sock_recv(sock, count - len(data))
        except OSError:
            chunk = b""
        if not chunk:
            if may_end and not data:
                return b""
            raise SandboxError(_BROKEN)
        data += chunk
    return bytes(data)
