"""Hostile stand-ins for the box and the gate: whatever they do, nothing but a result comes out, and nothing stays."""

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from bargaining.agreement import Agreement, NoDeal
from bargaining.errors import ExportError, PurgeError, SandboxError
from delegates.brief import Brief
from delegates.budget import Budget
from delegates.models.spec import parse
from delegates.prompt import PromptPack
from delegates.scenario import load
from sandbox import export, host, record
from sandbox.box import Released
from sandbox.briefing import OwnBriefs
from sandbox.isolation import ladder, plain
from sandbox.isolation.interface import Child, Level, Room
from sandbox.policy import Policy
from sandbox.seal import BoxKey
from sandbox.seating import Seat
from sandbox.supervisor import WalledBox

TRUCK = load("used-truck")
PACK = PromptPack.load("default")
KEY = BoxKey.generate().public.model_dump_json()
BOX, GATE = "sandbox.inside", "sandbox.gate"
CANARY = "canary-2207-otter"
DIGITS = record.width(TRUCK.agenda)
SIZE = export.release_size(TRUCK.agenda)
NOTHING = export.release(NoDeal(), TRUCK.agenda)

LINES = f"""
import json, os, struct, sys, time
control, channel, written = map(int, sys.argv[1:4])
def send(data):
    rest = struct.pack(">I", len(data)) + data
    while rest:
        rest = rest[os.write(control, rest):]
def say(**said):
    send(json.dumps(said).encode())
def exactly(count):
    data = b""
    while len(data) < count:
        chunk = os.read(control, count - len(data))
        if not chunk:
            os._exit(0)
        data += chunk
    return data
def hear():
    return exactly(struct.unpack(">I", exactly(4))[0])
def ready():
    say(kind="ready", key={KEY!r})
def briefed():
    ready()
    return [hear() for _ in range(3)]
def turn(**spent):
    say(kind="turn", turn=0, round=1, role=0, spent=spent)
def write(data):
    os.write(written, data)
    os.close(written)
def ended(**more):
    say(**dict(dict(kind="ended", ending="agreed", fault=None, counters={{}}, spent={{}}), **more))
def wait():
    while os.read(control, 4096):
        pass
"""
HONEST = f"briefed(); write(b'5'.rjust({DIGITS}, b'0')); ended(); wait()"


class Replaced:
    """No walls, and other programs in the place of some of ours. They use nothing but the standard library."""

    level: Level = "none"

    def __init__(self, folder: Path, **bodies: str) -> None:
        self._walls = ladder.build("none", host.gather())
        self._folder = folder
        self._bodies = {BOX: bodies["box"], **({GATE: bodies["gate"]} if "gate" in bodies else {})}
        self.children: list[Child] = []

    def spawn(self, module: str, arguments: Sequence[str], fds: Sequence[int], room: Room) -> Child:
        if module in self._bodies:
            name = f"hostile_{module.rpartition('.')[2]}"
            (self._folder / f"{name}.py").write_text(LINES + self._bodies[module])
            child = plain.start(name, arguments, fds, room, {"PYTHONPATH": str(self._folder)})
        else:
            child = self._walls.spawn(module, arguments, fds, room)
        self.children.append(child)
        return child

    @property
    def all_gone(self) -> bool:
        return bool(self.children) and not any(child.alive for child in self.children)


async def negotiate(walls: Replaced) -> Released:
    seats = {role: Seat(parse("tactic/steady"), PACK) for role in TRUCK.agenda.roles}
    told = {**yaml.safe_load(TRUCK.briefs["seller"].to_yaml()), "narrative": f"Mind the {CANARY}."}
    briefs = {**TRUCK.briefs, "seller": Brief.from_yaml(yaml.safe_dump(told))}
    return await WalledBox(seats, Budget(), walls, environment={}).run(TRUCK.agenda, OwnBriefs(briefs))


def test_the_stand_in_can_do_what_a_box_does(tmp_path: Path) -> None:
    """The control: what follows fails because of what it does, and not because it is no box."""
    walls = Replaced(tmp_path, box=HONEST)
    released = asyncio.run(negotiate(walls))
    assert released.result == Agreement(terms=dict(TRUCK.agenda.space.at(5)))
    assert released.error is None
    assert walls.all_gone


