"""The least that two processes take: the negotiation in one, its models in another, and bare lines between them.

    python -m benchmarks.box.floor KIND FOLDER PORT COUNT

No walls, no checks, no budget of the broker's, no increments: a request goes over as a pickle behind its length, the
reply comes back so. Whatever a boxed move takes beyond this is the walls'; what this takes beyond one process is what
every box must take that keeps its keys and its network in another process. Prints as `benchmarks.box.alone` does.
"""

import asyncio
import json
import os
import pickle
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from benchmarks.box import gauge
from benchmarks.box.job import Job, job
from benchmarks.box.timing import Mark, Timing, timed
from delegates.budget import Budget
from delegates.models.interface import Completion, Model, Request
from delegates.models.spec import ModelSpec, open_model, parse
from graphs.state import Progress
from sandbox.box import Box
from sandbox.rehearsal import rehearse
from sandbox.warmup import warm_up

_LENGTH = struct.Struct(">I")


class FarModel:
    """A model in the other process.

    Args:
        spec: Its name.
        place: Which of those there.
        line: To it.
    """

    def __init__(self, spec: ModelSpec, place: int, line: socket.socket) -> None:
        self.spec = str(spec)
        self._place, self._line = place, line

    async def complete(self, request: Request) -> Completion:
        """Ask."""
        plain = (request.system, request.turns, dict(request.schema), request.max_tokens)
        await _send(self._line, pickle.dumps((self._place, plain)))
        found: Completion = pickle.loads(await _receive(self._line))  # from our own child
        return found

    async def close(self) -> None:
        """Nothing to close here."""


async def _send(line: socket.socket, content: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(line, _LENGTH.pack(len(content)) + content)


async def _receive(line: socket.socket) -> bytes:
    loop, data = asyncio.get_running_loop(), b""
    while len(data) < _LENGTH.size or len(data) < _LENGTH.size + _LENGTH.unpack_from(data)[0]:
        if not (chunk := await loop.sock_recv(line, 2**18)):
            raise EOFError
        data += chunk
    return data[_LENGTH.size :]


async def _serve(specs: list[ModelSpec], line: socket.socket) -> None:
    """Be the other process."""
    models: list[Model] = [open_model(spec, environment={}) for spec in specs]
    while True:
        place, plain = pickle.loads(await _receive(line))  # from our own parent
        await _send(line, pickle.dumps(await models[place].complete(Request(*plain))))


def _started(specs: list[ModelSpec]) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The other process: a fresh one, as a broker is, since a fork would pay for the pages that it shares."""
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-m", "benchmarks.box.floor", str(theirs.fileno()), *map(str, specs)]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
    ours.recv(1)  # it is warm
    ours.setblocking(False)
    return process, ours


def serve(fd: int, names: Sequence[str]) -> None:
    """Be the other process, until the line ends."""
    asyncio.run(warm_up(set(names)))
    line = socket.socket(fileno=fd)
    line.send(b".")
    line.setblocking(False)
    with suppress(EOFError):
        asyncio.run(_serve([parse(name) for name in names], line))
    os._exit(0)


async def _run(one: Job, pid: int, line: socket.socket, specs: list[ModelSpec]) -> Timing:
    turns: list[tuple[int, Mark]] = []

    def mark() -> Mark:
        return Mark(time.perf_counter(), {"box": time.process_time(), "broker": gauge.cpu_seconds(pid)})

    def observe(progress: Progress) -> None:
        turns.append((progress.turn, mark()))

    begin = mark()
    box = Box(one.seats, Budget(), opener=lambda spec, _: FarModel(spec, specs.index(spec), line))
    released = await box.run(one.agenda, one.briefs, observe)
    end = mark()
    return timed((begin, begin, end, end), turns, released)


def main() -> None:
    """Run and print."""
    if sys.argv[1].isdigit():
        serve(int(sys.argv[1]), sys.argv[2:])
    kind, folder, port, count = sys.argv[1:]
    rehearse()
    one = job(kind, Path(folder), int(port))  # type: ignore[arg-type]
    specs = list(dict.fromkeys(seat.model for seat in one.seats.values()))
    asyncio.run(warm_up({str(spec) for spec in specs}))
    other, line = _started(specs)

    async def run() -> list[Timing]:
        return [await _run(one, other.pid, line, specs) for _ in range(int(count))]

    timings = asyncio.run(run())
    line.close()
    other.wait()
    json.dump([asdict(timing) for timing in timings], sys.stdout)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
