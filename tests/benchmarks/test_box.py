"""The benchmark of the box: that each part runs and says what it found. No times are judged."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.box import crowd, gauge, profile, start, whole
from benchmarks.box.timing import PARTS
from benchmarks.orchestration.bench import started_server
from benchmarks.orchestration.job import MOVES
from sandbox import host
from sandbox.isolation import ladder

ROOT = Path(__file__).parents[2]
FACTS = host.gather()
WALLS = ladder.build(ladder.available(FACTS)[0], FACTS)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are measured by what Linux tells")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with started_server(tmp_path_factory.mktemp("server")) as port:
        yield port


def test_whole_negotiations_are_split_into_parts(tmp_path: Path, port: int) -> None:
    runs = whole.measure([WALLS], tmp_path, port, 1, ["server"])
    boxed = runs["server", WALLS.level]
    plain = runs["server", whole.FIRST] + runs["server", whole.LATER] + runs["server", whole.FIRST_SET]
    assert {timing.problem for timing in (*boxed, *plain)} == {""}
    assert {timing.turns for timing in (*boxed, *plain)} == {MOVES}
    (timing,) = boxed
    assert all(timing.walls[part] > 0 and timing.cpu(part) > 0 for part in PARTS)
    assert {"box", "broker", "gate"} <= timing.cpus["negotiation"].keys()
    assert timing.wipe_seconds is not None
    assert timing.total_cpu >= timing.cpu("start")
    text = whole.tables(runs)
    assert f"| server | {WALLS.level} |" in text
    assert "Failed" not in text


def test_several_at_once_are_counted_and_their_memory_is_seen(tmp_path: Path, port: int) -> None:
    found = crowd.crowd(WALLS, tmp_path, port, "scripted", 2)
    assert found.problems == []
    assert len(found.timings) == 2
    assert found.peak_bytes > 0
    assert "| 2, scripted," in crowd.table([found])


def test_the_memory_of_all_three_that_wait_is_read() -> None:
    found = crowd.idle([WALLS], FACTS)
    assert found[WALLS.level].keys() == {"box", "broker", "gate"}
    assert all(memory.resident_bytes > 0 for memory in found[WALLS.level].values())
    assert WALLS.level in crowd.idle_table(found)


def test_walls_that_are_not_there_are_a_line_and_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = start.Foreign("somebody else's", "no-such-walls")
    monkeypatch.setattr(start, "FOREIGN", (start.FOREIGN[0], absent))
    monkeypatch.setattr(start, "LOADS", start.LOADS[:1])
    found = {one.name: one for one in start.measure([], FACTS, 1)}
    assert found["plain subprocess"].problem == ""
    assert len(found["plain subprocess"].seconds[()]) == 1
    assert "| somebody else's | no-such-walls is not installed |" in start.table(list(found.values()))


def test_the_profile_sees_into_box_and_broker_at_work(tmp_path: Path, port: int) -> None:
    shares = profile.profile(WALLS, tmp_path, port, 2, 1)
    plain = shares.columns["in process"]
    assert not [part for part, each in plain.items() if part.startswith("channel") and each]
    assert all(sum(column.values()) > 0 for column in shares.columns.values())
    assert list(shares.columns) == ["in process", "channel", "box", "broker"]
    assert "| all |" in shares.table()


def test_a_process_that_is_gone_takes_nothing() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as process:
        process.wait()
    assert gauge.cpu_seconds(process.pid) == 0
    assert gauge.memory(process.pid).best_bytes == 0


def test_parts_can_be_chosen_and_unknown_ones_are_refused() -> None:
    line = [sys.executable, "-m", "benchmarks.box", "--parts", "start,else"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown: else" in done.stderr
