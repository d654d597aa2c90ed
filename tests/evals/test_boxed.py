"""An evaluation behind walls comes to the same rows as one without, and a box that dies is no result."""

import asyncio
import json
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bargaining.errors import SandboxError
from delegates.models.spec import parse
from delegates.prompt import PromptPack
from delegates.scenario import load
from evals import suites
from evals.boxed import BoxedRunner
from evals.case import Case, Row
from evals.server import FaultyServer
from evals.suite import Moves, Request
from sandbox import host
from sandbox.isolation import ladder
from sandbox.isolation.interface import Child, Isolation, Room

SCRIPT = """
replies:
  - move: {kind: offer, terms: {price: 2000, handover: today}}
    message: We came in the spring.
    promise: as_agreed
    action: as_agreed
  - move: {kind: offer, terms: {price: 1900, handover: today}}
    message: A shop has offered me 1650.
    promise: as_agreed
    action: as_agreed
cycle: true
"""


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    (tmp_path / "script.yaml").write_text(SCRIPT)
    return Request(
        [parse(f"scripted/{tmp_path}/script.yaml")],
        {"default": PromptPack.load("default")},
        {"bicycle": load(Path(__file__).parents[2] / "scenarios" / "short" / "bicycle.yaml")},
        attacks=["direct", "encoding"],
    )


@pytest.fixture
def walls() -> Isolation:
    levels = ladder.available(host.gather())
    if levels == ("none",):
        pytest.skip("this machine can build no walls")
    return ladder.build(levels[0], host.gather())


def values(row: Row) -> Row:
    return row.model_copy(update={"seconds": 0.0})


async def played(runner: BoxedRunner, cases: Sequence[Case]) -> list[Row]:
    try:
        return [values(row) for row in await asyncio.gather(*map(runner, cases))]
    finally:
        runner.close()


@pytest.mark.parametrize("name", ["leaks", "outcome", "defection", "threats", "fidelity", "bargaining"])
def test_rows_are_the_same_behind_walls(request_: Request, walls: Isolation, name: str) -> None:
    suite = suites.load(name)
    cases = suite.cases(request_)

    async def outside() -> list[Row]:
        return [values(await suite.run(case, request_)) for case in cases]

    inside = asyncio.run(played(BoxedRunner(request_, [name], walls), cases))
    assert inside == asyncio.run(outside())
    assert {row.missing for row in inside} <= {None, "parser"}  # it does not answer all that is asked
    assert any(row.verdicts.get("said") == "yes" for row in inside)


def test_a_box_that_dies_leaves_no_result_and_the_next_case_gets_another(
    request_: Request, walls: Isolation
) -> None:
    case, other = suites.load("leaks").cases(request_)[:2]

    async def run() -> list[Row]:
        runner = BoxedRunner(request_, ["leaks"], walls)
        try:
            first = await runner(case)
            for pid in runner.pids:
                os.kill(pid, signal.SIGKILL)
            return [first, await runner(case), await runner(other)]
        finally:
            runner.close()

    first, killed, after = asyncio.run(run())
    assert first.missing is None
    assert killed.missing == "box"
    assert "no" not in killed.verdicts.values()
    assert after.missing is None


def test_a_box_that_hangs_is_ended_and_leaves_no_result(request_: Request, walls: Isolation) -> None:
    case, other = suites.load("leaks").cases(request_)[:2]

    async def run() -> list[Row]:
        runner = BoxedRunner(request_, ["leaks"], walls, case_seconds=5)
        try:
            await runner(case)
            for pid in runner.pids:
                os.kill(pid, signal.SIGSTOP)
            return [await runner(case), await runner(other)]
        finally:
            runner.close()

    hung, after = asyncio.run(run())
    assert (hung.missing, after.missing) == ("box", None)


def test_a_model_that_is_asked_from_a_box_gets_the_seed_of_its_case(
    request_: Request, walls: Isolation
) -> None:
    move = {"move": {"kind": "offer", "terms": {"price": 2000, "handover": "today"}}, "message": ""}
    with FaultyServer(json.dumps(move)) as server:
        request = replace(request_, models=[parse(f"openai/any@{server.base_url}")], epochs=3)
        cases = [case for case in suites.load("leaks").cases(request) if case.attack == "direct"]
        rows = asyncio.run(played(BoxedRunner(request, ["leaks"], walls), cases))
        assert not any(row.missing for row in rows)
        assert {received.body["seed"] for received in server.received} == {0, 1, 2}


def test_what_a_lost_case_cost_is_not_known_if_a_model_was_asked(request_: Request, walls: Isolation) -> None:
    async def lost(request: Request, index: int) -> Row:
        case = [case for case in suites.load("leaks").cases(request) if case.attack == "direct"][index]
        runner = BoxedRunner(request, ["leaks"], walls, case_seconds=0)
        try:
            return await runner(case)
        finally:
            runner.close()

    hosted = replace(request_, models=[parse("openai/any@http://127.0.0.1:9/v1")])
    assert asyncio.run(lost(hosted, 0)).usd is None
    assert asyncio.run(lost(request_, 0)).usd == 0


def test_tables_come_out_only_where_they_are_to_be_kept(request_: Request, walls: Isolation) -> None:
    case = suites.load("leaks").cases(request_)[0]
    kept: list[tuple[Case, Moves]] = []
    asking = Request(
        request_.models,
        request_.prompts,
        request_.scenarios,
        keep=lambda case, moves: kept.append((case, moves)),
    )
    asyncio.run(played(BoxedRunner(request_, ["leaks"], walls), [case]))
    assert not kept
    asyncio.run(played(BoxedRunner(asking, ["leaks"], walls), [case]))
    ((of, moves),) = kept
    assert of == case
    assert moves[0]["kind"] == "offer"


def test_nothing_is_left_running(request_: Request, walls: Isolation) -> None:
    case = suites.load("leaks").cases(request_)[0]
    runner = BoxedRunner(request_, ["leaks"], walls)

    async def run() -> tuple[int, ...]:
        await runner(case)
        pids = runner.pids
        runner.close()
        return pids

    pids = asyncio.run(run())
    assert pids
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert runner.pids == ()


def test_where_no_box_can_be_started_nothing_is_held(request_: Request, walls: Isolation) -> None:
    class Broken:
        level = walls.level

        def spawn(self, module: str, arguments: Sequence[str], fds: Sequence[int], room: Room) -> Child:
            return walls.spawn("sandbox.nowhere", arguments, fds, room)

    case = suites.load("leaks").cases(request_)[0]
    runner = BoxedRunner(request_, ["leaks"], Broken())

    async def run() -> None:
        await runner(case)

    with pytest.raises(SandboxError, match="negbox doctor"):
        asyncio.run(run())
    assert runner.pids == ()
