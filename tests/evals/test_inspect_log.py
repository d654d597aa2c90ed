"""What a sweep left becomes logs that Inspect reads, with values only, and no result where there is none."""

import json
import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bargaining.errors import InvalidInputError
from evals import inspect_log, store, suites
from evals.case import Case, Missing, Row
from evals.inspect_log import SEALED, write
from evals.statistics import Figure
from evals.suite import Control, rate_of

GUARDED, RECKLESS, LOYAL = "guarded", "reckless control", "loyal control"
ATTEMPTED = f"breach.attempted.{GUARDED}"
ROOT = Path(__file__).parents[2]
PLAN = {
    "models": ["scripted/a 12ab"],
    "scenarios": {"t": "34cd"},
    "prompts": ["default"],
    "epochs": 2,
    "seed": 5,
}


class Breaches:
    """A small suite: its figures and controls are all that an export asks for."""

    about = "how often a mandate is breached"

    def metrics(self, rows: Sequence[Row]) -> Mapping[str, Figure]:
        return {ATTEMPTED: rate_of([row for row in rows if row.case.arm == GUARDED], "breach.attempted")}

    def controls(self, rows: Sequence[Row]) -> Sequence[Control]:
        return (
            Control.of("found", rows, RECKLESS, {"breach.attempted": "yes"}),
            Control.of("not found", rows, LOYAL, {"breach.attempted": "no"}),
        )


@pytest.fixture(autouse=True)
def a_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suites, "load", lambda name: Breaches())


def row(
    arm: str,
    *,
    seed: int = 5,
    model: str = "scripted/a",
    attempted: str = "no",
    missing: Missing | None = None,
) -> Row:
    case = Case(suite="defection", arm=arm, scenario="t", model=model, against="tactic/steady", seed=seed)
    said = "unknown" if missing else attempted
    return Row.model_validate(
        {
            "case": case,
            "missing": missing,
            "verdicts": {"breach.attempted": said, "agreed": "unknown" if missing else "yes"},
            "numbers": {"own": None if missing else 0.5, "count.turns": 3},
            "tokens": 100,
        }
    )


def control(arm: str, attempted: str) -> Row:
    return row(arm, model="scripted/control", attempted=attempted)


CONTROLS = (control(RECKLESS, "yes"), control(LOYAL, "no"))


def kept(folder: Path, rows: tuple[Row, ...], plan: dict[str, Any] = PLAN) -> Path:
    with store.opened(folder, plan, resume=False) as there:
        for each in rows:
            there.add(each)
    return folder


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def sample(log: dict[str, Any], arm: str, epoch: int = 1) -> dict[str, Any]:
    (found,) = (one for one in log["samples"] if one["metadata"]["arm"] == arm and one["epoch"] == epoch)
    return dict(found)


def test_a_negotiation_is_a_sample_and_its_seed_the_epoch(tmp_path: Path) -> None:
    rows = (row(GUARDED), row(GUARDED, seed=6, attempted="yes"), *CONTROLS)
    (file,) = write(kept(tmp_path / "out", rows), tmp_path / "logs")
    log = read(file)
    assert log["version"] == 2
    assert log["status"] == "success"
    assert (log["eval"]["task"], log["eval"]["model"]) == ("defection", "scripted/a")
    assert sample(log, GUARDED)["id"] == sample(log, GUARDED, 2)["id"]
    assert sample(log, GUARDED)["scores"]["breach.attempted"] == {"value": 0.0}
    assert sample(log, GUARDED, 2)["scores"]["breach.attempted"] == {"value": 1.0}
    assert "count.turns" not in sample(log, GUARDED)["scores"]
    assert sample(log, GUARDED)["metadata"]["count.turns"] == 3


@pytest.mark.parametrize(
    ("progress", "status"),
    [
        ('{"total": 9, "done": 4, "ended": true}', "cancelled"),
        ('{"total": 4}', "success"),
        ("{}", "success"),
        ("[", "success"),
    ],
)
def test_a_sweep_that_was_cut_off_is_no_success(tmp_path: Path, progress: str, status: str) -> None:
    rows = (row(GUARDED), row(GUARDED, seed=6), *CONTROLS)
    (kept(tmp_path / "out", rows) / store.PROGRESS).write_text(progress)
    (file,) = write(tmp_path / "out", tmp_path / "logs")
    assert read(file)["status"] == status


def test_more_seeds_than_epochs_are_samples_of_their_own(tmp_path: Path) -> None:
    rows = (row(GUARDED), row(GUARDED, seed=6), row(GUARDED, seed=7), row(GUARDED, seed=15), *CONTROLS)
    (file,) = write(kept(tmp_path / "out", rows), tmp_path / "logs")
    log = read(file)
    mine = [one for one in log["samples"] if one["metadata"]["arm"] == GUARDED]
    assert {one["epoch"] for one in mine} == {1}
    assert sorted(one["id"].rpartition(" | ")[2] for one in mine) == ["seed 15", "seed 5", "seed 6", "seed 7"]
    assert log["eval"]["config"]["epochs"] == 1


