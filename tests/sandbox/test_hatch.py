"""The hatch: who comes, what is handed in, and that nobody there keeps another waiting."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from bargaining.errors import InvalidInputError, SandboxError, SealError
from delegates.scenario import load
from sandbox import frame, hatch, reception
from sandbox.hatch import SOCKET, Hatch
from sandbox.job import Job, Place
from sandbox.seal import BoxKey, SealedBrief, new_run_id, seal
from sandbox.told import Finished, Refused, Turn
from tests.sandbox.test_supervisor import seats

AGENDA = load("used-truck").agenda
RUN = new_run_id()
KEY = BoxKey.generate("X25519").public
JOB = Job(
    run=RUN,
    agenda=AGENDA,
    places={r: Place.of(s, AGENDA.protocol) for r, s in seats("tactic/steady", "tactic/steady").items()},
)


def sealed(role: str, run: str = RUN) -> SealedBrief:
    return seal(b"a brief", KEY, run_id=run, role=role)


BOTH = (sealed("seller"), sealed("buyer"))


def at_an_open_hatch(folder: Path, do: Callable[[Hatch], Coroutine[Any, Any, None]]) -> None:
    async def go(window: Hatch) -> None:
        async with asyncio.timeout(20):
            await do(window)

    with hatch.opened(folder) as window:
        asyncio.run(go(window))


def test_two_sealed_briefs_go_in_and_what_is_told_comes_out(tmp_path: Path) -> None:
    told = (Turn(turn=0, round=1, rounds=8, to_move="seller"), Finished(code=0, said="", agreement=b"eA=="))

    def visit() -> list[object]:
        with hatch.visiting(tmp_path) as visit:
            visit.hand_in(BOTH)
            return [visit.hear() for _ in told]

    async def hold(window: Hatch) -> None:
        visiting = asyncio.ensure_future(asyncio.to_thread(visit))
        caller = await window.caller()
        assert await caller.briefs() == BOTH
        caller.tell(told[0])
        await caller.finish(told[1])
        assert await visiting == list(told)
        await caller.gone()
        caller.close()

    at_an_open_hatch(tmp_path, hold)
    assert list(tmp_path.iterdir()) == []


def test_only_its_user_may_come_and_only_one_hatch_is_in_a_folder(tmp_path: Path) -> None:
    with hatch.opened(tmp_path):
        assert (tmp_path / SOCKET).stat().st_mode & 0o777 == 0o600
        with pytest.raises(InvalidInputError, match="open there already"), hatch.opened(tmp_path):
            pass
        with hatch.visiting(tmp_path):
            pass
    with pytest.raises(InvalidInputError, match="no box is open"), hatch.visiting(tmp_path):
        pass


def test_the_socket_of_one_that_was_killed_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(tmp_path / SOCKET))
    with hatch.opened(tmp_path), hatch.visiting(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_long_path_is_no_hindrance(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["x" * 100] * 3)
    folder.mkdir(parents=True)
    with hatch.opened(folder), hatch.visiting(folder):
        assert (folder / SOCKET).is_socket()


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for place in (file, tmp_path / "missing", Path("/proc")):
        with pytest.raises(InvalidInputError, match=str(place)), hatch.opened(place):
            pass
    (tmp_path / SOCKET).mkdir()
    with pytest.raises(InvalidInputError, match="cannot be used"), hatch.opened(tmp_path):
        pass


TOO_LONG = b"\xff" * 64
HALF = frame.pack(BOTH[0].to_bytes())[:-1]
GARBAGE = frame.pack(b"{}") * 2


def visitor(folder: Path, first: bytes, *, hang_up: bool = False) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    descriptor = os.open(folder, os.O_RDONLY)
    line.connect(f"/proc/self/fd/{descriptor}/{SOCKET}")
    os.close(descriptor)
    line.sendall(first)
    if hang_up:
        line.shutdown(socket.SHUT_WR)
    return line


@pytest.mark.parametrize(
    ("first", "error"),
    [(TOO_LONG, SandboxError), (HALF, SandboxError), (GARBAGE, SealError), (b"", SealError)],
    ids=["too long", "half", "garbage", "nothing"],
)
def test_what_is_not_two_sealed_briefs_is_an_error(
    tmp_path: Path, first: bytes, error: type[Exception]
) -> None:
    async def hold(window: Hatch) -> None:
        with visitor(tmp_path, first, hang_up=True):
            caller = await window.caller()
            with pytest.raises(error):
                await caller.briefs()
            caller.close()

    at_an_open_hatch(tmp_path, hold)


def test_who_says_nothing_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hatch, "HAND_IN_SECONDS", 0.01)

    async def hold(window: Hatch) -> None:
        with visitor(tmp_path, b""):
            caller = await window.caller()
            with pytest.raises(SandboxError, match="no brief was handed in"):
                await caller.briefs()
            caller.close()

    at_an_open_hatch(tmp_path, hold)


def test_who_does_not_listen_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hatch, "HAND_OUT_SECONDS", 0.05)

    async def hold(window: Hatch) -> None:
        with visitor(tmp_path, b""):
            caller = await window.caller()
            for turn in range(5000):
                caller.tell(Turn(turn=turn, round=1, rounds=8, to_move="seller"))
            with pytest.raises(SandboxError):
                await caller.finish(Finished(code=0, said="x" * 2**22))
            caller.close()

    at_an_open_hatch(tmp_path, hold)


def test_the_reception_hears_several_at_once(tmp_path: Path) -> None:
    """All but one of those that it can hear at a time say nothing, or not all."""

    async def hold(window: Hatch) -> None:
        waiting = asyncio.ensure_future(reception.handed_in(window, JOB))
        # in threads: the queue at the door is shorter than that
        idle = [await asyncio.to_thread(visitor, tmp_path, HALF) for _ in range(reception.AT_ONCE - 1)]
        framed = b"".join(frame.pack(each.to_bytes()) for each in BOTH)
        with visitor(tmp_path, framed):
            caller, briefing = await waiting
            assert await briefing.seal(JOB, KEY) == [each.to_bytes() for each in BOTH]
            caller.close()
        for line in idle:
            line.settimeout(10)
            assert line.recv(1) == b""
            line.close()

    at_an_open_hatch(tmp_path, hold)


@pytest.mark.parametrize(
    ("briefs", "why"),
    [
        ((BOTH[0], sealed("buyer", new_run_id())), "another run"),
        ((BOTH[0], BOTH[0]), "one sealed brief of the seller and one of the buyer"),
    ],
)
def test_the_reception_says_why_it_refuses_and_goes_on(
    tmp_path: Path, briefs: tuple[SealedBrief, ...], why: str
) -> None:
    def visit(handed: tuple[SealedBrief, ...]) -> object:
        with hatch.visiting(tmp_path) as visit:
            visit.hand_in(handed)
            return visit.hear()

    async def hold(window: Hatch) -> None:
        waiting = asyncio.ensure_future(reception.handed_in(window, JOB))
        told = await asyncio.to_thread(visit, briefs)
        assert isinstance(told, Refused)
        assert why in told.why
        visiting = asyncio.ensure_future(asyncio.to_thread(visit, BOTH))
        caller, _ = await waiting
        finished = Finished(code=3, said="so it ended")
        await caller.finish(finished)
        caller.close()
        assert await visiting == finished

    at_an_open_hatch(tmp_path, hold)


def test_a_visitor_hears_when_the_box_has_gone(tmp_path: Path) -> None:
    async def hold(window: Hatch) -> None:
        def visit() -> None:
            with hatch.visiting(tmp_path) as visit:
                visit.hand_in(BOTH)
                visit.hear()

        visiting = asyncio.ensure_future(asyncio.to_thread(visit))
        (await window.caller()).close()
        with pytest.raises(SandboxError, match="the box has gone"):
            await visiting

    at_an_open_hatch(tmp_path, hold)
