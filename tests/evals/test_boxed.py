"""An evaluation behind walls comes to the same rows as one without, and a box that dies is no result."""

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from delegates.models.spec import parse
from delegates.prompt import PromptPack
from delegates.scenario import load
from evals import suites
from evals.boxed import BoxedRunner
from evals.case import Case, Row
from evals.suite import Moves, Request
from sandbox import host
from sandbox.isolation import ladder
from sandbox.isolation.interface import Isolation

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