@pytest.mark.parametrize(
    "said",
    [
        f"write({CANARY!r}.encode())",
        f"write(b'5'.rjust({DIGITS}, b'0') * 2)",
        f"write(b'5'.rjust({DIGITS}, b'0') + b'\\n')",
        f"write(b'9' * {DIGITS})",
        f"write(b'-' + b'1' * {DIGITS - 1})",
        "write(b'')",
        f"os.write(written, {CANARY!r}.encode() * 5000)",
    ],
    ids=["words", "twice", "a byte more", "no outcome", "negative", "nothing", "flood"],
)
def test_a_record_that_is_no_result_is_not_released(said: str, tmp_path: Path) -> None:
    walls = Replaced(tmp_path, box=f"briefed(); ended()\ntry:\n    {said}\nexcept OSError:\n    pass\nwait()")
    released = asyncio.run(negotiate(walls))
    assert released.agreement == NOTHING
    assert CANARY not in f"{released.statement!r} {released.error} {released.counters}"
    assert walls.all_gone


@pytest.mark.parametrize(
    "body",
    [
        "briefed(); say(kind='turn', turn=0, round=1, role=3, spent={}); wait()",
        "briefed(); turn(usd='1/0'); wait()",
        "briefed(); turn(calls=10**13); wait()",
        "briefed(); turn(usd='1e1000000000'); wait()",
        "briefed(); turn(tokens=1); wait()",
        f"briefed(); ended(ending={CANARY!r}); wait()",
        f"briefed(); ended(fault={CANARY!r}); wait()",
        f"briefed(); say(kind='note', text={CANARY!r}); wait()",
        f"briefed(); send({CANARY!r}.encode()); wait()",
        "briefed(); send(b''); wait()",
        "briefed(); send(b'[' * 4096); wait()",
        "briefed(); ready(); wait()",
        "briefed(); os.write(control, b'\\xff' * 4); wait()",
        "briefed(); os.close(control); time.sleep(60)",
    ],
)
def test_a_box_that_does_not_keep_to_the_protocol_is_ended(body: str, tmp_path: Path) -> None:
    walls = Replaced(tmp_path, box=body)
    released = asyncio.run(negotiate(walls))
    assert released.agreement == NOTHING
    assert isinstance(released.error, SandboxError)
    assert CANARY not in f"{released.statement!r} {released.error} {released.counters}"
    assert released.ending is None
    assert walls.all_gone


@pytest.mark.parametrize(
    "body",
    [
        "send(b'\\xff' * 100); wait()",
        "say(kind='ready', key='{}'); wait()",
        "os.write(control, b'\\0\\0'); os.close(control); time.sleep(60)",
    ],
)
def test_a_box_that_never_opens_gets_no_brief(body: str, tmp_path: Path) -> None:
    walls = Replaced(tmp_path, box=body)
    with pytest.raises(SandboxError, match=r"the box did not start|did not keep to the protocol"):
        asyncio.run(negotiate(walls))
    assert walls.all_gone


def test_names_that_a_box_makes_up_are_not_kept(tmp_path: Path) -> None:
    counters = f"{{{CANARY!r}: {{}}, 'seller': {{{CANARY!r}: 1, 'turns': 2}}}}"
    walls = Replaced(tmp_path, box=HONEST.replace("ended()", f"ended(counters={counters})"))
    released = asyncio.run(negotiate(walls))
    assert released.counters.keys() == {"seller"}
    assert CANARY not in str(released.counters)
    assert released.counters["seller"].turns == 2


def test_a_box_that_ends_by_itself_with_the_briefs_was_not_wiped(tmp_path: Path) -> None:
    walls = Replaced(tmp_path, box="briefed(); os._exit(0)")
    with pytest.raises(PurgeError, match="wiped box") as caught:
        asyncio.run(negotiate(walls))
    assert CANARY not in str(caught.value)
    assert walls.all_gone


