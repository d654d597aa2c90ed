"""Prompt packs from a folder: what is read, and what a bad one is told."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bargaining.errors import InvalidPromptError
from delegates import prompt
from delegates.prompt import AnswerPrompt, PromptPack, RepairPrompt, SystemPrompt, TurnPrompt

SECRET = "canary-7731-heron"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return prompt.create("mine", tmp_path)


def refusal(folder: Path) -> str:
    with pytest.raises(InvalidPromptError) as caught:
        PromptPack.load(folder)
    return str(caught.value).replace(str(folder), "mine")


def edit(folder: Path, name: str, change: Callable[[str], str]) -> None:
    file = folder / name
    file.write_text(change(file.read_text()))


def test_a_copied_pack_works_and_has_a_digest_of_its_own(folder: Path) -> None:
    first = PromptPack.load(folder)
    assert first.name == "mine"
    edit(folder, "turn.md", lambda text: text + "x")
    assert PromptPack.load(folder).digest != first.digest
    assert PromptPack.load(str(folder)).digest == PromptPack.load(folder).digest


def test_a_shipped_name_wins_over_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "default").mkdir()
    monkeypatch.chdir(tmp_path)
    assert PromptPack.load("default").name == "default"
    with pytest.raises(InvalidPromptError, match="the file is missing"):
        PromptPack.load("./default")


def test_an_unknown_pack_is_told_which_ones_there_are() -> None:
    with pytest.raises(InvalidPromptError, match="default, guarded, hardball, interrogator, principled"):
        PromptPack.load("hardbal")


BAD = [
    ("system.md", lambda text: "\n{{ rouns }}\n" + text, "2: unknown variable 'rouns'; did you mean 'rounds'?"),
    ("system.md", lambda text: "{{ zzz }}" + text, "1: unknown variable 'zzz'; there are advised, counterpart"),
    ("system.md", lambda text: text.replace("{{ narrative }}", "x"), "never uses the variable 'narrative'"),
    ("turn.md", lambda text: "{% if %}\n" + text, "1: not a valid template"),
    ("turn.md", lambda text: "\n\n{% for x in advice %}", "3: not a valid template"),
    ("turn.md", lambda text: "a\n{{ round | shout }}\n" + text, "2: not a valid template: No filter named 'shout'"),
    ("turn.md", lambda text: "a\n{{ round.days }}\n" + text, "2: cannot be filled"),
    ("turn.md", lambda text: "a\n{{ round + standing }}\n" + text, "2: cannot be filled"),
    ("turn.md", lambda text: "{{ standing.__class__.__mro__ }}" + text, "1: cannot be filled"),
    ("turn.md", lambda text: "{% include 'system.md' %}" + text, "1: a template cannot read another one"),
    ("turn.md", lambda text: "{{ range(3) }}" + text, "1: unknown variable 'range'"),
    ("turn.md", lambda text: text.replace(" | quoted", ""), "their_move is the other side's text"),
    ("answer.md", lambda text: text.replace("{{ text }}", ""), "never uses the variable 'text'"),
    ("repair.md", lambda text: "x", "1: never uses the variable 'reason'"),
    ("repair.md", lambda text: "x" * 70_000, "1: larger than 64 KiB"),
    ("pack.toml", lambda text: "name =", "1: not valid TOML"),
    ("pack.toml", lambda text: text.replace("version", "versoin"), "3: unknown key"),
    ("pack.toml", lambda text: text.replace('"mine"', '"Mine!"'), "1: a name is lower-case"),
    ("pack.toml", lambda text: text.replace('"1"', "1"), "3: needs a line such as: version"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "expected"), BAD, ids=range(len(BAD)))
def test_what_is_wrong_is_named_with_file_and_line(
    folder: Path, name: str, change: Callable[[str], str], expected: str
) -> None:
    edit(folder, name, change)
    message = refusal(folder)
    assert message.startswith(f"mine/{name}:")
    assert expected in message


def test_everything_that_is_wrong_is_told_at_once(folder: Path) -> None:
    edit(folder, "system.md", lambda text: "{{ one }}\n{{ two }}" + text)
    edit(folder, "turn.md", lambda text: "{{ three }}" + text)
    assert [line.split()[0] for line in refusal(folder).splitlines()] == [
        "mine/system.md:1:",
        "mine/system.md:2:",
        "mine/turn.md:1:",
    ]


@pytest.mark.parametrize("name", [name for name in prompt.FILES if name not in prompt.OPTIONAL])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"mine/{name}:1: the file is missing" in refusal(folder)


def test_a_pack_without_words_for_a_mediators_text_leaves_them_to_the_default_pack(folder: Path) -> None:
    (folder / "answer.md").unlink()
    pack = PromptPack.load(folder)
    assert pack.suited("alternating_offers") == pack
    assert pack.suited("single_text") == PromptPack.load("default")


def test_a_pack_with_words_for_a_mediators_text_uses_them(folder: Path) -> None:
    edit(folder, "answer.md", lambda text: "Mine. " + text)
    pack = PromptPack.load(folder)
    assert pack.suited("single_text") == pack
    assert pack.answer(AnswerPrompt(1, 2, "{}")).startswith("Mine. ")


def test_a_file_that_is_not_text_is_named(folder: Path) -> None:
    (folder / "turn.md").write_bytes(b"a\nb\xff")
    assert "mine/turn.md:2: not UTF-8 text" in refusal(folder)
    (folder / "turn.md").unlink()
    (folder / "turn.md").mkdir()
    assert "mine/turn.md:1: cannot be read" in refusal(folder)


def test_a_template_that_fails_in_a_turn_says_where_and_holds_no_value(folder: Path) -> None:
    edit(
        folder,
        "repair.md",
        lambda text: "a\n{% if reason|length > 9 %}{{ reason + attempts_left }}{% endif %}",
    )
    pack = PromptPack.load(folder)
    with pytest.raises(InvalidPromptError) as caught:
        pack.repair(RepairPrompt(reason=SECRET, attempts_left=1))
    assert "repair.md:2:" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None


def test_prompts_do_not_show_what_they_hold() -> None:
    prompts = (
        SystemPrompt("a", "b", SECRET, "", (), 1, 1, SECRET),
        TurnPrompt(1, 1, their_move=SECRET),
        RepairPrompt(SECRET, 1),
        AnswerPrompt(1, 1, SECRET),
    )
    assert SECRET not in repr(prompts)


def test_a_new_pack_is_never_written_over_another(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InvalidPromptError, match="exists already"):
        prompt.create("mine", tmp_path)
    for name in ("default", "../x", "", "A"):
        with pytest.raises(InvalidPromptError, match="a name has"):
            prompt.create(name, tmp_path)
    with pytest.raises(InvalidPromptError, match="cannot be written"):
        prompt.create("mine", folder / "turn.md")
    shutil.rmtree(folder)
