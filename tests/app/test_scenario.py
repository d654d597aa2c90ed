"""The commands for scenarios."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.scenario import app
from bargaining.errors import InvalidInputError
from delegates.scenario import load, load_agenda, load_brief, shipped

run = CliRunner()


def test_every_shipped_scenario_is_listed() -> None:
    listed = run.invoke(app, ["list"]).stdout
    assert all(name in listed for name in shipped())


def test_a_check_counts_outcomes_and_bits() -> None:
    said = run.invoke(app, ["check", "used-truck"]).stdout
    assert "1,065" in said
    assert "10.06 bits" in said
    assert said.count("advisor available") == 2


def test_the_overlap_of_the_mandates_is_only_told_on_request() -> None:
    assert "both mandates" not in run.invoke(app, ["check", "used-truck"]).stdout
    assert (
        "153 outcomes allowed by both mandates" in run.invoke(app, ["check", "used-truck", "--both"]).stdout
    )


def write(tmp_path: Path, *changes: tuple[str, str]) -> str:
    run.invoke(app, ["new", "mine", "--dir", str(tmp_path)])
    file = tmp_path / "mine.yaml"
    text = file.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    return str(file)


def test_a_new_scenario_passes_the_check(tmp_path: Path) -> None:
    checked = run.invoke(app, ["check", write(tmp_path), "--both"])
    assert checked.exit_code == 0
    assert "can be used" in checked.stdout


def test_the_lines_that_a_new_scenario_offers_in_comments_work(tmp_path: Path) -> None:
    comments = ("# seconds: 600", "seconds: 600"), ("# models:", "models:"), ("# prompts:", "prompts:")
    optional = (
        ("# synthetic:", "synthetic:"),
        ("# protocol:", "protocol:"),
        ("rounds: 6 ", "rounds: 50 "),
        ("# settlement:", "settlement:"),
        ("# ordered:", "ordered:"),
    )
    combination = ("# combinations:", "combinations:"), ("#   - {when", "  - {when")
    checked = run.invoke(app, ["check", write(tmp_path, *comments, *optional, *combination)])
    assert checked.exit_code == 0, checked.exception
    assert "50 texts from a mediator" in checked.stdout


def test_mandates_without_overlap_are_told_so(tmp_path: Path) -> None:
    file = write(tmp_path, ("at_most: {rent: 220}", "at_most: {rent: 110}"))
    assert "there can be no deal" in run.invoke(app, ["check", file, "--both"]).stdout


def test_a_space_too_large_to_try_is_said_to_be_so(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        ("maximum: 300", "maximum: 30000000"),
        ("300: 100}", "30000000: 100}"),
        ("300: 0}", "30000000: 0}"),
    )
    assert "too many outcomes" in run.invoke(app, ["check", file, "--both"]).stdout


def test_a_check_tries_the_models_and_packs_that_are_named(tmp_path: Path) -> None:
    bad_pack = write(tmp_path, ("# prompts: {owner: principled", "prompts: {owner: nowhere"))
    assert "nowhere" in str(run.invoke(app, ["check", bad_pack]).exception)


@pytest.mark.parametrize(
    ("protocol", "spec", "said"),
    [
        ("alternating_offers", "tactic/foo", "models.owner: unknown tactic 'foo'; there are: boulware"),
        ("alternating_offers", "gpt", "mine.yaml: models.owner: 'gpt' is not a model"),
        ("single_text", "tactic/boulware", "write tactic/steady"),
    ],
)
def test_a_check_refuses_who_could_not_take_part(tmp_path: Path, protocol: str, spec: str, said: str) -> None:
    file = write(
        tmp_path,
        ("# models: {owner: local/qwen2.5-coder-1.5b", f"models: {{owner: {spec}"),
        ("# protocol: single_text", f"protocol: {protocol}"),
    )
    found = run.invoke(app, ["check", file]).exception
    assert isinstance(found, InvalidInputError)
    assert said in str(found)


def test_a_check_wants_preferences_where_a_tactic_plays(tmp_path: Path, boat: Path) -> None:
    boat.write_text(boat.read_text() + "models: {buyer: tactic/steady}\n")
    assert "add `preferences`" in str(run.invoke(app, ["check", str(boat)]).exception)


@pytest.mark.parametrize("arguments", [["check", "nowhere.yaml"], ["new", "Not A Name"]])
def test_what_cannot_be_done_is_an_input_error(arguments: list[str]) -> None:
    assert isinstance(run.invoke(app, arguments).exception, InvalidInputError)


def test_a_split_gives_each_party_what_is_its_own_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    found = run.invoke(app, ["split", "used-truck", "--dir", str(folder)])
    assert found.exit_code == 0, found.output
    files = {path.name: path for path in folder.iterdir()}
    assert files.keys() == {"agenda.yaml", "seller.yaml", "buyer.yaml"}
    assert all(str(path) in found.stdout for path in files.values())
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
    whole = load("used-truck")
    assert load_agenda(files["agenda.yaml"]) == whole.agenda
    for role, brief in whole.briefs.items():
        assert load_brief(files[f"{role}.yaml"], whole.agenda, role) == brief


@pytest.mark.parametrize("taken", ["agenda.yaml", "buyer.yaml"])
def test_a_split_writes_all_or_nothing_and_never_over_a_file(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("mine")
    found = run.invoke(app, ["split", "used-truck", "--dir", str(tmp_path)])
    assert isinstance(found.exception, InvalidInputError)
    assert f"{tmp_path / taken}: cannot be written" in str(found.exception)
    assert [path.name for path in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text() == "mine"


def test_a_split_needs_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    found = run.invoke(app, ["split", "used-truck", "--dir", str(file)])
    assert isinstance(found.exception, InvalidInputError)
    assert "choose another folder" in str(found.exception)
