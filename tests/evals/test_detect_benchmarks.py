"""The measurements of the detector: what they count, and that what could not be run is no zero."""

import json
from pathlib import Path

import pytest

from bargaining.errors import InvalidInputError
from benchmarks.detector import casino, converters, pyrit

DIALOGUES = [
    {
        "chat_logs": [
            {"text": "Hello, I would like some firewood.", "id": "a"},
            {"text": "My limit is 10200, you know.", "id": "b"},
            {"text": "Submit-Deal", "id": "a"},
        ]
    }
]


def test_messages_and_sides_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "dialogues.json"
    path.write_text(json.dumps(DIALOGUES), encoding="utf-8")
    found = casino.alarms("used-truck", "seller", list(casino.dialogues([path])))
    assert (found.messages, found.stopped, found.talks, found.graded) == (2, 1, 2, 1)
    assert found.ways == (("full, message", 1),)


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text("{}", encoding="utf-8")
    assert list(casino.dialogues([path])) == []
    path.write_text("[1]", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="CaSiNo"):
        list(casino.dialogues([path]))


def test_what_a_converter_wrote_is_read_beside_a_plain_search() -> None:
    same = [sentence for _, _, sentence, _ in pyrit.SENTENCES]
    backwards = [sentence[::-1] for sentence in same]
    lines = pyrit.measured(
        [
            {"family": "place", "converter": "Flip", "outputs": backwards},
            {"family": "place", "converter": "Same", "outputs": same},
            {"family": "base", "converter": "Broken", "error": "ValueError"},
        ]
    )
    assert [(line.caught, line.plain, line.undone) for line in lines[:2]] == [(6, 0, True), (6, 6, False)]
    shown = "\n".join(pyrit.table(lines))
    assert "| base | Broken | not | ValueError | - |" in shown
    assert "| base | - | - |" in shown


def test_each_converter_has_a_line_of_its_own_and_what_is_known_is_among_them() -> None:
    shown = [
        name + "".join(f" {v}" for k, v in how.items() if k not in {"seed", "rng"})
        for _, name, how in converters.CHOSEN
    ]
    assert len(shown) == len(set(shown))
    assert set(shown) >= pyrit.UNDONE
