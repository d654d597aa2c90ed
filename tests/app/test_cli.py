"""The command as a whole: help, exit codes, and that no error shows what it must not."""

from collections.abc import Callable
from importlib.metadata import version
from typing import get_args

import pytest

from app import exits
from app.choices import DEFAULT_MODEL
from app.protocol import MODEL_ROUNDS, QUICK_ROUNDS
from bargaining import errors
from bargaining.agenda import Agenda, Protocol
from bargaining.tactic import TACTICS
from delegates.prompt import shipped
from tests.app.command import CANARY, Terminal, in_process

COMMANDS = [
    (),
    ("run",),
    ("graph",),
    ("analyse",),
    ("eval",),
    ("eval", "list"),
    ("eval", "run"),
    ("eval", "compare"),
    ("view",),
    ("models",),
    ("models", "list"),
    ("models", "pull"),
    ("models", "check"),
    ("prompts",),
    ("prompts", "list"),
    ("prompts", "show"),
    ("prompts", "check"),
    ("prompts", "new"),
    ("scenario",),
    ("scenario", "list"),
    ("scenario", "check"),
    ("scenario", "new"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_on_a_screen(negbox: Terminal, command: tuple[str, ...]) -> None:
    ended = negbox(*command, "--help")
    assert ended.code == 0
    assert ended.out.startswith("Usage: ")
    assert len(ended.out.splitlines()) < 50
    assert "noqa" not in ended.out


def test_help_lists_every_exit_code(negbox: Terminal) -> None:
    said = " ".join(negbox("--help").out.split())
    for code in (
        "0 done",
        "2 bad input",
        "3 model",
        "4 limits",
        "5 sandbox or purge",
        "70 unforeseen",
        "130 interrupted",
    ):
        assert code in said


def test_the_help_of_run_names_what_there_is_to_choose_from(negbox: Terminal) -> None:
    """It is written by hand, so that it imports no catalogue."""
    said = " ".join(negbox("run", "--help").out.split())
    names = [DEFAULT_MODEL, *TACTICS, *shipped(), *get_args(Protocol)]
    limits = Agenda.model_json_schema()["properties"]["rounds"]
    rounds = f"{limits['minimum']}<=x<={limits['maximum']}"
    for part in (*names, rounds, f"to {QUICK_ROUNDS},", f"to {MODEL_ROUNDS} if", "negbox scenario list"):
        assert part in said, part
    assert "leaves nothing" not in said


@pytest.mark.parametrize("command", ["run", "analyse"])
def test_help_gives_an_example_on_one_line(negbox: Terminal, command: str) -> None:
    assert f"\n  Example: negbox {command} used-truck" in negbox(command, "--help").out


def test_the_version_is_the_installed_one(negbox: Terminal) -> None:
    assert negbox("--version").out.strip() == version("negotiation-box")


def test_the_graph_is_a_mermaid_diagram(negbox: Terminal) -> None:
    said = negbox("graph").out
    assert "graph TD" in said
    for node in ("turn", "settle"):
        assert node in said


@pytest.mark.parametrize("command", [("nonsense",), ("models", "nonsense"), ("run",), ("run", "a", "b")])
def test_a_usage_error_points_to_help(negbox: Terminal, command: tuple[str, ...]) -> None:
    ended = negbox(*command)
    assert ended.code == exits.BAD_INPUT
    assert "--help" in ended.err


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidInputError("x"), 2),
        (errors.InvalidOutcomeError("x"), 2),
        (errors.InvalidPromptError("x"), 2),
        (errors.InvalidModelError("x"), 2),
        (errors.ModelUnavailableError("x"), 3),
        (errors.ModelTransientError("x"), 3),
        (errors.ModelReplyError("x"), 3),
        (errors.LimitReachedError("x"), 4),
        (errors.ExportError("x"), 5),
        (KeyboardInterrupt(), 130),
        (RuntimeError(CANARY), 70),
        (ExceptionGroup(CANARY, [ValueError(CANARY)]), 70),
        (SystemExit(), 0),
        (SystemExit(7), 7),
    ],
    ids=lambda each: each if isinstance(each, int) else type(each).__name__,
)
def test_every_error_has_its_code_and_none_shows_a_traceback(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exits.guarded(raising(error)) == code
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert CANARY not in shown


def test_the_code_of_an_error_in_a_process_of_its_own() -> None:
    ended = in_process("run", "nowhere.yaml")
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith("negbox: nowhere.yaml: there is no such file")
