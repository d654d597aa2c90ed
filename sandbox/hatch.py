"""The hatch: a socket in a folder, at which sealed briefs are handed in, and the result is handed out.

    negbox box open    holds the box, and listens here
    negbox box run     comes with two sealed briefs, and waits for the result

Covered: only the user who opened the box, and root, can come; what is handed in is a sealed brief or refused; one
run at a time. Whoever comes and goes away again ends the run. Not covered: what is in a sealed brief.
"""

import asyncio
import fcntl
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from bargaining.errors import InvalidInputError, SandboxError
from sandbox import frame
from sandbox.job import LARGEST_BYTES
from sandbox.seal import SealedBrief
from sandbox.told import TOLD, Finished, Refused, Told, Turn

SOCKET = "box.sock"
BRIEFS = 2
HAND_IN_SECONDS = 30.0
HAND_OUT_SECONDS = 30.0
_WAITING = 4


class Caller:
    """Who came to the hatch.

    Args:
        line: To it.
    """

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    async def briefs(self) -> tuple[SealedBrief, ...]:
        """What is handed in.

        Raises:
            SealError: It is not sealed briefs.
            SandboxError: Nothing is handed in, or not in time.
        """
        try:
            async with asyncio.timeout(HAND_IN_SECONDS):
                read = [await frame.receive_from(self._line, LARGEST_BYTES) for _ in range(BRIEFS)]
        except TimeoutError:
            raise SandboxError("no brief was handed in") from None
        return tuple(SealedBrief.from_bytes(data or b"") for data in read)

    def tell(self, told: Turn) -> None:
        """Tell of a turn. Nobody waits for a caller that does not listen: it is hung up on."""
        framed = frame.pack(told.model_dump_json().encode())
        with suppress(OSError):
            if self._line.send(framed, socket.MSG_DONTWAIT) < len(framed):
                self._line.shutdown(socket.SHUT_RDWR)

    async def finish(self, told: Refused | Finished) -> None:
        """Tell the last thing.

        Raises:
            SandboxError: The caller has gone.
        """
        try:
            async with asyncio.timeout(HAND_OUT_SECONDS):
                return await frame.send_to(self._line, told.model_dump_json().encode())
        except TimeoutError:
            pass
        raise SandboxError("the caller does not listen")

    async def gone(self) -> None:
        """Wait until the caller goes away."""
        with suppress(OSError):
            while await asyncio.get_running_loop().sock_recv(self._line, 4096):
                pass

    def close(self) -> None:
        """Hang up."""
        self._line.close()


class Hatch:
    """Made by `opened`.

    Args:
        listening: Where callers come.
    """

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening

    async def caller(self) -> Caller:
        """The next who comes."""
        line, _ = await asyncio.get_running_loop().sock_accept(self._listening)
        line.setblocking(False)
        return Caller(line)


@contextmanager
def opened(folder: Path) -> Iterator[Hatch]:
    """A hatch in a folder, for this user alone, as long as the block lasts.

    Raises:
        InvalidInputError: There is one already, or none can be made.
    """
    problem = ""
    with _held(folder) as descriptor, socket.socket(socket.AF_UNIX) as listening:
        path = _path(descriptor)
        if not _alone(descriptor) or _answers(path):
            raise InvalidInputError(f"{folder}: a box is open there already; choose another folder with --at")
        mask = os.umask(0o177)
        try:
            with suppress(FileNotFoundError):
                os.unlink(path)  # of one that was killed
            listening.bind(path)
        except OSError as error:
            problem = error.strerror or "no socket can be made there"
        finally:
            os.umask(mask)
        if problem:
            raise InvalidInputError(f"{folder}: cannot be used ({problem}); choose another folder with --at")
        try:
            listening.listen(_WAITING)
            listening.setblocking(False)
            yield Hatch(listening)
        finally:
            with suppress(OSError):
                os.unlink(path)


class Visit:
    """A visit to the hatch of an open box. Made by `visiting`.

    Args:
        line: To whoever holds the box.
    """

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def hand_in(self, sealed: Sequence[SealedBrief]) -> None:
        """Hand in the sealed briefs.

        Raises:
            SandboxError: The box has gone.
        """
        try:
            for brief in sealed:
                frame.send(self._line.fileno(), brief.to_bytes())
        except OSError:
            pass
        else:
            return
        raise SandboxError("the box has gone: open another, and seal the briefs to its claim")

    def hear(self) -> Told:
        """Wait for the next thing that is told.

        Raises:
            SandboxError: The box has gone.
        """
        with suppress(OSError, ValidationError, SandboxError):
            return TOLD.validate_json(frame.receive(self._line.fileno(), LARGEST_BYTES))
        raise SandboxError("the box has gone without a result: nothing was released")


@contextmanager
def visiting(folder: Path) -> Iterator[Visit]:
    """Go to the hatch in a folder.

    Raises:
        InvalidInputError: No box is open there.
    """
    with socket.socket(socket.AF_UNIX) as line:
        problem = ""
        with _held(folder) as descriptor:
            try:
                line.connect(_path(descriptor))
            except OSError as error:
                problem = error.strerror or "no answer"
        if problem:
            raise InvalidInputError(
                f"{folder}: no box is open there ({problem}); 'negbox box open' opens one, as this user"
            )
        yield Visit(line)


@contextmanager
def _held(folder: Path) -> Iterator[int]:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise InvalidInputError(f"{folder}: {error.strerror}; it must be a folder") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _path(descriptor: int) -> str:
    """The socket by a name that is short enough for one: they have at most 107 bytes."""
    return f"/proc/self/fd/{descriptor}/{SOCKET}"


def _alone(descriptor: int) -> bool:
    """Whether nobody else holds the folder. From now on this process does, until it closes it or ends."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    return True


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as line:
        return line.connect_ex(path) == 0
