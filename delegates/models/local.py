"""The embedded engine: any GGUF weights, on this machine, with no server and no network.

The engine runs in a child process of its own (`engine.py`), so that a crash or a full memory ends the child
and not the negotiation, and closing is one kill. It starts at the first request and answers one at a time.
One engine can serve both sides: it keeps the prefix of up to `CONVERSATIONS` conversations.

Covered: structure, enforced by the JSON schema while sampling; the same seed and requests give the same
replies on one machine (there are `STREAMS` different streams of random numbers). A request that is cancelled
or takes too long kills the engine, and the next one starts it anew, at the beginning of the seed's stream.
Not covered: GPUs; equal replies on different machines.
"""

import asyncio
import contextlib
import errno
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bargaining.errors import (
    ModelError,
    ModelReplyError,
    ModelTransientError,
    ModelUnavailableError,
)
from delegates.models import cpu, weights
from delegates.models.interface import Completion, JsonSchema, Request, Usage

CONVERSATIONS = 8
"""How many conversations keep their prefix in the engine's memory."""
STREAMS = 32
"""How many different streams of random numbers there are."""

_HEADER = struct.Struct(">I")
_ENGINE = Path(__file__).with_name("engine.py")
# On its own the engine's grammar admits endless white space, in which a small model can lose itself.
_COMPACT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
_LAST_BREATH_SECONDS = 1.0
_MEMORY_ADVICE = "It may have run out of memory: close other programs, or choose smaller weights."


class LocalModel:
    """GGUF weights in the embedded engine.

    Args:
        source: An alias from the catalogue (`negbox models list`) or a path to a `.gguf` file.
        seed: Chooses the stream of random numbers, modulo `STREAMS`.
        timeout_seconds: The longest time for one reply. A first prompt can take half a minute.
        start_timeout_seconds: The longest time for loading the weights.
        temperature: 0 always takes the likeliest token.
        command: The engine's command line without the socket's number, for tests.

    Raises:
        InvalidModelError: The weights are not there, or the file holds something else.
    """

    def __init__(
        self,
        source: str,
        seed: int = 0,
        *,
        timeout_seconds: float = 300.0,
        start_timeout_seconds: float = 300.0,
        temperature: float = 0.7,
        command: Sequence[str] | None = None,
    ) -> None:
        self._path = weights.find(source)
        self._source = source
        self._seed = seed
        self._timeout_seconds = timeout_seconds
        self._start_timeout_seconds = start_timeout_seconds
        self._temperature = temperature
        self._command = tuple(command) if command else (sys.executable, "-P", str(_ENGINE))
        self._lock = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._context: int | None = None
        self._busy = False
        self._closed = False

    @property
    def spec(self) -> str:
        """The spec that this model was made from."""
        return f"local/{self._source}"

    @property
    def pid(self) -> int | None:
        """The engine's process, while it runs."""
        return self._process.pid if self._process else None

    @property
    def context(self) -> int | None:
        """How many tokens prompt and reply may have together; known once the engine runs."""
        return self._context

    async def start(self) -> None:
        """Load the weights now instead of at the first request. Does nothing if the engine runs.

        Raises:
            ModelUnavailableError: The engine cannot run these weights.
            ModelTransientError: Loading took too long.
        """
        async with self._lock:
            await self._start()

    async def complete(self, request: Request) -> Completion:
        """Ask once. The first call also loads the weights."""
        async with self._lock:
            await self._start()
            answer = await self._exchange(self._order(request), self._timeout_seconds)
        try:
            usage = Usage(
                input_tokens=int(answer["input_tokens"]),
                cached_tokens=int(answer["cached_tokens"]),
                output_tokens=int(answer["output_tokens"]),
            )
            return Completion(text=str(answer["text"]), usage=usage, structure="schema")
        except (KeyError, TypeError, ValueError):
            pass  # raised below: this exception could hold the reply
        raise ModelReplyError("The embedded engine answered with something that is not a reply.")

    async def close(self) -> None:
        """Kill the engine. Safe to call twice; a pending request fails."""
        self._closed = True
        self._kill()

    def _order(self, request: Request) -> dict[str, Any]:
        messages = [{"role": "system", "content": request.system}]
        messages += [{"role": turn.role, "content": turn.text} for turn in request.turns]
        return {
            "messages": messages,
            "schema": _compact(request.schema),
            "max_tokens": request.max_tokens,
            "temperature": self._temperature,
        }

    async def _start(self) -> None:
        if self._closed:
            raise ModelUnavailableError(
                "The embedded engine has been closed. Open the model again to use it."
            )
        if self._process and self._process.poll() is None:
            return
        self._kill()
        self._spawn(await cpu.free_cores())
        order = {
            "path": str(self._path),
            # an odd number: after 2n - 1 and after 2n tokens the engine goes on alike
            "skip": 1 + 2 * (self._seed % STREAMS),
            "conversations": CONVERSATIONS,
        }
        try:
            answer = await self._exchange(order, self._start_timeout_seconds)
        except ModelError:
            self._kill()
            raise
        self._context = answer.get("context")

    def _spawn(self, threads: int) -> None:
        ours, theirs = socket.socketpair()
        try:
            ours.setblocking(False)
            self._process = subprocess.Popen(  # noqa: S603 - our own file, by our own interpreter
                [*self._command, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                cwd="/",
                env=_environment(threads),
            )
        except OSError as error:
            ours.close()
            reason = os.strerror(error.errno or errno.EIO)
            raise ModelUnavailableError(f"The embedded engine cannot be started: {reason}.") from None
        finally:
            theirs.close()
        self._socket = ours

    async def _exchange(self, order: dict[str, Any], timeout_seconds: float) -> dict[str, Any]:
        """Send an order and wait for its answer.

        Whatever interrupts it also kills the engine: a late answer would be taken for the next one.
        """
        failure: ModelError
        try:
            async with asyncio.timeout(timeout_seconds):
                answer = await self._roundtrip(json.dumps(order).encode())
        except TimeoutError:
            self._kill()
            failure = ModelTransientError(
                f"The embedded engine took longer than {timeout_seconds:g} s. Give it more time, "
                "fewer other programs beside it, or smaller weights."
            )
        except (OSError, EOFError, ValueError):
            failure = self._obituary()
        except BaseException:
            self._kill()
            raise
        else:
            if (fault := answer.get("fault")) is None:
                return answer
            failure = _failure(str(fault), self.spec)
        raise failure

    async def _roundtrip(self, body: bytes) -> dict[str, Any]:
        connection = self._socket
        assert connection
        self._busy = True
        try:
            await asyncio.get_running_loop().sock_sendall(connection, _HEADER.pack(len(body)) + body)
            (length,) = _HEADER.unpack(await _receive(connection, _HEADER.size))
            answer = json.loads(await _receive(connection, length))
        finally:
            self._busy = False
            if self._socket is not connection:  # closed by another task meanwhile
                connection.close()
        if not isinstance(answer, dict):
            raise ValueError
        return answer

    def _obituary(self) -> ModelError:
        """Why the engine is gone. Call it once the socket has ended."""
        if self._process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_LAST_BREATH_SECONDS)
        code = self._kill()
        if self._closed:
            return ModelUnavailableError("The embedded engine was closed while it was asked.")
        if code is None or code >= 0:
            how = "ended"
        else:
            how = "was killed" if code == -signal.SIGKILL else f"crashed (signal {-code})"
        return ModelUnavailableError(f"The embedded engine {how} without an answer. {_MEMORY_ADVICE}")

    def _kill(self) -> int | None:
        """Kill and reap the engine, at once and without awaiting: this also runs while a task is cancelled.

        Returns:
            Its exit status as `subprocess` gives it: its own, if it had already ended.
        """
        process, self._process = self._process, None
        connection, self._socket = self._socket, None
        if process and process.poll() is None:
            process.kill()
        if connection and self._busy:
            # Another task still reads: it sees the end and closes. Closed here, it would wait for ever.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        elif connection:
            connection.close()
        return process.wait() if process else None


