"""`negbox eval export` names the logs it wrote, and says what to do when it cannot."""

import json
from pathlib import Path

from tests.app.command import Terminal
from tests.evals.made_up import controls, leaks, sweep


def test_the_logs_are_named(negbox: Terminal, tmp_path: Path) -> None:
    plan = {"models": ["m sha256:1", "n sha256:2"]}
    folder = sweep(tmp_path / "out", controls(), leaks({"m": 0.0, "n": 1.0}), plan=plan)
    ended = negbox("eval", "export", folder, "--to", tmp_path / "logs")
    assert ended.code == 0
    files = sorted((tmp_path / "logs").iterdir())
    assert sorted(line.removeprefix("written  ") for line in ended.out.split("\n") if line) == [
        str(file) for file in files
    ]
    assert [json.loads(file.read_text())["eval"]["model"] for file in files].count("n") == 1


def test_two_models_do_not_fit_in_a_file(negbox: Terminal, tmp_path: Path) -> None:
    plan = {"models": ["m sha256:1", "n sha256:2"]}
    folder = sweep(tmp_path / "out", controls(), leaks({"m": 0.0, "n": 1.0}), plan=plan)
    ended = negbox("eval", "export", folder, "--to", tmp_path / "log.json")
    assert ended.code == 2
    assert "give a folder" in ended.err
    assert not (tmp_path / "log.json").exists()
