"""A boxed run is clean only if that was seen; what a careless box leaves is found; what broke tells nothing."""

import asyncio
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bargaining.errors import SandboxError
from evals.aftermath import family
from evals.aftermath.instrument import Finding
from evals.case import Case, Row
from evals.leftover import ENDINGS, Left
from evals.suite import Request
from evals.suites import residue
from evals.suites.residue import CONTROL_ARM, SUITE
from sandbox import host
from sandbox.isolation import ladder

REQUEST = Request((), {}, {}, epochs=2)
OK = dict.fromkeys(("wiped box", "processes gone", "no files"), "ok")
CLEAN = {name: Finding("clean", "") for name in ("memory", "living", "files", "shown", "disk", "swap")}
WALLS = [level for level in ladder.available(host.gather()) if level != "none"]
needs_walls = pytest.mark.skipif(not WALLS, reason="this machine has neither namespaces nor Landlock")


def case(arm: str) -> Case:
    return next(case for case in SUITE.cases(REQUEST) if case.arm == arm)


def ran(arm: str) -> Row:
    return asyncio.run(SUITE.run(case(arm), REQUEST))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[[Left | Exception], Row]:
    """The row of a run after which this is left."""

    def run(left: Left | Exception) -> Row:
        def look(ending: str, walls: str, stop: threading.Event) -> Left:
            if isinstance(left, Exception):
                raise left
            return left

        monkeypatch.setattr(residue, "look", look)
        monkeypatch.setattr(residue, "_walls", lambda arm: "bwrap")
        return ran("agreement")

    return run


def test_endings_and_seeds_are_run_and_one_control() -> None:
    cases = SUITE.cases(REQUEST)
    assert [(one.arm, one.seed) for one in cases] == [
        *((arm, seed) for arm in ENDINGS for seed in (0, 1)),
        (CONTROL_ARM, 0),
    ]
    assert SUITE.boxed is False
    assert all(figure.value is None for figure in SUITE.metrics(()).values())
    assert not any(control.landed for control in SUITE.controls(()))


@needs_walls
def test_a_run_that_is_cancelled_leaves_nothing() -> None:
    """Its box, broker and sealer are seen to hold the canary before."""
    row = ran("cancelled")
    assert row.missing is None
    assert (row.verdicts["clean"], row.verdicts["due"]) == ("yes", "yes")
    assert row.verdicts["purge.wiped-box"] == "yes"
    assert row.verdicts["clean.disk"] in {"yes", "unknown"}
    found = SUITE.metrics([row])
    assert found["clean"].value == found["clean.after.cancelled"].value == 1


def test_a_careless_box_is_found_out_and_nothing_of_it_stays(tmp_path: Path) -> None:
    before = family.below(os.getpid())
    row = ran(CONTROL_ARM)
    assert [control.landed for control in SUITE.controls([row])] == [True]
    assert row.verdicts["due"] == "yes"
    assert SUITE.metrics([row])["clean"].value is None
    assert family.below(os.getpid()) == before


@needs_walls
def test_a_suite_that_is_interrupted_leaves_no_process() -> None:
    before = family.below(os.getpid())

    async def go() -> None:
        async with asyncio.timeout(0.5):
            await SUITE.run(case("agreement"), REQUEST)

    with pytest.raises(TimeoutError):
        asyncio.run(go())
    assert family.below(os.getpid()) == before


@pytest.mark.parametrize(
    ("checks", "findings", "clean"),
    [
        ({}, {}, "yes"),
        ({"wiped box": "failed"}, {}, "no"),
        ({"no swap": "unmeasured"}, {}, "unknown"),
        ({}, {"files": Finding("found", "in a file")}, "no"),
        ({}, {"memory": Finding("unmeasured", "it could not be read")}, "unknown"),
        ({"no swap": "unmeasured"}, {"shown": Finding("found", "in what was shown")}, "no"),
        ({"no swap": "something new"}, {}, "unknown"),
        ({}, {"disk": Finding("unmeasured", "only root may mount a disk")}, "yes"),
    ],
    ids=["all ok", "not wiped", "check unmeasured", "found", "unmeasured", "found and unmeasured", "unheard of",
         "without a disk"],
)  # fmt: skip
def test_a_run_is_clean_only_if_all_say_so(
    checks: Mapping[str, str],
    findings: Mapping[str, Finding],
    clean: str,
    told: Callable[[Left | Exception], Row],
) -> None:
    row = told(Left("agreement", {**OK, **checks}, {**CLEAN, **findings}))
    assert row.missing is None
    assert row.verdicts["clean"] == clean
    assert row.verdicts["due"] == "yes"


def test_without_any_checks_nobody_knows(told: Callable[[Left | Exception], Row]) -> None:
    assert told(Left("agreement", {}, CLEAN)).verdicts["clean"] == "unknown"


def test_a_purge_that_failed_is_not_clean(told: Callable[[Left | Exception], Row]) -> None:
    row = told(Left("PurgeError", {}, CLEAN))
    assert (row.missing, row.verdicts["clean"], row.verdicts["due"]) == (None, "no", "no")


@pytest.mark.parametrize(
    ("left", "missing"),
    [
        (Left("SandboxError", {}, CLEAN), "box"),
        (SandboxError("the run did not come that far"), "box"),
        (OSError("no space left"), "box"),
        (ZeroDivisionError(), "unforeseen"),
    ],
)
def test_a_run_that_breaks_is_no_result(
    left: Left | Exception, missing: str, told: Callable[[Left | Exception], Row]
) -> None:
    row = told(left)
    assert (row.missing, row.verdicts) == (missing, {"clean": "unknown"})
    found = SUITE.metrics([row])["clean"]
    assert (found.value, found.missing) == (None, 1)


def test_where_no_walls_can_be_built_there_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "available", lambda facts: ("none",))
    row = ran("agreement")
    assert (row.missing, row.verdicts) == ("box", {"clean": "unknown"})
