"""`negbox run --protocol`: which protocol is followed, for how long, and who mediates."""

import json
from pathlib import Path
from typing import get_args

import pytest

from app import protocol
from bargaining.agenda import Protocol
from bargaining.errors import InvalidInputError
from bargaining.tactic import TACTICS as TACTICS_BY_NAME
from delegates.models.spec import ModelSpec, parse
from delegates.scenario import load
from tests.app.command import Terminal, write_script

TRUCK = load("used-truck")
TACTICS = [parse("tactic/boulware")]
MODELS = [parse("tactic/boulware"), parse("scripted/x")]
TEXT = {"terms": {"price": 8000, "colour": "red", "oars": True}}


@pytest.mark.parametrize(
    ("asked", "rounds", "models", "expected"),
    [
        (None, None, TACTICS, ("alternating_offers", 8)),
        (None, 12, TACTICS, ("alternating_offers", 12)),
        ("alternating_offers", None, TACTICS, ("alternating_offers", 8)),
        ("single_text", None, TACTICS, ("single_text", protocol.QUICK_ROUNDS)),
        ("single_text", None, MODELS, ("single_text", protocol.MODEL_ROUNDS)),
        ("single_text", 3, MODELS, ("single_text", 3)),
    ],
)
def test_the_command_line_wins_and_single_texts_get_rounds_enough(
    asked: str | None, rounds: int | None, models: list[ModelSpec], expected: tuple[str, int]
) -> None:
    agenda = protocol.follow(TRUCK.agenda, asked, rounds, models)
    assert (agenda.protocol, agenda.rounds) == expected


def test_a_scenario_that_is_for_single_texts_keeps_its_rounds() -> None:
    mediated = protocol.follow(TRUCK.agenda, "single_text", 20, TACTICS)
    assert protocol.follow(mediated, "single_text", None, TACTICS).rounds == 20


def test_a_mediator_needs_the_protocol_and_has_to_be_a_model() -> None:
    assert protocol.mediator(None, "alternating_offers") is None
    assert protocol.mediator("scripted/x", "single_text") == parse("scripted/x")
    with pytest.raises(InvalidInputError, match="--protocol single_text"):
        protocol.mediator("scripted/x", "alternating_offers")
    with pytest.raises(InvalidInputError, match="cannot mediate"):
        protocol.mediator("tactic/boulware", "single_text")


def test_tactics_reach_a_deal_without_further_options(negbox: Terminal) -> None:
    ended = negbox("run", "used-truck", "--protocol", "single_text", "--model", "tactic/steady", "--json")
    assert ended.code == 0, ended.shown
    found = json.loads(ended.out)
    assert found["agreement"]["result"] == "agreement"
    assert found["statement"]["predicate"]["protocol"] == "single_text"
    assert found["usage"]["calls"] == 0


def test_without_turns_the_panel_counts_answers(negbox: Terminal) -> None:
    said = negbox("run", "used-truck", "--protocol", "single_text", "--model", "tactic/steady", "-q").out
    assert f"{protocol.QUICK_ROUNDS} answers" in said
    assert "turns" not in said


@pytest.mark.parametrize("tactic", sorted(set(TACTICS_BY_NAME) - {"steady"}))
def test_a_tactic_that_would_not_be_played_is_refused_before_anything_is_written(
    negbox: Terminal, tmp_path: Path, tactic: str
) -> None:
    out = tmp_path / "out"
    ended = negbox(
        "run", "used-truck", "--protocol", "single_text", "--model", f"tactic/{tactic}", "--out", out
    )
    assert ended.code == 2
    assert "write tactic/steady" in ended.err
    assert not out.exists()


def test_a_tactic_without_preferences_is_refused_before_anything_is_written(
    negbox: Terminal, boat: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for name in get_args(Protocol):
        ended = negbox("run", boat, "--protocol", name, "--model", "tactic/steady", "--out", out)
        assert ended.code == 2
        assert "add `preferences` to the buyer's brief" in ended.err
        assert not out.exists()


def test_a_mediators_texts_are_not_kept_and_no_folder_is_made_for_them(
    negbox: Terminal, boat: Path, tmp_path: Path
) -> None:
    boat.write_text("synthetic: true\n" + boat.read_text())
    ended = negbox(
        "run", boat, "--protocol", "single_text", "--keep-offers", "--out", tmp_path / "out",
        "--model", "scripted/nowhere.json",
    )  # fmt: skip
    assert ended.code == 2
    assert "leave it out, or use --protocol alternating_offers" in ended.err
    assert not (tmp_path / "out").exists()


def test_models_and_a_model_to_mediate(negbox: Terminal, boat: Path, tmp_path: Path) -> None:
    yes = write_script(tmp_path / "yes.json", [{"answer": "yes"}], cycle=True)
    mediator = write_script(tmp_path / "mediator.json", [TEXT], cycle=True)
    ended = negbox(
        "run", boat, "--protocol", "single_text", "--rounds", "1", "--model", yes, "--mediator", mediator,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert ended.code == 0, ended.shown
    agreement = json.loads((tmp_path / "out" / "agreement.json").read_bytes())
    assert agreement["terms"] == TEXT["terms"]
    statement = json.loads((tmp_path / "out" / "statement.json").read_bytes())["predicate"]
    assert statement["mediator"]["model"] == "scripted/mediator.json"
    assert "the mediator" in ended.out
    assert "1 answer " in ended.out
    assert "1 text" in ended.out


def test_a_pack_without_words_for_the_protocol_is_replaced_aloud(
    negbox: Terminal, boat: Path, tmp_path: Path
) -> None:
    assert negbox("prompts", "new", "gruff", "--dir", tmp_path).code == 0
    (tmp_path / "gruff" / "answer.md").unlink()
    yes = write_script(tmp_path / "yes.json", [{"answer": "yes"}], cycle=True)
    options = ("--model", f"seller={yes}", "--model", "buyer=tactic/steady", "--prompts", tmp_path / "gruff")
    ended = negbox("run", boat, "--protocol", "single_text", "--rounds", "1", *options, "--quiet")
    assert ended.err.count("answer.md") == 1
    assert "the seller's delegate uses the pack default instead" in " ".join(ended.err.split())
    assert "answer.md" not in negbox("run", boat, "--model", "tactic/steady", *options[4:], "--quiet").err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--protocol", "auction"], "alternating_offers and single_text"),
        (["--mediator", "scripted/x"], "--protocol single_text"),
        (["--protocol", "single_text", "--mediator", "tactic/boulware"], "cannot mediate"),
        (["--protocol", "single_text", "--mediator", "nonsense"], "not a model"),
        (["--rounds", "0"], "rounds"),
        (["--rounds", "1001"], "rounds"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_runs(
    negbox: Terminal, boat: Path, arguments: list[str], said: str
) -> None:
    ended = negbox("run", boat, "--model", "tactic/boulware", *arguments)
    assert ended.code == 2
    assert said in ended.err


def test_both_state_machines_are_drawn(negbox: Terminal) -> None:
    assert "turn" in negbox("graph").out
    assert "mediate" in negbox("graph", "--protocol", "single_text").out
    assert negbox("graph", "--protocol", "auction").code == 2