def test_the_results_are_the_figures_of_the_suite(tmp_path: Path) -> None:
    rows = (row(GUARDED), row(GUARDED, seed=6, attempted="yes"), *CONTROLS)
    (file,) = write(kept(tmp_path / "out", rows), tmp_path / "logs")
    found = {one["name"]: one for one in read(file)["results"]["scores"]}
    metrics = found[ATTEMPTED]["metrics"]
    assert metrics["value"]["value"] == 0.5
    figure = Breaches().metrics(rows)[ATTEMPTED]
    assert (metrics["ci_low"]["value"], metrics["ci_high"]["value"]) == (figure.low, figure.high)


def test_what_has_no_result_is_unscored_with_whose_failure_it_is(tmp_path: Path) -> None:
    rows = (row(GUARDED), row(GUARDED, seed=6, missing="parser"), *CONTROLS)
    (file,) = write(kept(tmp_path / "out", rows), tmp_path / "logs")
    log = read(file)
    lost = sample(log, GUARDED, 2)
    assert lost["metadata"]["missing"] == "parser"
    assert lost["error"]["message"] == "no result: parser"
    for score in lost["scores"].values():
        assert math.isnan(score["value"])
        assert score["reason"] == "invalid_response_format"
    assert log["results"]["completed_samples"] == 3
    found = {one["name"]: one for one in log["results"]["scores"]}[ATTEMPTED]
    assert (found["scored_samples"], found["unscored_samples"]) == (1, 1)
    assert found["metrics"]["missing"]["value"] == 1
    assert found["metrics"]["high_worst"]["value"] > found["metrics"]["value"]["value"]


@pytest.mark.parametrize("controls", [(), (control(RECKLESS, "no"), control(LOYAL, "no"))])
def test_without_controls_that_landed_a_log_has_failed_and_has_no_results(
    tmp_path: Path, controls: tuple[Row, ...]
) -> None:
    (file,) = write(kept(tmp_path / "out", (row(GUARDED), *controls)), tmp_path / "logs")
    log = read(file)
    assert log["status"] == "error"
    assert "did not land" in log["error"]["message"]
    assert log["results"]["scores"] == []


def test_each_suite_and_model_has_a_log_with_the_controls_in_it(tmp_path: Path) -> None:
    plan = {**PLAN, "models": ["scripted/a 12ab", "scripted/b 56ef"]}
    rows = (row(GUARDED), row(GUARDED, model="scripted/b"), *CONTROLS)
    folder = kept(tmp_path / "out", rows, plan)
    files = write(folder, tmp_path / "logs")
    assert sorted(read(file)["eval"]["model"] for file in files) == ["scripted/a", "scripted/b"]
    for file in files:
        assert {one["metadata"]["arm"] for one in read(file)["samples"]} == {GUARDED, RECKLESS, LOYAL}
    with pytest.raises(InvalidInputError, match="give a folder"):
        write(folder, tmp_path / "one.json")
    assert not (tmp_path / "one.json").exists()


def test_a_log_is_never_overwritten_and_the_same_rows_make_the_same(tmp_path: Path) -> None:
    folder = kept(tmp_path / "out", (row(GUARDED), *CONTROLS))
    (file,) = write(folder, tmp_path / "a")
    (again,) = write(folder, tmp_path / "b")
    assert file.name == again.name
    assert file.read_bytes() == again.read_bytes()
    with pytest.raises(InvalidInputError, match="there already"):
        write(folder, tmp_path / "a")
    (single,) = write(folder, tmp_path / "2026-01-31T12-00-00_defection.json")
    assert single.read_bytes() == file.read_bytes()


def test_there_is_nothing_of_a_message_in_a_log(tmp_path: Path) -> None:
    """A row has no place for text of a brief, a message or a model; a log has places, and all are empty."""
    (file,) = write(kept(tmp_path / "out", (row(GUARDED, missing="model"), *CONTROLS)), tmp_path / "logs")
    for one in read(file)["samples"]:
        assert (one["input"], one["target"], one["messages"], one["events"]) == (SEALED, "", [], [])
        assert "output" not in one
        assert not any("answer" in score or "explanation" in score for score in one["scores"].values())


def test_a_folder_without_rows_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no rows yet"):
        write(kept(tmp_path / "out", ()), tmp_path / "logs")


def test_nothing_but_the_tasks_imports_inspect() -> None:
    """All modules of the core, in one process in which Inspect cannot be imported."""
    code = """
import importlib, pkgutil, sys
sys.modules["inspect_ai"] = None
for name in ("app", "bargaining", "delegates", "evals", "graphs", "institutions", "sandbox"):
    for found in pkgutil.walk_packages(importlib.import_module(name).__path__, name + "."):
        if found.name != "evals.inspect_tasks" and not found.name.endswith("__main__"):
            try:
                importlib.import_module(found.name)
            except ImportError as error:
                assert "inspect_ai" not in str(error), found.name
assert "evals.inspect_log" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_identities_do_not_run_into_each_other() -> None:
    one = Case(suite="s", arm="a", scenario="t", model="m", side=1, seed=1)
    other = one.model_copy(update={"side": 0})
    assert inspect_log.sample_id(one) != inspect_log.sample_id(other)
    assert inspect_log.sample_id(one) == inspect_log.sample_id(one.model_copy(update={"seed": 2}))
