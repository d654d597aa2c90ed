"""Every bad input ends with the documented code and one screen that says what to do, and shows no brief."""

import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.server import Fault, FaultyServer, html, no_choices, redirect, reflect, status
from tests.app.command import ACCEPT, CANARY, CANARY_NUMBER, OFFER, SCENARIO, Ended, Terminal, write_script

SCREEN_LINES = 20
TACTIC = ("--model", "seller=tactic/boulware", "--quiet")


def explained(ended: Ended, code: int, phrase: str) -> None:
    """The end of a command that was given something bad."""
    assert ended.code == code, ended.shown
    assert phrase in " ".join(ended.shown.split()), ended.shown
    assert len(ended.shown.splitlines()) <= SCREEN_LINES
    for secret in (CANARY, CANARY_NUMBER, "77.31", "It leaks", "Traceback", "pydantic", "site-packages"):
        assert secret not in ended.shown


def replaced(old: str, new: str) -> str:
    assert old in SCENARIO
    return SCENARIO.replace(old, new)


SELLER_PRICE = "at_least: {price: 7731}"
SCENARIOS: dict[str, tuple[str | bytes, str]] = {
    "missing field": (replaced("  title: Sale of a boat\n", ""), "agenda.title: this field is required"),
    "missing brief": (SCENARIO[: SCENARIO.index("  buyer:\n")], "no brief for the role 'buyer'"),
    "no narrative": (replaced(f"    narrative: I want a boat. {CANARY}\n", ""), "narrative"),
    "wrong type": (replaced("rounds: 4", f"rounds: {CANARY}"), "rounds: expected a whole number"),
    "number as text": (replaced("maximum: 10000", "maximum: '10000'"), "expected a whole number"),
    "unknown field": (replaced("    facts:", "    fact:"), "did you mean 'facts'"),
    "unknown field with a secret name": (
        replaced("    facts:", f"    {CANARY}: 1\n    facts:"),
        "unknown field",
    ),
    "unknown issue in mandate": (replaced("{price: 7731}", f"{{{CANARY}: 7731}}"), "issue"),
    "unknown issue in preferences": (
        replaced("        price: {weight", f"        {CANARY}: {{weight"),
        "issue",
    ),
    "value off the grid": (replaced(SELLER_PRICE, f"is: {{colour: {CANARY}}}"), "boat.yaml:2"),
    "contradictory mandate": (
        replaced(SELLER_PRICE, f"{SELLER_PRICE}\n        - at_most: {{price: 1}}"),
        "allows no outcome at all",
    ),
    "reservation value out of reach": (replaced("77.31", "7731"), "allows no outcome at all"),
    "reservation value without preferences": (
        replaced(
            "        - at_most: {price: 9000}\n",
            "        - at_most: {price: 9000}\n      reservation_value: 7731\n",
        ),
        "add preferences",
    ),
    "deadline 0": (replaced("rounds: 4", "rounds: 0"), "greater than or equal to 1"),
    "deadline in the past": (replaced("rounds: 4", "rounds: 4\n  seconds: -5"), "greater than or equal to 1"),
    "one role": (replaced("[seller, buyer]", "[seller]"), "agenda.roles"),
    "twice the same role": (replaced("[seller, buyer]", "[seller, seller]"), "same name"),
    "no issues": (SCENARIO[: SCENARIO.index("  issues:")] + "  issues: []\nbriefs: {}\n", "agenda.issues"),
    "maximum below minimum": (replaced("maximum: 10000", "maximum: -1"), "below minimum"),
    "step that misses the maximum": (replaced("step: 1", "step: 7"), "multiple of step"),
    "unknown disclosure": (replaced("disclosure: never", f"disclosure: {CANARY}"), "'never'"),
    "unknown role in models": (SCENARIO + "models: {tenant: tactic/micro}\n", "its roles are"),
    "duplicate key": (SCENARIO + "briefs: {}\n", "used twice"),
    "tabs": (replaced("  rounds: 4", "\trounds: 4"), "not valid YAML"),
    "anchors": (f"a: &{CANARY} [x]\nb: *{CANARY}\n", "anchors"),
    "anchor bomb": ("a: &a [x,x]\n" + "".join(f"k{n}: &k{n} [*a,*a]\n" for n in range(50)), "anchors"),
    "tags": (f"!!python/object/apply:os.system [{CANARY}]\n", "tags"),
    "cut off": (SCENARIO + "x: [1, {", "not valid YAML"),
    "a list": ("- 1\n", "expected a mapping"),
    "empty": ("", "negbox scenario new"),
    "white space": ("\n \n", "negbox scenario new"),
    "not UTF-8": (SCENARIO.encode() + b"# \xff\xfe\n", "save the file as UTF-8"),
    "binary": (bytes(range(256)) * 4, "boat.yaml"),
    "larger than 1 MiB": (SCENARIO + "#" * 2**20, "larger than 1 MiB"),
    "deeper than anything": ("a: " + "[" * 500 + "]" * 500, "nested deeper"),
}


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("command", [("run", "--quiet"), ("scenario", "check")], ids=["run", "check"])
def test_a_bad_scenario_is_explained(
    negbox: Terminal, boat: Path, name: str, command: tuple[str, str]
) -> None:
    content, phrase = SCENARIOS[name]
    boat.write_bytes(content if isinstance(content, bytes) else content.encode())
    explained(negbox(*command, boat), 2, phrase)