@pytest.mark.parametrize(
    "body",
    [
        "time.sleep(60)",
        "ready(); time.sleep(60)",
        "briefed(); time.sleep(60)",
        "briefed(); turn(); os.write(control, b'\\0\\0\\0\\5ab'); time.sleep(60)",
        f"briefed(); write(b'5'.rjust({DIGITS}, b'0')); time.sleep(60)",
        "briefed(); ended(); time.sleep(60)",
    ],
)
def test_wherever_a_box_hangs_the_run_can_be_cancelled(body: str, tmp_path: Path) -> None:
    walls = Replaced(tmp_path, box=body)

    async def go() -> Released:
        running = asyncio.ensure_future(negotiate(walls))
        await asyncio.wait([running], timeout=0.5)
        assert not running.done()
        running.cancel()
        return await running

    with suppress(asyncio.CancelledError):  # before the box was open
        released = asyncio.run(go())
        assert body.startswith(("ready", "briefed"))
        assert released.agreement == NOTHING
        assert isinstance(released.error, asyncio.CancelledError)
    assert walls.all_gone


@pytest.mark.parametrize(
    "released",
    [b'{"terms":null}', b'{"terms":{}}', b'{"terms":[[1,2]]}', b"[" * SIZE, b"\xff" * SIZE, NOTHING[:-1] + b" "],
)  # fmt: skip
def test_a_gate_that_lets_out_something_else_is_refused(released: bytes, tmp_path: Path) -> None:
    gate = f"os.write(written, {released.ljust(SIZE)!r}); os.close(written); time.sleep(60)"
    walls = Replaced(tmp_path, box=HONEST, gate=gate)
    with pytest.raises(ExportError) as caught:
        asyncio.run(negotiate(walls))
    assert CANARY not in str(caught.value)
    assert walls.all_gone


def test_a_gate_that_talks_on_releases_nothing(tmp_path: Path) -> None:
    walls = Replaced(tmp_path, box=HONEST, gate=f"os.write(written, b'x' * {SIZE + 1}); time.sleep(60)")
    released = asyncio.run(negotiate(walls))
    assert released.agreement == NOTHING
    assert walls.all_gone


def test_a_box_that_dies_cannot_choose_when_that_is_seen(tmp_path: Path) -> None:
    """Under a policy even a failed purge is told at a multiple of `release_seconds` only."""
    walls = Replaced(tmp_path, box="briefed(); os._exit(0)")
    policy = Policy(isolation="none", assurance="none", release_seconds=3)
    seats = {role: Seat(parse("tactic/steady"), PACK) for role in TRUCK.agenda.roles}
    box = WalledBox(seats, Budget(), walls, environment={}, policy=policy)

    async def go() -> float:
        async with box.open(TRUCK.agenda) as opened:
            began = time.monotonic()
            with pytest.raises(PurgeError, match="wiped box"):
                await opened.negotiate(OwnBriefs(TRUCK.briefs))
            return time.monotonic() - began

    assert asyncio.run(go()) >= 3
    assert walls.all_gone


def test_what_is_started_is_the_code_that_the_claim_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.supervisor.code_has_changed", lambda: True)
    walls = Replaced(tmp_path, box=HONEST)
    with pytest.raises(SandboxError, match="start it anew"):
        asyncio.run(negotiate(walls))
    assert walls.all_gone


def test_runs_leave_no_open_files(tmp_path: Path) -> None:
    bodies = (HONEST, "os._exit(1)", "briefed(); send(b'no'); wait()")
    asyncio.run(negotiate(Replaced(tmp_path, box=HONEST)))
    before = sorted(os.listdir("/proc/self/fd"))
    for body in bodies:
        with suppress(SandboxError):
            asyncio.run(negotiate(Replaced(tmp_path, box=body)))
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_several_runs_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    bodies = (HONEST, "briefed(); send(b'no'); wait()", HONEST)
    folders = [tmp_path / str(number) for number in range(len(bodies))]
    for folder in folders:
        folder.mkdir()
    all_walls = [Replaced(folder, box=body) for folder, body in zip(folders, bodies, strict=True)]

    async def go() -> list[Released]:
        return list(await asyncio.gather(*map(negotiate, all_walls)))

    kinds = [released.result.kind for released in asyncio.run(go())]
    assert kinds == ["agreement", "no_deal", "agreement"]
    assert all(walls.all_gone for walls in all_walls)
