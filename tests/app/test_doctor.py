"""`negbox doctor`, as a user sees it on machines of many kinds."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from app.doctor import diagnose, doctor
from sandbox import host
from sandbox.fact import Known, Unknown
from sandbox.host import Facts, Swap
from sandbox.trial import Bubblewrap

GOOD = Facts(
    kernel="Linux 6.18",
    machine="x86_64",
    user_namespaces=Known(True),
    bubblewrap=Known(Bubblewrap(Path("/usr/bin/bwrap"), "0.11.0", works=True)),
    landlock_abi=Known(7),
    seccomp=Known(True),
    real_root=Known(False),
    own_users=Known(False, "only root can give it one"),
    swap=Known(()),
    swapped_out_pages=Known(0),
    memory_lock_bytes=Known(8 << 20),
    init_on_free=Known(True),
    core_pattern=Known("core"),
    core_limit_bytes=Known(0),
    tracing=(),
    ptrace_scope=Known(1),
)
BROKEN = Known(Bubblewrap(Path("/usr/bin/bwrap"), "0.8.0", works=False, problem="No space left on [device]"))


def run(monkeypatch: pytest.MonkeyPatch, facts: Facts, *arguments: str, code: int = 0) -> str:
    monkeypatch.setattr(host, "gather", lambda: facts)
    command = typer.Typer(add_completion=False)
    command.command()(doctor)
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == code, result.output
    return result.output


def states(facts: Facts) -> dict[str, str]:
    return {finding.name: finding.state for finding in diagnose(facts)}


def test_on_the_best_machine_nothing_is_open_but_what_always_is(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run(monkeypatch, GOOD)
    assert "Isolation reached: bwrap" in shown
    assert "To reach" not in shown
    assert set(states(GOOD).values()) == {"closed"}
    assert shown.count("•") == 2
    assert "operator" in shown


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("user namespaces", {"user_namespaces": Known(False, "Operation not permitted")}),
        ("bubblewrap", {"bubblewrap": Known(None)}),
        ("bubblewrap", {"bubblewrap": BROKEN}),
        ("Landlock", {"landlock_abi": Known(0)}),
        ("Landlock", {"landlock_abi": Known(3)}),
        ("seccomp", {"seccomp": Known(False)}),
        ("swap", {"swap": Known((Swap("/swap", 1 << 30, 0),))}),
        ("zeroing of freed memory", {"init_on_free": Known(False)}),
        ("core dumps", {"core_pattern": Known("|/usr/share/apport/apport")}),
        ("tracing variables", {"tracing": ("LANGSMITH_TRACING",)}),
        ("looking into processes", {"ptrace_scope": Known(0)}),
        ("root", {"real_root": Known(True), "own_users": Known(True)}),
    ],
)
def test_what_is_open_is_said_with_what_to_do_about_it(
    monkeypatch: pytest.MonkeyPatch, name: str, changes: dict[str, Any]
) -> None:
    facts = replace(GOOD, **changes)
    assert [each for each, state in states(facts).items() if state != "closed"] == [name]
    (finding,) = (finding for finding in diagnose(facts) if finding.name == name)
    assert finding.found
    shown = run(monkeypatch, facts)
    assert f"• {name}: {finding.advice}." in shown


@pytest.mark.parametrize(
    "field",
    ["user_namespaces", "bubblewrap", "landlock_abi", "seccomp", "swap", "init_on_free", "core_pattern"],
)
def test_what_is_unknown_is_never_taken_for_good(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    unknown: dict[str, Any] = {field: Unknown("[nobody] could tell")}
    facts = replace(GOOD, **unknown)
    assert list(states(facts).values()).count("unknown") == 1
    shown = run(monkeypatch, facts)
    assert "[nobody] could tell" in shown
    assert "taken for open" in shown


def test_root_is_told_whether_the_processes_of_a_run_are_root_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "users of the processes" not in states(GOOD)
    root = replace(GOOD, real_root=Known(True), own_users=Known(True))
    assert states(root)["users of the processes"] == "closed"
    refused = replace(root, own_users=Known(False, "/root/venv/x.py is closed to others than its owner"))
    assert states(refused)["users of the processes"] == "open"
    assert "all are root: /root/venv/x.py is closed" in run(monkeypatch, refused)
    assert states(replace(root, own_users=Unknown("it hung")))["users of the processes"] == "unknown"


def test_without_bubblewrap_the_next_level_is_reached_and_what_is_missing_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = run(monkeypatch, replace(GOOD, bubblewrap=BROKEN))
    assert "Isolation reached: landlock" in shown
    assert "To reach bwrap" in shown
    assert "No space left on [device]" in shown


def test_a_machine_that_can_do_nothing_is_exit_code_5(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run(monkeypatch, replace(GOOD, bubblewrap=Known(None), landlock_abi=Known(0)), code=5)
    assert "Isolation reached: none" in shown


def test_json_has_every_fact_and_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(run(monkeypatch, replace(GOOD, swap=Unknown("why")), "--json"))
    assert found["level"] == "bwrap"
    assert found["levels"] == ["bwrap", "landlock", "none"]
    assert found["facts"]["swap"] == {"unknown": "why"}
    assert found["facts"]["bubblewrap"]["value"]["works"] is True
    assert found["facts"]["tracing"] == []
    assert {finding["name"] for finding in found["findings"]} == set(states(GOOD))
    assert found["always_open"]
    none = replace(GOOD, bubblewrap=Known(None), landlock_abi=Known(0))
    assert json.loads(run(monkeypatch, none, "--json", code=5))["level"] == "none"


def test_on_this_machine_it_answers_and_tells_no_value_of_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGSMITH_API_KEY", "sk-canary")
    command = typer.Typer(add_completion=False)
    command.command()(doctor)
    for arguments in ([], ["--json"]):
        result = CliRunner().invoke(command, arguments)
        assert result.exit_code in {0, 5}
        assert "LANGSMITH_API_KEY" in result.output
        assert "sk-canary" not in result.output
