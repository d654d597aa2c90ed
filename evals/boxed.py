"""Holds the negotiations of a sweep behind walls: briefs, messages and scoring stay inside, and rows come out.

Each lane has a box, and a broker if a model has to be asked from there. A box plays one case after the other, up to
`MOST_CASES`, and is then wiped with its broker; all briefs are made up, so what it would cost to start anew for each
of them buys nothing. `negbox run` never shares a box.

A broker's models are opened with one seed, so a lane serves the cases of one; those that ask no model have no broker.
An embedded engine goes on in its stream of random numbers from case to case.

Covered: what comes out of a box is a row of its case or nothing, which is a row without a result (`box`); kept tables
come out only where the user asked for them.
Not covered: suites that start boxes themselves (`Suite.boxed`): those are held here.
"""

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bargaining.errors import SandboxError
from delegates.models.spec import ModelSpec, parse
from evals.case import Case, Row
from evals.parcel import Parcel
from evals.suite import Moves, Request
from sandbox import frame, host, purge
from sandbox.allowance import Allowance
from sandbox.broker import BrokerJob
from sandbox.crew import BOX, LONGEST_SECONDS, START_SECONDS, broker_room, located, pair
from sandbox.isolation.interface import Child, Isolation, Room
from sandbox.supervisor import LONGEST_REPLY_TOKENS, keys_of

MOST_CASES = 256
"""So many negotiations a box holds at most."""
LARGEST_BYTES = 16 * 2**20
"""A parcel: scenarios and prompts."""
LARGEST_CASE_BYTES = 2**16
LARGEST_ROW_BYTES = 2**20
"""With what was on the table."""
CASE_SECONDS = 2 * 3600.0
"""The longest that a box may take for a case. One that says nothing for so long has no result to give."""
READY = b"ready"
_MOST_BOXES = 512
_SIDES = 1024
_MOST_TOKENS = 10**12


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Load(_Message):
    """What a box plays."""

    parcel: Parcel = Field(repr=False)
    scripts: dict[str, str] = Field(repr=False)
    """Scripted models, by their specs."""
    keep: bool
    """Whether tables are to come out."""


class Play(_Message):
    """What a box says of a case."""

    row: Row
    moves: Moves | None = None
    """What was on the table, if it is to be kept."""


class BoxedRunner:
    """Holds negotiations in boxes. Close it.

    Args:
        request: What the user asked for.
        suites: The suites, by name.
        isolation: What the walls are made of.
        environment: Where the broker's keys are found; `os.environ` if None.
        case_seconds: The longest that a box may take for a case.
    """

    def __init__(
        self,
        request: Request,
        suites: Sequence[str],
        isolation: Isolation,
        environment: Mapping[str, str] | None = None,
        *,
        case_seconds: float = CASE_SECONDS,
    ) -> None:
        self._seconds = case_seconds
        self._keep = request.keep
        parcel = Parcel.of(replace(request, keep=None), suites)
        load = Load(parcel=parcel, scripts=_scripts(parcel), keep=request.keep is not None)
        self._load = load.model_dump_json().encode()
        self._specs = asked(request)
        self._judged = request.judge is not None
        self._isolation = isolation
        self._environment = os.environ if environment is None else environment
        self._facts = host.gather()
        # a box without a broker waits for nobody: more of them than cores gain nothing
        self._places = asyncio.Semaphore(_MOST_BOXES if self._specs else os.cpu_count() or 1)
        self._came = False
        """Whether any box has ever been ready: where none can, no case is held anywhere."""
        self._idle: list[_Lane] = []
        self._lanes: set[_Lane] = set()

    async def __call__(self, case: Case) -> Row:
        """Hold one negotiation. See `evals.sweep.Runner`.

        Raises:
            SandboxError: No box can be started here at all.
        """
        async with self._places:
            return await self._held(case)

    async def _held(self, case: Case) -> Row:
        seed = self._seed(case)
        lane = next((lane for lane in self._idle if seed is None or lane.seed == seed), None)
        spent = next((lane for lane in self._idle if lane.seed is not None), None)
        if lane is not None:
            self._idle.remove(lane)
        elif spent is not None:  # cases come by their seeds, so that its own is over
            self._idle.remove(spent)
            self._end(spent)
        try:
            if lane is None:
                lane = _Lane(self._isolation, self._facts, seed)
                self._lanes.add(lane)
                await lane.open(self._load, self._job(seed))
                self._came = True
            play = await lane.play(case, self._seconds)
        except BaseException as error:
            broken = isinstance(error, SandboxError)
            if lane is not None:
                lane.broken = broken
                self._end(lane)
            if broken and self._came:
                return self._lost(case)
            raise
        if play.row.missing == "model" and not lane.whole:
            lane.broken = True
            self._end(lane)
            return self._lost(case)
        if lane.played < MOST_CASES:
            self._idle.append(lane)
        else:
            self._end(lane)
        if self._keep is not None and play.moves is not None:
            self._keep(case, play.moves)
        return play.row

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that run for it."""
        return tuple(child.pid for lane in self._lanes for child in lane.children.values())

    def close(self) -> None:
        """Wipe and end all boxes.

        Raises:
            PurgeError: Something could not be wiped.
        """
        for lane in tuple(self._lanes):
            self._end(lane)

    def _end(self, lane: "_Lane") -> None:
        self._lanes.discard(lane)
        lane.close()

    def _lost(self, case: Case) -> Row:
        """What it cost went with the box."""
        return Row(case=case, missing="box", usd=0.0 if self._seed(case) is None else None)

    def _seed(self, case: Case) -> int | None:
        """Of the broker's models; None: nobody has to be asked."""
        asked = {spec.public for spec in self._specs} & {case.model, case.against}
        return case.seed if asked or (self._specs and self._judged) else None

    def _job(self, seed: int | None) -> BrokerJob | None:
        if seed is None:
            return None
        return BrokerJob(
            models=tuple(str(located(spec)) for spec in self._specs),
            keys=keys_of(self._specs, self._environment),
            seed=seed,
            limits=Allowance(
                requests=10**6,
                tokens=_MOST_TOKENS,
                max_tokens=LONGEST_REPLY_TOKENS,
                seconds=LONGEST_SECONDS,
                sides=_SIDES,
            ),
            harden=self._isolation.level != "none",
        )