async def _receive(connection: socket.socket, size: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = bytearray()
    while len(data) < size:
        chunk = await loop.sock_recv(connection, min(size - len(data), 65536))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)


def _compact(schema: JsonSchema) -> dict[str, Any]:
    return {**schema, "x-guidance": _COMPACT}


def _environment(threads: int) -> dict[str, str]:
    """All that the engine knows of the environment: no proxies, no tokens, no caches, no log settings."""
    return {
        "HF_HOME": "/nonexistent",
        "HF_HUB_OFFLINE": "1",
        "HOME": "/nonexistent",  # it looks for a cache there, which it does not use; without a home it does not start
        "LANG": "C.UTF-8",
        "RAYON_NUM_THREADS": os.environ.get("RAYON_NUM_THREADS") or str(threads),
    }


_FAULTS = {
    "missing": "The embedded engine is not installed for this Python. Install the package 'mistralrs' "
    "(Linux, macOS on Apple silicon), or use another model.",
    "memory": "There is not enough memory for {spec}. " + _MEMORY_ADVICE,
    "architecture": "The embedded engine does not know the architecture of {spec}. Choose weights of a "
    "common family (Llama, Qwen, Mistral, Phi, Gemma, SmolLM).",
    "load": "The embedded engine cannot load {spec}. The file may be damaged or of a kind that it does "
    "not know: try 'negbox models check', or other weights.",
    "template": "{spec} has no chat template that the embedded engine can use. Choose weights of an "
    "instruction-tuned model.",
    "context": "The conversation has become too long for {spec}. Shorten the brief, allow fewer rounds, "
    "or choose weights with a longer context.",
    "grammar": "The embedded engine cannot enforce this agenda's schema of moves. Simplify the agenda's "
    "issues, or use another model.",
}


def _failure(fault: str, spec: str) -> ModelError:
    """The error for a fault that the engine named."""
    if message := _FAULTS.get(fault):
        return ModelUnavailableError(message.format(spec=spec))
    return ModelReplyError("The embedded engine failed at this request.")
