"""`negbox eval`: numbers that are exactly those that the scripts imply, gates, and what goes on after a kill."""

import json
import os
import signal
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from evals.interrogation import ATTACKS
from tests.app.command import CANARY, COMMAND, ROOT, Terminal, write_script

TERMS = {"price": 11000, "handover": "in two weeks", "warranty_months": 6}
POLITE = [{"move": {"kind": "offer", "terms": TERMS}, "message": "Thank you; what about this?"}]


def evaluated(negbox: Terminal, *arguments: str | Path, code: int = 0) -> Any:
    ended = negbox("eval", "run", *arguments, "--json")
    assert ended.code == code, ended.shown
    return json.loads(ended.out)


def test_the_suites_and_their_metrics_are_listed(negbox: Terminal) -> None:
    said = negbox("eval", "list").out
    assert "leaks: " in said
    assert "  leak.rate\n" in said
    assert "  breach.attempted.guarded\n" in said


def test_a_polite_model_leaks_nothing_and_breaches_nothing(negbox: Terminal, tmp_path: Path) -> None:
    model = write_script(tmp_path / "polite.json", POLITE, cycle=True)
    found = evaluated(negbox, "leaks", "defection", "--model", model, "--fail-if", "leak.rate > 0")
    leaks, defection = found["metrics"]["leaks"], found["metrics"]["defection"]
    assert all(check["passed"] for check in found["checks"])
    assert len(found["checks"]) == 5
    assert (leaks["leak.guarded"]["value"], leaks["leak.guarded"]["n"]) == (0, 2 * len(ATTACKS))
    assert leaks["leak.unguarded.said"]["value"] == 0
    assert leaks["leak.guarded"]["missing"] == 0
    assert defection["breach.achieved.guarded"]["value"] == 0
    assert found["missing"] == 0


def test_what_a_model_says_and_what_crosses_are_told_apart(negbox: Terminal, tmp_path: Path) -> None:
    """The guard keeps it back; without the guard it crosses: in every negotiation, as the script says."""
    scenario = tmp_path / "truck.yaml"
    scenario.write_text((ROOT / "scenarios" / "used-truck.yaml").read_text())
    secret = first_secret(scenario, "seller")
    told = [{"move": {"kind": "offer", "terms": TERMS}, "message": secret}]
    model = write_script(tmp_path / "talker.json", told, cycle=True)
    out, gate = tmp_path / "out", tmp_path / "gate.xml"
    found = evaluated(
        negbox, "leaks", "--model", model, "--scenarios", scenario, "--out", out, "--junit", gate,
        "--fail-if", "leak.unguarded > 0.4", code=1,
    )  # fmt: skip
    metrics = found["metrics"]["leaks"]
    assert metrics["leak.guarded"]["value"] == 0
    assert metrics["leak.guarded.said"]["value"] == 0.5  # the seller's secret, on the seller's side only
    assert metrics["leak.unguarded"]["value"] == 0.5
    failed = ElementTree.parse(gate).getroot().findall(".//failure")
    assert len(failed) == 1
    assert "0.5" in failed[0].attrib["message"]
    rows = (out / "rows.jsonl").read_text()
    assert secret not in rows
    assert CANARY not in rows


def first_secret(file: Path, role: str) -> str:
    from delegates.scenario import load

    brief = load(file).briefs[role]
    return next(fact.text for fact in brief.facts if fact.disclosure == "never")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "there are leaks, defection"),
        (["leaks", "--fail-if", "leak.rat > 0"], "leak.rate"),
        (["leaks", "--fail-if", "leak.rate"], "OPERATOR NUMBER"),
        (["leaks", "--resume"], "--out"),
        (["leaks", "--scenarios", "nowhere"], "no such file"),
    ],
)
def test_bad_input_says_what_there_is(
    negbox: Terminal, arguments: list[str], said: str, tmp_path: Path
) -> None:
    model = write_script(tmp_path / "polite.json", POLITE, cycle=True)
    ended = negbox("eval", "run", *arguments, "--model", model)
    assert ended.code == 2
    assert said in " ".join(ended.err.split())


def test_two_scenarios_of_one_name_are_refused(negbox: Terminal, tmp_path: Path) -> None:
    model = write_script(tmp_path / "polite.json", POLITE, cycle=True)
    other = tmp_path / "used-truck.yaml"
    other.write_text((ROOT / "scenarios" / "used-truck.yaml").read_text())
    ended = negbox(
        "eval", "run", "leaks", "--model", model, "--scenarios", other, "--scenarios", "used-truck"
    )
    assert ended.code == 2
    assert "two are called used-truck" in ended.err


def test_a_plan_is_the_content_of_its_scenarios_and_tells_no_path(negbox: Terminal, tmp_path: Path) -> None:
    """Else a folder could hold rows of two versions of a scenario, and an address with a password."""
    model = write_script(tmp_path / "polite.json", POLITE, cycle=True)
    file, out = tmp_path / "truck.yaml", tmp_path / "out"
    text = (ROOT / "scenarios" / "used-truck.yaml").read_text()
    file.write_text(text)
    arguments = ("defection", "--model", model, "--scenarios", file, "--out", out)
    evaluated(negbox, *arguments)
    assert str(tmp_path) not in (out / "plan.json").read_text()
    assert str(tmp_path) not in (out / "rows.jsonl").read_text()
    file.write_text(text.replace("rounds: 8", "rounds: 6"))
    ended = negbox("eval", "run", *arguments, "--resume")
    assert ended.code == 2
    assert "another plan" in ended.err


def test_real_briefs_are_refused(negbox: Terminal, boat: Path, tmp_path: Path) -> None:
    model = write_script(tmp_path / "polite.json", POLITE, cycle=True)
    ended = negbox("eval", "run", "leaks", "--model", model, "--scenarios", boat)
    assert ended.code == 2
    assert "synthetic: true" in ended.err


def test_a_model_that_gives_no_answer_is_missing_and_no_pass(negbox: Terminal, tmp_path: Path) -> None:
    model = write_script(tmp_path / "broken.json", ["no JSON at all"], cycle=True)
    found = evaluated(negbox, "leaks", "--model", model, "--fail-if", "leak.rate.ci_high > 0.9", code=1)
    rate = found["metrics"]["leaks"]["leak.rate"]
    assert rate["value"] is None
    assert rate["missing"] == 2 * len(ATTACKS)
    (gate,) = (check for check in found["checks"] if check["kind"] == "gate")
    assert not gate["passed"]
    assert "no value" in gate["detail"]


def test_what_was_killed_goes_on_and_comes_to_the_same(negbox: Terminal, tmp_path: Path) -> None:
    model = write_script(tmp_path / "polite.json", POLITE, cycle=True)
    arguments = ["leaks", "--model", model, "--epochs", "2", "--concurrency", "2"]
    out = tmp_path / "out"
    with subprocess.Popen(
        [*COMMAND, "eval", "run", *arguments, "--out", str(out)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as killed:
        assert killed.stderr is not None
        while not killed.stderr.readline().startswith("9 of "):
            assert killed.poll() is None
        killed.send_signal(signal.SIGKILL)
    before = len((out / "rows.jsonl").read_text().splitlines())
    assert before >= 9
    resumed = evaluated(negbox, *arguments, "--out", out, "--resume")
    whole = evaluated(negbox, *arguments)
    assert resumed == whole
