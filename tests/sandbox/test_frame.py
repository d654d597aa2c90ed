"""Frames: whole, in order, and not too long."""

import asyncio
import os
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining.errors import SandboxError
from sandbox import frame


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_frames_arrive_as_they_were_sent(contents: list[bytes]) -> None:
    async def run() -> list[bytes | None]:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.setblocking(False)
            for content in contents:
                frame.send(ours.fileno(), content)
            ours.close()
            return [await frame.receive_from(theirs, 200) for _ in (*contents, "end")]

    assert asyncio.run(run()) == [*contents, None]


def test_a_child_reads_what_is_sent_to_it() -> None:
    async def run() -> bytes:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            await frame.send_to(ours, b"job")
            return frame.receive(theirs.fileno(), 3)

    assert asyncio.run(run()) == b"job"


@pytest.mark.parametrize(
    "sent", [b"", b"\0\0", struct.pack(">I", 4) + b"abc", struct.pack(">I", 5) + b"abcde", b"\xff" * 4]
)
def test_what_is_cut_off_or_too_long_is_refused(sent: bytes) -> None:
    read, write = os.pipe()
    os.write(write, sent)
    os.close(write)
    with pytest.raises(SandboxError):
        frame.receive(read, 4)
    os.close(read)


@pytest.mark.parametrize("sent", [b"\0\0", struct.pack(">I", 4) + b"abc", struct.pack(">I", 5) + b"abcde"])
def test_the_supervisor_refuses_it_too(sent: bytes) -> None:
    async def run() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.setblocking(False)
            ours.sendall(sent)
            ours.close()
            await frame.receive_from(theirs, 4)

    with pytest.raises(SandboxError):
        asyncio.run(run())