def test_a_folder_is_not_a_scenario(negbox: Terminal, tmp_path: Path) -> None:
    explained(negbox("run", tmp_path), 2, "give the YAML file itself")


@pytest.mark.parametrize("name", ["used-trunk", "nowhere.yaml", "a\0b", "x" * 5000])
def test_an_unknown_scenario_is_explained(negbox: Terminal, name: str) -> None:
    ended = negbox("run", name)
    assert ended.code == 2
    assert "Traceback" not in ended.shown


def test_a_mistyped_name_of_a_shipped_scenario_leads_to_the_list(negbox: Terminal) -> None:
    explained(negbox("run", "used-trunk"), 2, "'negbox scenario list' shows the shipped ones")


def test_a_scenario_that_may_not_be_read_is_explained(negbox: Terminal, boat: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    boat.chmod(0)
    explained(negbox("run", boat), 2, "cannot be read")


OPTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "no provider": (("--model", "gpt-5"), "provider/model"),
    "unknown provider": (("--model", "gogle/gemini"), "'gogle' is not a provider"),
    "no name": (("--model", "openai/"), "provider/model"),
    "empty": (("--model", ""), "--model ROLE=VALUE"),
    "space in a name": (("--model", "openai/gpt 5"), "has spaces"),
    "bad address": (("--model", "openai/m@localhost:11434"), "must look like http://localhost:11434/v1"),
    "password in the address": (("--model", "openai/m@https://u:pass@x.org/v1"), "user name or password"),
    "http to another machine": (("--model", "openai/m@http://192.0.2.1/v1"), "use https"),
    "no OpenAI key": (("--model", "openai/gpt-5"), "set OPENAI_API_KEY"),
    "no Anthropic key": (("--model", "anthropic/claude-haiku-5-5"), "set ANTHROPIC_API_KEY"),
    "unknown role for a model": (("--model", "tenant=tactic/micro"), "its roles are seller and buyer"),
    "unknown role for a pack": (("--prompts", "tenant=default"), "its roles are seller and buyer"),
    "unknown pack": (("--prompts", "kind"), "kind"),
    "empty pack name": (("--prompts", "seller="), "--prompts ROLE=VALUE"),
    "unknown tactic": (("--model", "tactic/bully"), "boulware"),
    "tactic without preferences": (("--model", "tactic/boulware"), "add `preferences` to the buyer's brief"),
    "weights that are not there": (("--model", "local/nowhere.gguf"), "does not exist"),
    "weights of an unknown kind": (("--model", "local/gpt"), "ends in .gguf"),
    "script that is not there": (("--model", "scripted/nowhere.json"), "No such file"),
    "cost that is no number": (("--max-cost", "cheap"), "expected US dollars above 0"),
    "cost 0": (("--max-cost", "0"), "expected US dollars above 0"),
    "negative cost": (("--max-cost=-1",), "expected US dollars above 0"),
    "endless cost": (("--max-cost", "inf"), "expected US dollars above 0"),
    "no cost": (("--max-cost", "nan"), "expected US dollars above 0"),
    "0 tokens": (("--max-tokens", "0"), "--max-tokens"),
    "0 seconds": (("--max-seconds", "0"), "--max-seconds"),
    "seed that is no number": (("--seed", "x"), "--seed"),
    "negative seed": (("--seed", "-1"), "--seed"),
    "unknown option": (("--modell", "x"), "--model"),
    "price that is unknown": (
        ("--model", "openai/m@http://localhost:1/v1", "--max-cost", "1"),
        "limit it in tokens instead",
    ),
    "empty out": (("--out", ""), "choose another directory"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_bad_option_is_explained(negbox: Terminal, boat: Path, name: str) -> None:
    options, phrase = OPTIONS[name]
    explained(negbox("run", boat, *options), 2, phrase)


def test_a_tactic_in_a_space_of_many_outcomes_plays_or_is_refused_but_does_not_hang(
    negbox: Terminal, boat: Path
) -> None:
    issues = "".join(
        f"    - {{name: i{n}, kind: integer, minimum: 0, maximum: 1000000000}}\n" for n in range(12)
    )
    points = "".join(f"        i{n}: {{weight: 1, points: {{0: 0, 1000000000: 5}}}}\n" for n in range(12))
    brief = f"    narrative: x\n    preferences:\n      issues:\n{points}    mandate: {{}}\n"
    boat.write_text(
        f"agenda:\n  title: t\n  roles: [seller, buyer]\n  rounds: 3\n  issues:\n{issues}"
        f"briefs:\n  seller:\n{brief}  buyer:\n{brief}"
    )
    ended = negbox("run", boat, "--quiet", "--model", "tactic/boulware")
    assert ended.code in {0, 2}, ended.shown
    assert "Traceback" not in ended.shown


def test_credentials_in_a_spec_are_not_repeated(negbox: Terminal, boat: Path) -> None:
    assert "pass" not in negbox("run", boat, "--model", "openai/m@https://u:pass@x.org").shown.replace(
        "password", ""
    )


def test_weights_that_are_not_installed_come_with_the_command_that_installs_them(
    negbox: Terminal, boat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEGBOX_WEIGHTS", str(tmp_path))
    explained(negbox("run", boat), 2, "negbox models pull")


def test_weights_with_the_wrong_digest_are_refused(
    negbox: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from delegates.models import weights

    entry = weights.entry("smollm2-135m")
    monkeypatch.setenv("NEGBOX_WEIGHTS", str(tmp_path))
    with (tmp_path / entry.file).open("wb") as file:
        file.write(b"GGUF")
        file.truncate(entry.size)
    explained(negbox("models", "check", "smollm2-135m"), 2, "its SHA-256 is not the published one")


def test_unknown_weights_are_explained(negbox: Terminal) -> None:
    explained(negbox("models", "pull", "gpt-99"), 2, "The catalogue has")


def test_a_file_that_is_not_gguf_is_explained(negbox: Terminal, boat: Path, tmp_path: Path) -> None:
    fake = tmp_path / "fake.gguf"
    fake.write_bytes(b"PK\3\4")
    explained(negbox("run", boat, "--model", f"local/{fake}"), 2, "not a GGUF file")


def test_truncated_weights_are_explained(negbox: Terminal, boat: Path, tmp_path: Path) -> None:
    pytest.importorskip("mistralrs")
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 5, 5))
    explained(negbox("run", boat, "--quiet", "--model", f"local/{cut}"), 3, "may be damaged")


def test_a_bad_script_is_explained(negbox: Terminal, boat: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    for content in ("", "[", f"{CANARY}: 1", "[1]", "- !!python/name:os.system"):
        script.write_text(content)
        explained(negbox("run", boat, "--model", f"scripted/{script}"), 2, "a script is a YAML or JSON list")


def test_a_broken_pack_is_explained(negbox: Terminal, boat: Path, tmp_path: Path) -> None:
    assert negbox("prompts", "new", "mine", "--dir", tmp_path).code == 0
    pack = tmp_path / "mine"
    (pack / "turn.md").write_text("{{ narative }}\n")
    explained(negbox("run", boat, *TACTIC, "--prompts", f"buyer={pack}"), 2, "turn.md:1")
    (pack / "turn.md").unlink()
    explained(negbox("run", boat, *TACTIC, "--prompts", f"buyer={pack}"), 2, "turn.md")


def test_a_file_in_the_way_of_the_results_is_explained(negbox: Terminal, boat: Path) -> None:
    for out in (boat, boat / "below"):
        explained(
            negbox("run", boat, *TACTIC, "--model", "scripted/nowhere.json", "--out", out),
            2,
            "another directory",
        )


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc, where even root cannot write")
def test_a_directory_that_cannot_be_written_is_explained(negbox: Terminal, boat: Path) -> None:
    explained(negbox("run", boat, "--out", "/proc/self/results"), 2, "cannot write there")


@pytest.mark.parametrize("name", ["agreement.json", "statement.json"])
def test_results_are_never_overwritten(negbox: Terminal, boat: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    explained(negbox("run", boat, "--out", tmp_path), 2, "move it away or choose another directory")
    assert (tmp_path / name).read_text() == "mine"


@pytest.fixture
def faults() -> list[Fault | None]:
    """What the server does; fill it in a test."""
    return []


@pytest.fixture
def server(faults: list[Fault | None]) -> Iterator[FaultyServer]:
    with FaultyServer("{}", faults=lambda number: faults[0] if faults else None) as running:
        yield running


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize(
    ("fault", "phrase"),
    [
        (status(401), "the key is wrong"),
        (status(402), "no credit"),
        (status(403), "may not use this model"),
        (status(404), "no such model or address"),
        (status(413), "shorten the brief"),
        (status(429, error_code="insufficient_quota"), "no credit"),
        (redirect("http://127.0.0.1:1/"), "give the final address"),
        (reflect(400), "does not accept this request"),
        (reflect(401), "the key is wrong"),
    ],
    ids=["401", "402", "403", "404", "413", "quota", "redirect", "reflected prompt", "reflected key"],
)
def test_a_server_that_refuses_is_explained(
    negbox: Terminal,
    boat: Path,
    server: FaultyServer,
    faults: list[Fault | None],
    provider: str,
    fault: Fault,
    phrase: str,
) -> None:
    faults.append(fault)
    ended = negbox("run", boat, "--quiet", "--model", f"{provider}/m@{server.base_url}")
    explained(ended, 3, phrase)
    assert CANARY in str(server.received[0].body)  # so that there was something to hide


@pytest.mark.parametrize("fault", [no_choices(), Fault(body=b"{}"), Fault(body=b'{"choices": 1}')])
def test_a_server_that_never_says_anything_useful_ends_the_run(
    negbox: Terminal, boat: Path, server: FaultyServer, faults: list[Fault | None], fault: Fault
) -> None:
    faults.append(fault)
    ended = negbox("run", boat, *TACTIC, "--model", f"buyer=openai/m@{server.base_url}")
    explained(ended, 3, "gave no answer in 3 turns in a row")


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_dead_server_is_explained_at_once(negbox: Terminal, boat: Path, provider: str) -> None:
    with FaultyServer() as closed:
        address = closed.base_url
    negbox("run", boat, "--quiet", "--model", f"{provider}/m@{address}")  # imports the SDK
    started = time.monotonic()
    explained(negbox("run", boat, "--quiet", "--model", f"{provider}/m@{address}"), 3, "start the server")
    assert time.monotonic() - started < 2


def test_a_name_that_no_host_has_is_explained(negbox: Terminal, boat: Path) -> None:
    ended = negbox("run", boat, "--quiet", "--model", "openai/m@https://nowhere.invalid/v1")
    assert "Traceback" not in ended.shown
    assert ended.code == 3


def test_too_few_tokens_end_with_code_4(negbox: Terminal, boat: Path, tmp_path: Path) -> None:
    script = write_script(tmp_path / "s.json", [OFFER, ACCEPT], cycle=True)
    explained(negbox("run", boat, "--quiet", "--model", script, "--max-tokens", "10"), 4, "allow more tokens")


def test_a_limit_in_the_brief_ends_with_code_4_and_is_not_told(
    negbox: Terminal, boat: Path, tmp_path: Path
) -> None:
    boat.write_text(replaced("      reservation_value: 77.31", "      limits: {tokens: 7731, seconds: 7731}"))
    script = write_script(tmp_path / "s.json", [OFFER], cycle=True)
    garbage = write_script(tmp_path / "g.json", ["garbage"], cycle=True)
    ended = negbox("run", boat, "-q", "--model", f"seller={script}", "--model", f"buyer={garbage}")
    explained(ended, 4, "allow more tokens")


def test_a_model_that_answers_with_a_web_page_is_named(
    negbox: Terminal, boat: Path, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from delegates.models import retry, spec

    monkeypatch.setattr(spec, "RetryPolicy", lambda: retry.RetryPolicy(attempts=1))
    server._faults = lambda number: html()
    ended = negbox("run", boat, "--quiet", "--model", f"openai/m@{server.base_url}")
    explained(ended, 3, "check the server")