def asked(request: Request) -> tuple[ModelSpec, ...]:
    """The models that a broker has to ask, in the order of its list. Scripts are read inside."""
    judge = () if request.judge is None else (request.judge,)
    specs = dict.fromkeys((*request.models, *request.against, *judge))
    return tuple(spec for spec in specs if spec.provider not in {"scripted", "tactic"})


def _scripts(parcel: Parcel) -> dict[str, str]:
    judge = () if parcel.judge is None else (parcel.judge,)
    specs = (parse(text) for text in (*parcel.models, *parcel.against, *judge))
    return {str(spec): Path(spec.name).read_text("utf-8") for spec in specs if spec.provider == "scripted"}


class _Lane:
    """A box and its broker."""

    def __init__(self, isolation: Isolation, facts: host.Facts, seed: int | None) -> None:
        self.seed = seed
        """Of its broker's models; None: it has no broker."""
        self.played = 0
        self.broken = False
        """Whether it ended by itself, or did not keep to the protocol."""
        self._isolation, self._facts = isolation, facts
        self.children: dict[str, Child] = {}
        self._lines = ExitStack()
        self._control, self._box_end = pair(self._lines)

    @property
    def whole(self) -> bool:
        """Whether all of its processes run."""
        return all(child.alive for child in self.children.values())

    async def open(self, load: bytes, broker: BrokerJob | None) -> None:
        """Start, and wait until the box is closed.

        Raises:
            SandboxError: It cannot be built, or does not come.
        """
        theirs = [self._box_end]
        ready: socket.socket | None = None
        closed = () if self._isolation.level == "none" else ("closed",)
        if broker is not None:
            channel, box_channel = pair(self._lines)
            orders, orders_end = pair(self._lines)
            ready, ready_end = pair(self._lines)
            theirs += [channel, box_channel, orders_end, ready_end]
            self._spawn("box", "evals.inside", (self._box_end, box_channel), BOX, closed)
            room = broker_room([parse(spec) for spec in broker.models])
            self._spawn("broker", "sandbox.broker", (orders_end, channel, ready_end), room)
            orders.sendall(broker.model_dump_json().encode())
            orders.close()
            ready.setblocking(False)
        else:
            self._spawn("box", "evals.inside", (self._box_end,), BOX, closed)
        for end in theirs:
            end.close()
        self._control.setblocking(False)
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await frame.send_to(self._control, load)
                came = await frame.receive_from(self._control, len(READY)) == READY
                if ready is not None:
                    came = came and bool(await asyncio.get_running_loop().sock_recv(ready, 64))
                if came:
                    return
        raise SandboxError("the box did not start: 'negbox doctor' says what this machine lacks")

    async def play(self, case: Case, seconds: float) -> Play:
        """Hold one negotiation.

        Raises:
            SandboxError: The box ended, took too long, or did not keep to the protocol.
        """
        self.played += 1
        said: bytes | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await frame.send_to(self._control, case.model_dump_json().encode())
                said = await frame.receive_from(self._control, LARGEST_ROW_BYTES)
        with suppress(ValidationError):
            play = Play.model_validate_json(said or b"")
            if play.row.case == case:
                return play
        raise SandboxError("the box did not say what came of its case")

    def close(self) -> None:
        """Wipe and end it.

        Raises:
            PurgeError: Something could not be wiped.
        """
        try:
            checks = purge.purge(self.children, self._facts)
        finally:
            self._lines.close()
        if not self.broken:  # what has ended cannot be wiped; what it held was made up
            purge.insist(checks, self._isolation.level)

    def _spawn(
        self, name: str, module: str, lines: Sequence[socket.socket], room: Room, more: Sequence[str] = ()
    ) -> None:
        fds = [line.fileno() for line in lines]
        self.children[name] = self._isolation.spawn(module, [*map(str, fds), *more], fds, room)
