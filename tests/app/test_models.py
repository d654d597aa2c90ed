"""`negbox models`, as a user sees it."""

import hashlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import models
from bargaining.errors import InvalidInputError, InvalidModelError
from delegates.models import weights
from delegates.models.weights import Weights

CONTENT = b"GGUF" + b"weights" * 1000


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty weights folder, and a catalogue with one small entry beside the shipped ones."""
    small = Weights("small", "s.gguf", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), "MIT", "Me", "", ())
    entries = {**weights.catalogue(), "small": small}
    monkeypatch.setattr(weights, "catalogue", lambda: entries)
    monkeypatch.setenv("NEGBOX_WEIGHTS", str(tmp_path / "w"))
    return tmp_path / "w"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(models.app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_default_is_the_catalogues() -> None:
    assert models._DEFAULT == weights.DEFAULT_ALIAS


def test_list_shows_size_licence_place_and_what_is_installed(folder: Path) -> None:
    before = run("list")
    assert "Apache-2.0" in before
    assert "1.12 GB" in before
    assert str(folder) in before.replace("\n", "")
    assert "yes" not in before
    folder.mkdir()
    (folder / "s.gguf").write_bytes(CONTENT)
    assert "yes" in run("list")


def test_weights_that_the_user_has_can_be_pulled_and_checked(tmp_path: Path, folder: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(CONTENT)
    said = run("pull", "small", "--from", str(mine))
    assert "local/small" in said
    assert (folder / "s.gguf").read_bytes() == CONTENT
    assert "Intact" in run("check", "small")
    assert "already there" in run("pull", "small")


def test_damaged_weights_are_found(folder: Path) -> None:
    folder.mkdir()
    (folder / "s.gguf").write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(InvalidModelError, match="negbox models pull small"):
        run("check", "small")


@pytest.mark.parametrize("command", ["pull", "check"])
def test_an_unknown_alias_is_explained(command: str) -> None:
    with pytest.raises(InvalidInputError, match="small"):
        run(command, "gpt-99")


def test_a_log_gets_lines_and_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    lines = models._Lines(models._console(), "small")
    lines(0, 100)
    assert capsys.readouterr().out == ""
    lines._next = 0
    lines(50, 100)
    assert "(50 %)" in capsys.readouterr().out
