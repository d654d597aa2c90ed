"""Where the CPU of a boxed move goes: samples of the call stack, in box and broker at work and in one process.

    in process   no channel
    channel      the same in one process, with box, channel, broker and account in one event loop: what the code costs
    box, broker  the real processes, from the sealing of the briefs on: what it costs to be several, too

CPU of a part is its share of the samples. Sampling costs a few per cent. Linux only.
"""

import asyncio
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from benchmarks.box import gauge, sampling
from benchmarks.box.job import Job, job
from benchmarks.box.timing import Watched, in_process, walled
from delegates.budget import Budget
from delegates.models.spec import open_model
from graphs.alternating import unobserved
from sandbox import job as orders
from sandbox.account import Account
from sandbox.allowance import Allowance
from sandbox.broker import Broker
from sandbox.channel import Connection
from sandbox.inside import Session
from sandbox.isolation.interface import Child, Isolation, Room
from sandbox.seating import Seating

_SAMPLED = {"sandbox.inside": "box", "sandbox.broker": "broker"}


class Sampler:
    """Counts, while it is on, what this process spends its CPU on."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.seconds = 0.0

    def __enter__(self) -> "Sampler":
        self._begin = time.process_time()
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, sampling.EVERY_SECONDS, sampling.EVERY_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        self.seconds += time.process_time() - self._begin

    def _sample(self, _: int, frame: FrameType | None) -> None:
        self.counts[sampling.part_of(frame)] += 1


class _Sampled(Watched):
    """Walls around processes that count what they do, from when they are ready."""

    def __init__(self, walls: Isolation, pipes: Mapping[str, tuple[int, int]]) -> None:
        super().__init__(walls)
        self._pipes = pipes

    def spawn(self, module: str, arguments: Sequence[str], fds: Sequence[int], room: Room) -> Child:
        name = _SAMPLED.get(module)
        if name is None:
            return super().spawn(module, arguments, fds, room)
        _, writing = self._pipes[name]
        told = [str(writing), module, *arguments]
        child = super().spawn("benchmarks.box.sampling", told, [*fds, writing], room)
        self.children[name] = self.children.pop("sampling")
        return child

    def briefing(self) -> None:
        if self.children and self.ready is None:
            for reading, _ in self._pipes.values():
                sampling.read(reading)  # how they started is not asked
        super().briefing()


@dataclass(frozen=True, slots=True)
class Shares:
    """CPU milliseconds of a move by part."""

    columns: Mapping[str, Mapping[str, float]]

    def table(self) -> str:
        """A line for each part, the most expensive of the box first."""
        last = list(self.columns.values())
        parts = sorted(sampling.NAMES, key=lambda part: -sum(column.get(part, 0) for column in last[2:]))
        lines = [[part, *(f"{column.get(part, 0.0):.2f}" for column in last)] for part in parts]
        lines.append(["all", *(f"{sum(column.values()):.2f}" for column in last)])
        return gauge.table(["ms of CPU a move", *self.columns], lines)


def profile(walls: Isolation, folder: Path, port: int, count: int, runs: int) -> Shares:
    """The job that has a server, each way.

    Args:
        walls: Around the real processes.
        folder: For scripts.
        port: Of the mock server.
        count: How often in one process.
        runs: How often in several.
    """
    plain, channelled, moves = Sampler(), Sampler(), 0
    work = job("server", folder, port)
    asyncio.run(in_process(work))
    asyncio.run(_across(work))
    for _ in range(count):
        with plain:
            timing = asyncio.run(in_process(work))
        moves += timing.turns
        with channelled:
            asyncio.run(_across(work))
    columns = {"in process": _each(plain.counts, plain.seconds, moves)}
    columns["channel"] = _each(channelled.counts, channelled.seconds, moves)
    return Shares(columns | _at_work(walls, work, runs))


def _at_work(walls: Isolation, work: Job, runs: int) -> dict[str, dict[str, float]]:
    """Box and broker as they are."""
    found: dict[str, Counter[str]] = {name: Counter() for name in _SAMPLED.values()}
    seconds = dict.fromkeys(found, 0.0)
    moves = 0
    with ExitStack() as opened:
        pipes = {name: _pipe(opened) for name in found}
        for _ in range(runs):
            timing = asyncio.run(walled(work, _Sampled(walls, pipes)))
            moves += timing.turns
            for name, (reading, _) in pipes.items():
                found[name] += sampling.read(reading)
                seconds[name] += timing.cpus["negotiation"].get(name, 0.0)
    return {name: _each(counts, seconds[name], moves) for name, counts in found.items()}


def _pipe(opened: ExitStack) -> tuple[int, int]:
    reading, writing = os.pipe()
    for end in (reading, writing):
        opened.callback(os.close, end)
    os.set_blocking(reading, False)
    return reading, writing


def _each(counts: Counter[str], seconds: float, moves: int) -> dict[str, float]:
    whole = 1000 * seconds / max(moves, 1) / max(counts.total(), 1)
    return {part: whole * count for part, count in counts.items()}


async def _across(work: Job) -> None:
    """The negotiation with box and broker at both ends of a channel, as the processes do it."""
    said, heard = socket.socketpair()
    heard.setblocking(False)
    to_broker, to_box = socket.socketpair()
    agenda, budget = work.agenda, Budget()
    models = Seating(work.seats, None, budget, 0).models(agenda)
    with said, heard:
        inner, outer = [await Connection.open(end.detach()) for end in (to_broker, to_box)]
        allowance = Allowance(requests=1000, tokens=10**9, max_tokens=200_000, seconds=600)
        broker = Broker([open_model(spec, environment={}) for spec in models], allowance)
        serving = asyncio.create_task(broker.serve(outer))
        listening = asyncio.create_task(Account(budget, agenda, unobserved).listen(heard))
        places = {role: orders.Place.of(seat, agenda.protocol) for role, seat in work.seats.items()}
        order = orders.Job(run="0" * 32, agenda=agenda, places=places, models=tuple(map(str, models)))
        session = Session(said.fileno(), order)
        held = await session.negotiate(work.briefs, inner)
        assert held.ending == "agreed"
        session.end(held)
        await listening
        await inner.close()
        await serving
