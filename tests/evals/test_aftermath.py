"""The aftermath: a few real endings leave nothing, and every instrument finds what is left on purpose."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

import pytest

from evals.aftermath import ENDINGS, INSTRUMENTS, Finding, Trial, family, hold, instrument, scenario
from evals.aftermath.__main__ import table
from evals.aftermath.ending import CHILDREN, PHASES
from evals.aftermath.place import Place, place
from sandbox import host
from sandbox.fact import Known
from sandbox.isolation import ladder

BY_NAME = {ending.name: ending for ending in ENDINGS}
BEST = ladder.available(host.gather())[0]
CANARY = scenario.canary()

needs_walls = pytest.mark.skipif(BEST == "none", reason="this machine has neither namespaces nor Landlock")


@needs_walls
@pytest.mark.parametrize(
    ("name", "code", "holders"),
    [
        ("model reflects the prompt in its error", 3, set()),
        ("SIGKILL to negbox, ready", -9, {"negbox"}),
        ("SIGKILL to broker, turns", 5, {"negbox", "box", "broker"}),
    ],
)
def test_nothing_is_left_of_a_run(name: str, code: int, holders: set[str]) -> None:
    """While it ran, the canary was where it belongs: so the instruments can see into these processes."""
    trial = hold(BY_NAME[name])
    results = {which: finding.result for which, finding in trial.findings.items()}
    assert "found" not in results.values(), trial.findings
    assert {results[which] for which in ("memory", "files", "shown")} == {"clean"}, trial.findings
    assert results.keys() == set(INSTRUMENTS)
    if BEST == "bwrap" and os.geteuid() == 0:
        assert trial.code == code
        assert {who for who, holds in trial.held.items() if holds} == holders
        assert None not in trial.held.values()


def test_every_process_is_struck_in_every_phase() -> None:
    assert len(BY_NAME) == len(ENDINGS)
    struck = {(e.blow.number.name, e.blow.target, e.blow.phase) for e in ENDINGS if e.blow}
    for phase in PHASES:
        assert {("SIGKILL", child, phase) for child in CHILDREN} <= struck
        assert {(name, "negbox", phase) for name in ("SIGINT", "SIGTERM", "SIGKILL")} <= struck


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path / "place"
    folder.mkdir()
    with place(folder) as made:
        yield made
    assert not folder.exists()


@pytest.fixture
def holder(where: Place) -> Iterator["subprocess.Popen[bytes]"]:
    with instrument.holder(CANARY, where.control) as child:
        yield child


def test_a_survivor_that_holds_it_is_found(where: Place, holder: "subprocess.Popen[bytes]") -> None:
    with instrument.holder(CANARY, where.cwd) as survivor, instrument.holder("1" * 32, where.cwd) as other:
        assert instrument.memory(CANARY, [survivor.pid], holder.pid).result == "found"
        assert instrument.memory(CANARY, [other.pid], holder.pid) == Finding("clean", "1 survived")
        assert instrument.memory(CANARY, [], holder.pid) == Finding("clean", "none survived")
        assert instrument.holding(CANARY, {"a": survivor.pid, "b": other.pid}) == {"a": True, "b": False}


def test_an_orphan_is_not_lost(tmp_path: Path) -> None:
    with family.adopting():
        known = set(family.below(os.getpid()))
        code = "sleep 60 > /dev/null & echo $!"
        orphan = int(subprocess.run(["sh", "-c", code], stdout=subprocess.PIPE, check=True).stdout.split()[0])
        assert family.survivors(known, 0) == [orphan]
        os.kill(orphan, signal.SIGKILL)
        assert family.survivors(known, 10) == []
        family.reap(known)


def test_a_file_is_found(where: Place) -> None:
    begun = time.time() - 1
    assert instrument.files(CANARY, where, begun).result == "clean"
    (where.cwd / "kept").write_text(CANARY)
    assert instrument.files(CANARY, where, begun).result == "found"


@pytest.mark.parametrize("kept", [False, True])
def test_a_deleted_file_is_found_on_the_raw_disk(where: Place, kept: bool) -> None:
    if where.image is None:
        assert instrument.disk(CANARY, where) == Finding("unmeasured", where.problem)
        pytest.skip(where.problem)
    if kept:
        with (where.cwd / "deleted").open("wb", buffering=0) as file:
            file.write(CANARY.encode())
            os.fsync(file.fileno())
        (where.cwd / "deleted").unlink()
    assert instrument.disk(CANARY, where).result == ("found" if kept else "clean")


def test_a_core_dump_is_found(where: Place, holder: "subprocess.Popen[bytes]") -> None:
    begun = time.time() - 1
    with instrument.holder(CANARY, where.cwd) as careless:
        assert careless.stdin is not None
        careless.stdin.write(b"\n")
        careless.stdin.flush()
        careless.wait()
    finding = instrument.cores(CANARY, where, begun, holder)
    pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    if pattern[:1] in {"|", "@", "/"} or resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        assert finding.result != "found"
        pytest.skip(finding.detail)
    assert finding.result == "found"


def test_what_is_shown_is_found_and_never_told() -> None:
    assert instrument.shown(CANARY, b"").result == "clean"
    finding = instrument.shown(CANARY, b"No deal. " + CANARY.encode())
    assert finding.result == "found"
    assert CANARY[:16] not in finding.detail


def test_an_instrument_that_misses_its_control_has_measured_nothing(where: Place) -> None:
    with instrument.holder("2" * 32, where.control) as other:
        finding = instrument.memory(CANARY, [], other.pid)
    assert finding == Finding("unmeasured", "what was planted beside was not found")


def test_without_swap_nothing_is_in_it() -> None:
    finding = instrument.swap(CANARY, host.swapped_out_pages())
    assert finding.result in {"clean", "unmeasured"}
    if host.swap() == Known(()):
        assert finding.result == "clean"


def test_the_table_says_what_was_not_measured_and_why() -> None:
    clean = Finding("clean", "")
    good: Mapping[instrument.Instrument, Finding] = dict.fromkeys(get_args(instrument.Instrument), clean)
    bad = {**good, "disk": Finding("unmeasured", "only root may"), "memory": Finding("found", "process 7")}
    trials = [
        Trial("a", 0, 1.0, {}, good),
        Trial("b", -9, 1.0, {"box": True, "gate": None}, bad),
    ]
    lines = table(trials)
    assert "FOUND" in lines[2]
    assert "box, gate unmeasured" in lines[2]
    assert "disk unmeasured: only root may [b]" in lines
    assert "memory found: process 7 [b]" in lines
