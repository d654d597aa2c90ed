"""The benchmark of orchestration, a very small one. Nothing here judges a time."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import pytest

from bargaining.mandate import Allowed
from benchmarks.orchestration import job, scenario
from benchmarks.orchestration.bench import Bench, Plan, Row, started_server
from benchmarks.orchestration.catalogue import CATALOGUE, find
from benchmarks.orchestration.report import tables
from benchmarks.orchestration.script import scripted_terms
from benchmarks.orchestration.server import completion

ROOT = Path(__file__).parents[2]
PRESENT = ["raw_aiohttp", "raw_openai", "box", "langgraph_openai"]
ABSENT = "crewai"
TINY = Plan(cold=0, sequential=1, sequential_count=1, waves={}, wave_repetitions=0)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    scratch = tmp_path_factory.mktemp("scratch")
    with started_server(scratch) as port:
        bench = Bench(scratch / "no environments", scratch, port, say=False)
        return bench.run([find(name) for name in (*PRESENT, ABSENT)], TINY)


@pytest.mark.parametrize("name", PRESENT)
def test_everybody_agrees_in_the_tenth_move(rows: list[Row], name: str) -> None:
    """A measurement that ends otherwise is a problem, and the mock counts a request for each move."""
    found = [row for row in rows if row.peer == name]
    assert [row.kind for row in found] == ["audit", "sequential"]
    assert [row.problem for row in found] == ["", ""]
    assert found[0].found["counters"]["requests"] == job.MOVES
    assert found[0].found["counters"]["errors"] == 0


def test_each_of_our_prompts_extends_the_one_before(rows: list[Row]) -> None:
    counters = next(row.found["counters"] for row in rows if row.peer == "box")
    assert counters["follow_ups"] == counters["extending"] == job.MOVES - 2
    assert counters["kept_characters"] == counters["previous_characters"] > 0


def test_what_is_not_installed_is_a_line_and_no_crash(rows: list[Row]) -> None:
    assert [row.problem for row in rows if row.peer == ABSENT] == ["not installed"]


def test_the_tables_have_a_line_for_everybody(rows: list[Row]) -> None:
    entries = [find(name) for name in (*PRESENT, ABSENT)]
    text = tables(entries, rows)
    for entry in entries:
        (line,) = [line for line in text.splitlines() if line.startswith(f"| {entry.title} |")]
        assert ("not installed" in line) == (entry.name == ABSENT)
        assert ("100 %" in line) == (entry.name != ABSENT)


def test_without_the_advisor_it_is_the_same_job(tmp_path: Path) -> None:
    with started_server(tmp_path) as port:
        bench = Bench(tmp_path, tmp_path, port, say=False)
        (row,) = bench.run([find("box_unadvised")], Plan(0, 0, 0, {}, 0))
    assert row.problem == ""
    assert row.found["counters"]["requests"] == job.MOVES


def test_the_scripted_offers_are_inside_our_mandates() -> None:
    agenda = scenario.agenda()
    for number in range(job.MOVES - 1):
        outcome = agenda.space.outcome(scripted_terms(number))
        for brief in scenario.briefs("x").values():
            mandate = brief.bind(agenda)[1]
            if number >= job.MOVES - 2:  # the one that is accepted
                assert isinstance(mandate.allows(outcome), Allowed)
        mover = job.SIDES[number % 2]
        assert isinstance(scenario.briefs("x")[mover].bind(agenda)[1].allows(outcome), Allowed)


def test_the_mock_fills_a_tool_call_and_a_schema_alike() -> None:
    messages = [{"role": "system", "content": job.instructions("7", "tenant")}]
    by_schema = completion({"messages": messages, "response_format": job.RESPONSE_FORMAT})
    tool = {"type": "function", "function": {"name": "move", "parameters": job.REPLY}}
    by_tool = completion({"messages": messages, "tools": [tool]})
    text = by_schema["choices"][0]["message"]["content"]
    (call,) = by_tool["choices"][0]["message"]["tool_calls"]
    assert json.loads(text) == json.loads(call["function"]["arguments"])
    assert json.loads(text)["action"] == "offer"
    assert set(json.loads(text)) == set(job.REPLY["required"])


def test_a_server_ends_with_its_block(tmp_path: Path) -> None:
    with started_server(tmp_path) as port:
        assert json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/counters/x"))["requests"] == 0
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/counters/x")


def processes_with(mark: str) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_server(tmp_path: Path, ending: signal.Signals) -> None:
    mark = uuid.uuid4().hex
    run = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.orchestration", "--quick", "--peers", "raw_aiohttp"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MARK": mark, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert run.stderr is not None
    assert b"audit" in run.stderr.readline()
    assert len(processes_with(mark)) >= 2
    run.send_signal(ending)
    run.communicate(timeout=30)
    assert run.returncode == (130 if ending == signal.SIGINT else -signal.SIGKILL)

    for process in processes_with(mark):  # what a killed run leaves behind ends by itself
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(process)
            select.select([handle], [], [], 20)
            os.close(handle)
    assert processes_with(mark) == []


@pytest.mark.parametrize("measured", [1, 2])
def test_an_interrupted_run_prints_and_writes_what_was_measured(tmp_path: Path, measured: int) -> None:
    options = ["--quick", "--peers", "raw_aiohttp", "--out", str(tmp_path / "result")]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.orchestration", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stderr is not None
        for _ in range(measured):
            run.stderr.readline()
        run.send_signal(signal.SIGINT)
        said, _ = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "## One negotiation after the other" in said
    found = json.loads((tmp_path / "result" / "orchestration.json").read_text())
    assert len(found["rows"]) >= measured
    assert (tmp_path / "result" / "orchestration.md").read_text() in said


def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.orchestration", "--out", str(tmp_path / "file" / "result")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{tmp_path}/file/result: Not a directory\n"


def test_every_peer_has_a_file_and_every_environment_its_requirements() -> None:
    folder = ROOT / "benchmarks" / "orchestration"
    for entry in CATALOGUE:
        assert (folder / "peers" / f"{entry.name}.py").is_file()
        if entry.environment:
            assert (folder / "requirements" / f"{entry.environment}.txt").is_file()


def test_the_profile_says_what_a_move_of_ours_spends_its_time_on() -> None:
    line = [sys.executable, "-m", "benchmarks.orchestration.profile", "--negotiations", "5"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    shares = dict(row.strip("| ").split(" | ") for row in done.stdout.splitlines() if row.endswith(" % |"))
    assert {"LangGraph", "guard, messages", "advisor"} <= shares.keys()
    assert 90 <= sum(int(share.removesuffix(" %")) for share in shares.values()) <= 110
