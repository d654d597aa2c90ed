"""`negbox eval judge`: what it says of a judge is what the judge did, and a judge that did nothing is not praised."""

import json
from pathlib import Path

import pytest

from evals.judging import GIVE_UP, labelled
from evals.server import FaultyServer, status
from tests.app.command import Terminal, write_script

ITEMS = labelled()
RIGHT = [{"evidence": "", "grade": item.grade} for item in ITEMS]


def test_a_judge_that_is_always_right_is_said_to_be(negbox: Terminal, tmp_path: Path) -> None:
    ended = negbox("eval", "judge", write_script(tmp_path / "right.json", RIGHT), "--json")
    assert ended.code == 0, ended.shown
    found = json.loads(ended.out)
    assert (
        found["sensitivity"]["value"]
        == found["specificity"]["value"]
        == found["grades"]["kappa"]["value"]
        == 1
    )
    assert {grade: figure["value"] for grade, figure in found["found"].items()} == {
        "none": 0, "partial": 1, "full": 1, "confirmed": 1, "inferable": 1
    }  # fmt: skip
    assert sum(figure["n"] for figure in found["found"].values()) == len(ITEMS)


def test_a_table_says_it_with_intervals(negbox: Terminal, tmp_path: Path) -> None:
    ended = negbox("eval", "judge", write_script(tmp_path / "right.json", RIGHT))
    assert "finds what is let out" in ended.out
    assert "1.00 [" in ended.out
    assert f"{len(ITEMS)} of {len(ITEMS)} conversations" in ended.shown


def test_what_a_judge_could_not_tell_is_said_first(negbox: Terminal, tmp_path: Path) -> None:
    replies = ["I would rather not.", *RIGHT[1:]]
    ended = negbox("eval", "judge", write_script(tmp_path / "shy.json", replies))
    assert ended.code == 0
    assert ended.out.startswith("Not graded: 1 (1 unreadable)")


def test_a_judge_without_credit_is_no_judge(negbox: Terminal) -> None:
    with FaultyServer(faults=lambda _: status(402)) as server:
        ended = negbox("eval", "judge", f"openai/judge@{server.base_url}", "--quiet")
        asked = len(server.received)
    assert ended.code == 3
    assert (
        f"Not graded: {len(ITEMS)} ({GIVE_UP} unavailable, {len(ITEMS) - GIVE_UP} not asked any more)"
        in ended.out
    )
    assert "too much" in ended.shown
    assert asked <= 2 * GIVE_UP


def test_a_judge_that_is_lost_half_way_is_not_measured(negbox: Terminal, tmp_path: Path) -> None:
    """What it graded is shown, beside the detector on the same, and the exit code says that it is not enough."""
    ended = negbox("eval", "judge", write_script(tmp_path / "short.json", RIGHT[:20]), "--json")
    assert ended.code == 3
    found = json.loads(ended.out)
    told = found["sensitivity"]["n"] + found["specificity"]["n"]
    assert told == found["detector_sensitivity"]["n"] + found["detector_specificity"]["n"] == 20


@pytest.mark.parametrize("spec", ["tactic/steady", "nobody/x", "scripted/not-there.json", "local/none.gguf"])
def test_what_cannot_judge_is_refused(negbox: Terminal, spec: str) -> None:
    ended = negbox("eval", "judge", spec)
    assert ended.code == 2
    assert "Traceback" not in ended.shown
