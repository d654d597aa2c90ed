"""The commands for prompt packs."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.prompts import app
from bargaining.errors import InvalidInputError
from delegates.prompt import shipped

run = CliRunner()


def test_every_shipped_pack_is_listed() -> None:
    listed = run.invoke(app, ["list"]).stdout
    assert all(name in listed for name in shipped())


def test_a_pack_is_shown_as_it_is() -> None:
    assert "{{ narrative }}" in run.invoke(app, ["show", "default"]).stdout
    only = run.invoke(app, ["show", "default", "--file", "pack.toml"]).stdout
    assert only.startswith('name = "default"')
    assert "{{" not in only


def test_a_new_pack_passes_the_check(tmp_path: Path) -> None:
    assert "mine" in run.invoke(app, ["new", "mine", "--dir", str(tmp_path)]).stdout
    checked = run.invoke(app, ["check", str(tmp_path / "mine")])
    assert checked.exit_code == 0
    assert "can be used" in checked.stdout


@pytest.mark.parametrize(
    "arguments", [["check", "nowhere"], ["show", "default", "--file", "x.md"], ["new", "default"]]
)
def test_what_cannot_be_done_is_an_input_error(arguments: list[str]) -> None:
    assert isinstance(run.invoke(app, arguments).exception, InvalidInputError)
