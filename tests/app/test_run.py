"""`negbox run`: what it writes and shows, and that nothing else is left or sent."""

import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import rfc8785

from evals.server import FaultyServer
from sandbox.export import digest
from tests.app.command import (
    ACCEPT,
    CANARY,
    CANARY_NUMBER,
    OFFER,
    TERMS,
    Ended,
    Terminal,
    in_process,
    write_script,
)

SECRETS = (CANARY, CANARY_NUMBER, "77.31", "It leaks", "I sell")
WALK_AWAY = {"move": "walk_away", "message": ""}


@pytest.fixture
def scripts(tmp_path: Path) -> tuple[str, ...]:
    """Options that make both sides agree at the seller's first offer."""
    seller = write_script(tmp_path / "seller.json", [OFFER], cycle=True)
    buyer = write_script(tmp_path / "buyer.json", [ACCEPT], cycle=True)
    return "--model", f"seller={seller}", "--model", f"buyer={buyer}", "--no-advisor"


def unfolded(shown: str) -> str:
    """What a panel says, without its frame and the breaks in long paths."""
    return "".join(shown.replace("│", "").split())


def keeps_secrets(shown: str) -> None:
    for secret in SECRETS:
        assert secret not in shown


def test_two_scripts_agree_and_the_files_say_so(
    negbox: Terminal, boat: Path, tmp_path: Path, scripts: tuple[str, ...]
) -> None:
    out = tmp_path / "new" / "out"
    ended = negbox("run", boat, *scripts, "--out", out)
    assert ended.code == 0, ended.shown
    assert sorted(path.name for path in out.iterdir()) == ["agreement.json", "statement.json"]
    agreement, statement = ((out / f"{name}.json").read_bytes() for name in ("agreement", "statement"))
    for data in (agreement, statement):
        assert rfc8785.dumps(json.loads(data)) + b"\n" == data
        keeps_secrets(data.decode())
    assert json.loads(agreement)["terms"] == TERMS
    (said,) = json.loads(statement)["subject"]
    assert said["digest"]["sha256"] == digest(agreement).removeprefix("sha256:")
    keeps_secrets(ended.shown)


def test_the_panel_shows_terms_limits_bits_use_and_where_it_is_written(
    negbox: Terminal, boat: Path, tmp_path: Path, scripts: tuple[str, ...]
) -> None:
    out = negbox("run", boat, *scripts, "--out", tmp_path / "o").out
    for part in ("Agreement", "8000", "red", "yes", "inside both mandates", "15.3 bits", "tokens in 2 calls"):
        assert part in out
    assert "isolation" in out
    assert "agreement.json" in unfolded(out)


def test_nothing_is_left_behind_but_the_results(boat: Path, tmp_path: Path, scripts: tuple[str, ...]) -> None:
    """In a process of its own: neither the current directory, nor the home, nor the temporary one is written."""
    places = [tmp_path / name for name in ("cwd", "tmp", "home")]
    for place in places:
        place.mkdir()
    environment = {"TMPDIR": str(places[1]), "HOME": str(places[2]), "XDG_DATA_HOME": str(places[2])}
    ended = in_process(
        "run", boat, *scripts, "--out", tmp_path / "out", environment=environment, cwd=places[0]
    )
    assert ended.code == 0, ended.shown
    assert [path for place in places for path in place.rglob("*")] == []
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_without_out_no_file_is_written(
    negbox: Terminal, boat: Path, tmp_path: Path, scripts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "cwd"))
    assert negbox("run", boat, *scripts).code == 0
    assert list((tmp_path / "cwd").iterdir()) == []


def test_json_is_one_object_and_shows_no_progress(
    negbox: Terminal, boat: Path, scripts: tuple[str, ...]
) -> None:
    ended = negbox("run", boat, *scripts, "--json")
    found = json.loads(ended.out)
    assert ended.err == ""
    assert found["ending"] == "agreed"
    assert found["agreement"]["result"] == "agreement"
    assert found["usage"]["calls"] == 2
    assert found["usage"]["usd"] == 0
    assert found["usage"]["input_tokens"] > 100
    assert found["delegates"]["seller"]["turns"] == 1
    keeps_secrets(ended.shown)


def test_progress_counts_on_standard_error_and_quiet_stops_it(
    negbox: Terminal, boat: Path, scripts: tuple[str, ...]
) -> None:
    loud, quiet = negbox("run", boat, *scripts), negbox("run", boat, *scripts, "--quiet")
    assert "turn 1 · round 1 of 4 · seller to move" in loud.err
    assert "buyer to move" in loud.err
    keeps_secrets(loud.shown)
    assert quiet.err == ""


