"""The count of false alarms."""

import json
import sys
from pathlib import Path

import pytest

from delegates.scenario import load
from evals import overblocking

DIALOGUES = [
    {
        "chat_logs": [
            {"text": "Hello, I would like some firewood."},
            {"text": "My budget is small, can I have the water?"},
            {"text": "Submit-Deal"},
        ]
    },
    {"chat_logs": [{"text": "I need it more than you."}, {"text": "Accept-Deal"}]},
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "dialogues.json"
    path.write_text(json.dumps(DIALOGUES), encoding="utf-8")
    return path


def test_buttons_are_no_messages(file: Path) -> None:
    assert len(list(overblocking.messages([file]))) == 3


def test_a_sentence_that_the_guard_stops_is_a_false_alarm(file: Path) -> None:
    texts = list(overblocking.messages([file]))
    counted = overblocking.count(load("saas-contract"), "saas-contract", "customer", texts)
    assert (counted.messages, counted.stopped) == (3, 1)
    assert sum(number for _, number in counted.labels) == 1


def test_the_command_shows_every_side_of_every_scenario(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["overblocking", str(file)])
    overblocking.main()
    shown = capsys.readouterr().out
    assert all(f"{name} " in shown for name in overblocking.SCENARIOS)
    assert "customer           3        1  33.33%" in shown
