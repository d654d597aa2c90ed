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
from evals.aftermath.run import Ran
from evals.aftermath.trial import problems
from evals.scan import Hit, Scan
from sandbox import host
from sandbox.fact import Known
from sandbox.isolation import ladder

BY_NAME = {ending.name: ending for ending in ENDINGS}
FACTS = host.gather()
BEST = ladder.available(FACTS)[0]
CANARY = scenario.canary()


needs_walls = pytest.mark.skipif(BEST == "none", reason="this machine has neither namespaces nor Landlock")


@needs_walls
@pytest.mark.parametrize(
    ("name", "holders"),
    [
        ("SIGKILL to sealer, reading", {"sealer"}),
        ("SIGKILL to negbox, ready", {"sealer"}),
        ("SIGKILL to broker, turns", {"sealer", "box", "broker"}),
        ("two parties: model reflects the prompt in its error", {"box", "broker"}),
    ],
)
def test_nothing_is_left_of_a_run(name: str, holders: set[str]) -> None:
    """While it ran, the canary was where it belongs: so the instruments can see into these processes."""
    trial = hold(BY_NAME[name], FACTS)
    results = {which: finding.result for which, finding in trial.findings.items()}
    assert "found" not in results.values(), trial.findings
    assert {results[which] for which in ("memory", "files", "shown")} == {"clean"}, trial.findings
    assert results.keys() == set(INSTRUMENTS)
    assert not trial.wrong
    if BEST == "bwrap" and os.geteuid() == 0:
        assert results["living"] == "clean", trial.findings
        assert {who for who, holds in trial.held.items() if holds} == holders
        assert None not in trial.held.values()


def test_every_process_is_struck_in_every_phase_in_which_it_is_there() -> None:
    assert len(BY_NAME) == len(ENDINGS)
    struck = {(e.blow.number.name, e.blow.target, e.blow.phase) for e in ENDINGS if e.blow}
    for phase in PHASES:
        assert {("SIGKILL", child, phase) for child in CHILDREN if phase != "reading"} <= struck
        assert {(name, "negbox", phase) for name in ("SIGINT", "SIGTERM", "SIGKILL")} <= struck
    assert ("SIGKILL", "sealer", "reading") in struck
    for phase in ("ready", "turns"):
        assert {(name, "host", phase) for name in ("SIGINT", "SIGTERM", "SIGKILL")} <= struck


def test_who_starts_a_run_never_has_to_hold_a_brief() -> None:
    assert {who for ending in ENDINGS for who in ending.holders} == {"sealer", "box", "broker"}
    assert all(ending.holders < ending.present for ending in ENDINGS)


def test_an_end_that_is_not_due_is_told() -> None:
    ending = BY_NAME["two parties: SIGKILL to box, turns"]
    ran = Ran({"host": 0, "caller": 5}, b"", (), ("host",))
    told = problems(ending, ran, "agreement")
    assert told == (
        "exit code 0 of host, not 5",
        "there is agreement, not nothing",
        "when host was about to end, processes of it were not",
    )
    assert problems(ending, Ran({"host": 5, "caller": 5}, b"", (), ()), "nothing") == ()


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
        pids = {"a": survivor.pid, "b": other.pid}
        looks = [instrument.look(CANARY, who, pid, "now", due=who == "a") for who, pid in pids.items()]
    assert [look.holds for look in looks] == [True, False]
    assert instrument.living(CANARY, looks, holder.pid) == Finding("clean", "3 looks, 2 controls")


@pytest.mark.parametrize(
    ("due", "scan", "result"),
    [
        (False, Scan((Hit("[heap]", "utf-8"),), 1), "found"),
        (False, Scan((), 0, (("process 7", "not permitted"),)), "unmeasured"),
        (True, Scan((), 1), "unmeasured"),
    ],
    ids=["holds what it must not", "cannot be read", "control that is missed"],
)
def test_a_living_process_is_clean_only_if_that_was_seen(
    due: bool, scan: Scan, result: str, holder: "subprocess.Popen[bytes]"
) -> None:
    good = instrument.Look("box", "at turns", True, Scan((Hit("[heap]", "utf-8"),), 1))
    assert instrument.living(CANARY, [good], holder.pid).result == "clean"
    other = instrument.Look("negbox", "at turns", due, scan)
    finding = instrument.living(CANARY, [good, other], holder.pid)
    assert finding.result == result
    assert "negbox, at turns" in finding.detail


def test_where_nobody_was_looked_at_nothing_is_known(holder: "subprocess.Popen[bytes]") -> None:
    assert instrument.living(CANARY, [], holder.pid).result == "unmeasured"


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
        empty = instrument.look(CANARY, "negbox", other.pid, "at its end", due=False)
        assert instrument.living(CANARY, [empty], other.pid).result == "unmeasured"
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
        Trial("a", {"negbox": 0}, 1.0, {}, good, ()),
        Trial("b", {"host": -9, "caller": 5}, 1.0, {"box": True, "gate": None}, bad, ("there is nothing",)),
    ]
    lines = table(trials)
    assert "FOUND" in lines[2]
    assert "-9/5  NO" in lines[2]
    assert "box, gate unmeasured" in lines[2]
    assert "disk unmeasured: only root may [b]" in lines
    assert "memory found: process 7 [b]" in lines
    assert "not as due: there is nothing [b]" in lines
    assert lines[-1] == "12 of 14 clean; 1 of 2 ended as due"