def test_a_walk_away_is_a_no_deal_and_done(negbox: Terminal, boat: Path, tmp_path: Path) -> None:
    script = write_script(tmp_path / "s.json", [WALK_AWAY], cycle=True)
    ended = negbox("run", boat, "--model", script, "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["agreement"]["terms"] is None
    assert "No deal" in negbox("run", boat, "--model", script).out


def test_equal_scripts_and_seeds_give_equal_bytes(
    negbox: Terminal, boat: Path, tmp_path: Path, scripts: tuple[str, ...]
) -> None:
    for name in ("a", "b"):
        assert negbox("run", boat, *scripts, "--seed", "5", "--out", tmp_path / name).code == 0
    for file in ("agreement.json", "statement.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert json.loads((tmp_path / "a" / "statement.json").read_text())["predicate"]["seed"] == 5


def delegates(ended: Ended) -> dict[str, dict[str, object]]:
    assert ended.code == 0, ended.shown
    found: dict[str, dict[str, object]] = json.loads(ended.out)["statement"]["predicate"]["delegates"]
    return found


def test_models_go_to_both_sides_or_to_one_and_the_later_wins(negbox: Terminal) -> None:
    said = delegates(
        negbox("run", "used-truck", "--json", "--model", "tactic/micro", "--model", "buyer=tactic/boulware")
    )
    assert [said[role]["model"] for role in ("seller", "buyer")] == ["tactic/micro", "tactic/boulware"]
    assert [said[role]["prompts"] for role in ("seller", "buyer")] == [None, None]  # a tactic reads none


def test_packs_go_to_both_sides_or_to_one_and_the_later_wins(
    negbox: Terminal, boat: Path, scripts: tuple[str, ...]
) -> None:
    said = delegates(
        negbox("run", boat, "--json", *scripts, "--prompts", "guarded", "--prompts", "seller=hardball")
    )
    packs = [json.dumps(said[role]["prompts"]) for role in ("seller", "buyer")]
    assert '"hardball"' in packs[0]
    assert '"guarded"' in packs[1]


def test_the_command_line_overrides_the_scenario(
    negbox: Terminal, boat: Path, scripts: tuple[str, ...]
) -> None:
    boat.write_text(boat.read_text() + "models: {seller: tactic/micro}\nprompts: {buyer: hardball}\n")
    said = delegates(negbox("run", boat, "--json", *scripts[2:]))
    assert said["seller"]["model"] == "tactic/micro"
    assert "hardball" in json.dumps(said["buyer"]["prompts"])
    assert str(delegates(negbox("run", boat, "--json", *scripts))["seller"]["model"]).startswith("scripted/")


def test_the_advisor_is_on_and_can_be_switched_off(
    negbox: Terminal, boat: Path, scripts: tuple[str, ...]
) -> None:
    """The statement does not say whether a brief has preferences, without which there is none."""
    said = delegates(negbox("run", boat, "--json", *scripts, "--advisor"))
    assert [said[role]["advisor"] for role in ("seller", "buyer")] == [True, True]
    said = delegates(negbox("run", boat, "--json", *scripts))
    assert not any(each["advisor"] for each in said.values())


def test_a_result_that_cannot_be_written_is_an_error_of_its_own(
    negbox: Terminal, boat: Path, tmp_path: Path, scripts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    ended = negbox("run", boat, *scripts, "--quiet", "--out", tmp_path / "o")
    assert ended.code == 5
    assert "No space left" in ended.err
    assert list((tmp_path / "o").iterdir()) == []


@contextmanager
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server that only remembers which paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(202)
            self.end_headers()

        do_GET = do_PATCH = do_POST  # noqa: N815  (the base class names them)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_no_tracing_that_the_environment_asks_for_sends_anything(
    boat: Path, scripts: tuple[str, ...]
) -> None:
    switches = ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING")
    with listener() as (address, asked):
        environment = {
            **dict.fromkeys(switches, "true"),
            **dict.fromkeys(("LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT"), address),
            **dict.fromkeys(("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY"), "lsv2_test"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": address,
        }
        ended = in_process("run", boat, *scripts, environment=environment)
    assert ended.code == 0, ended.shown
    assert asked == []


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_debug_logs_that_the_environment_asks_for_show_nothing(boat: Path, provider: str) -> None:
    environment = {
        "OPENAI_LOG": "debug",
        "ANTHROPIC_LOG": "debug",
        "LANGCHAIN_DEBUG": "true",
        "PYTHONASYNCIODEBUG": "1",
    }
    with FaultyServer(reply=lambda body: json.dumps(OFFER if len(str(body)) % 2 else ACCEPT)) as server:
        ended = in_process("run", boat, "--model", f"{provider}/m@{server.base_url}", environment=environment)
        assert CANARY in str(server.received[0].body)
    assert ended.code == 0, ended.shown
    keeps_secrets(ended.shown)


MADE_UP = "synthetic: true\n"


def test_the_offers_of_a_made_up_scenario_can_be_kept(negbox: Terminal, boat: Path, tmp_path: Path) -> None:
    """Round, role and terms of each offer, and nothing that was said beside it."""
    boat.write_text(MADE_UP + boat.read_text())
    talk = {**OFFER, "message": "A fine boat, freshly painted."}
    seller = write_script(tmp_path / "seller.json", [talk], cycle=True)
    counter = {**OFFER, "terms": {**TERMS, "price": 7900}}
    buyer = write_script(tmp_path / "buyer.json", [counter, ACCEPT])
    models = "--model", f"seller={seller}", "--model", f"buyer={buyer}", "--no-advisor"
    out = tmp_path / "out"
    ended = negbox("run", boat, *models, "--keep-offers", "--out", out)
    assert ended.code == 0, ended.shown
    assert "offers.json" in unfolded(ended.out)
    data = (out / "offers.json").read_bytes()
    assert rfc8785.dumps(json.loads(data)) + b"\n" == data
    kept = json.loads(data)
    assert kept["agenda"] == json.loads((out / "agreement.json").read_text())["agenda"]
    assert [(offer["round"], offer["role"], offer["terms"]["price"]) for offer in kept["offers"]] == [
        (1, "seller", 8000),
        (1, "buyer", 7900),
        (2, "seller", 8000),
    ]
    assert all(set(offer) == {"round", "role", "terms"} for offer in kept["offers"])
    assert b"painted" not in data
    statement = json.loads((out / "statement.json").read_text())["predicate"]
    assert statement["kept"] == ["offers"]
    assert any("kept beside the agreement" in line for line in statement["not_covered"])


def test_offers_are_not_kept_unasked(
    negbox: Terminal, boat: Path, tmp_path: Path, scripts: tuple[str, ...]
) -> None:
    boat.write_text(MADE_UP + boat.read_text())
    out = tmp_path / "out"
    assert negbox("run", boat, *scripts, "--out", out).code == 0
    assert sorted(path.name for path in out.iterdir()) == ["agreement.json", "statement.json"]
    assert json.loads((out / "statement.json").read_text())["predicate"]["kept"] == []


def test_offers_of_a_scenario_that_may_be_real_are_never_kept(
    negbox: Terminal, boat: Path, tmp_path: Path
) -> None:
    """It is refused before anything runs: neither the folder nor a model is touched."""
    ended = negbox(
        "run", boat, "--model", "scripted/nowhere.json", "--keep-offers", "--out", tmp_path / "out"
    )
    assert ended.code == 2
    assert "synthetic: true" in ended.err
    assert not (tmp_path / "out").exists()
    keeps_secrets(ended.shown)


def test_offers_need_a_folder_to_be_kept_in(negbox: Terminal, boat: Path, scripts: tuple[str, ...]) -> None:
    boat.write_text(MADE_UP + boat.read_text())
    ended = negbox("run", boat, *scripts, "--keep-offers")
    assert ended.code == 2
    assert "add --out DIR" in ended.err


def test_older_offers_are_not_mixed_with_a_new_agreement(
    negbox: Terminal, boat: Path, tmp_path: Path, scripts: tuple[str, ...]
) -> None:
    (tmp_path / "offers.json").write_text("{}")
    ended = negbox("run", boat, *scripts, "--out", tmp_path)
    assert ended.code == 2
    assert "offers.json is there already" in ended.err


def test_a_run_that_is_cut_short_keeps_no_offers(negbox: Terminal, boat: Path, tmp_path: Path) -> None:
    boat.write_text(MADE_UP + boat.read_text())
    script = write_script(tmp_path / "s.json", [OFFER])  # it has nothing to say in the next turn
    out = tmp_path / "out"
    ended = negbox(
        "run", boat, "--model", script, "--no-advisor", "--max-tokens", "1", "--keep-offers", "--out", out
    )
    assert ended.code == 4, ended.shown
    assert sorted(path.name for path in out.iterdir()) == ["agreement.json", "statement.json"]
