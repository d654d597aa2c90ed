"""The box's end of the channel: models that a broker asks, one question at a time.

Covered: whoever gives up is forgotten: the question is withdrawn, and an answer that is on its way reaches nobody. An
answer to nothing that was asked ends the line. No text of a provider's errors comes back, only the kind of error.
No threads, files or new sockets once a `Line` is open: it works in a closed box.
Not covered: timing, and the sizes of frames, which the broker can see; what is in prompts and replies.
"""

import asyncio
import select
import socket
from contextlib import suppress
from typing import assert_never

from pydantic import ValidationError

from bargaining.errors import (
    LimitReachedError,
    ModelReplyError,
    ModelTransientError,
    ModelUnavailableError,
    NegboxError,
    SandboxError,
)
from delegates.models.interface import Completion, Request, Usage
from sandbox.channel import CHUNK_BYTES, ENDED, Messages, taken_over
from sandbox.message import ANSWERS, LARGEST_ANSWER_BYTES, Ask, Cancel, Failure, Reply, encode
from sandbox.transcript import Told

AT_ONCE_SECONDS = 0.05
"""An answer that comes so soon is waited for without the event loop, which would take longer than all else in a
question. Whatever else is to happen, such as the end of a time limit, happens so much later at most."""


class Line:
    """To a broker.

    Args:
        sock: Connected and not blocking. It is closed with the line.
        at_once_seconds: How long an answer is waited for before anything else may happen.
    """

    def __init__(self, sock: socket.socket, at_once_seconds: float = AT_ONCE_SECONDS) -> None:
        self._socket = sock
        self._at_once_ms = 1000 * at_once_seconds
        self._readable = select.poll()
        self._readable.register(sock, select.POLLIN)
        self._messages = Messages(self._read)
        self._turn = asyncio.Lock()
        self._told = Told()
        self._number = 0
        self._withdrawn: set[int] = set()

    @classmethod
    def open(cls, fd: int, at_once_seconds: float = AT_ONCE_SECONDS) -> "Line":
        """Take over an inherited socket.

        Raises:
            SandboxError: It is not a connected local stream socket.
        """
        return cls(taken_over(fd), at_once_seconds)

    async def exchange(self, model: int, request: Request) -> Reply | Failure:
        """Ask a model of the list, and wait for an answer. If the wait is cancelled, the broker is told.

        Raises:
            ValueError: It cannot be sent at all. See `encode`.
            SandboxError: The line has ended.
        """
        async with self._turn:
            self._number += 1
            ask = self._told.ask(self._number, model, request)
            await self._send(encode(ask))
            answer = await self._answer(ask)
            if isinstance(answer, Reply):
                self._told.answered(ask)
            return answer

    def close(self) -> None:
        """Hang up. Safe to call twice."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # whoever waits hears that
        if not self._turn.locked():
            self._socket.close()

    async def _send(self, data: bytes) -> None:
        whole = False
        try:
            sent = self._sent(data)
            if sent < len(data):
                await asyncio.get_running_loop().sock_sendall(self._socket, memoryview(data)[sent:])
            whole = True
        except OSError:
            pass
        finally:
            if not whole:  # the rest of a frame cannot be sent later
                self._socket.close()
        if not whole:
            raise SandboxError(ENDED)

    def _sent(self, data: bytes) -> int:
        """How many bytes could be written at once."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    async def _answer(self, ask: Ask) -> Reply | Failure:
        try:
            while (answer := await self._messages.receive(ANSWERS, LARGEST_ANSWER_BYTES)) is not None:
                if answer.id == ask.id:
                    return answer
                if answer.id not in self._withdrawn:
                    break  # answered twice, or never asked: nothing else that it says can be trusted
                self._withdrawn.discard(answer.id)
        except asyncio.CancelledError:
            self._withdraw(ask)
            raise
        except SandboxError:
            pass
        self._socket.close()
        raise SandboxError(ENDED)

    def _withdraw(self, ask: Ask) -> None:
        self._withdrawn.add(ask.id)
        data = encode(Cancel(id=ask.id))
        sent = 0
        with suppress(OSError):
            sent = self._sent(data)
        if sent < len(data):  # the broker does not read: it hears of it by the end of the line
            self._socket.close()

    async def _read(self) -> bytes:
        if self._readable.poll(self._at_once_ms):
            return self._socket.recv(CHUNK_BYTES)
        return await asyncio.get_running_loop().sock_recv(self._socket, CHUNK_BYTES)


class ChannelModel:
    """A model that a broker asks. Several may share a line.

    Args:
        line: To the broker. Closing the model leaves it open.
        index: The model's place in the list of the run.
        spec: The model's public name.
    """

    def __init__(self, line: Line, index: int, spec: str) -> None:
        self.spec = spec
        self._line, self._index = line, index
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
            answer = await self._line.exchange(self._index, request)
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
