"""How the commands of the evaluations end: with a message and a code, never with a traceback."""

import argparse
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bargaining.errors import (
    ExportError,
    InvalidInputError,
    LimitReachedError,
    ModelUnavailableError,
    NegboxError,
)
from evals import command

SECRET = "canary_7731_heron"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInputError("that"), 2),
        (ModelUnavailableError("that"), 3),
        (LimitReachedError("that"), 4),
        (ExportError("that"), 5),
        (NegboxError("that"), 2),
    ],
)
def test_an_error_is_a_message_and_a_code(
    capsys: pytest.CaptureFixture[str], error: NegboxError, code: int
) -> None:
    def main() -> int:
        raise error

    with pytest.raises(SystemExit) as end:
        command.run(main)
    assert end.value.code == code
    assert capsys.readouterr().err == "that\n"


def test_an_error_that_nobody_foresaw_is_told_by_its_type(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> int:
        raise KeyError(SECRET)

    with pytest.raises(SystemExit) as end:
        command.run(main)
    assert end.value.code == 70
    said = capsys.readouterr().err
    assert "KeyError" in said
    assert SECRET not in said


def test_a_file_that_is_missing_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as end:
        command.run(lambda: len((tmp_path / "missing").read_bytes()))
    assert end.value.code == 2
    assert capsys.readouterr().err == f"{tmp_path}/missing: No such file or directory\n"


def test_an_interrupt_keeps_the_rows_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    def rows() -> Iterator[str]:
        yield "one"
        raise KeyboardInterrupt

    assert command.gather(rows(), lambda number, row: f"{number} {row}") == (["one"], 130)
    assert capsys.readouterr().err == "1 one\nInterrupted: this is what there is.\n"


@pytest.mark.parametrize("text", ["0", "-1", "11", "1.5", "", "many"])
def test_a_number_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected 1 to 10"):
        command.whole(1, 10)(text)
    assert command.whole(1, 10)("10") == 10


@pytest.mark.parametrize(
    "line",
    [
        "evals.protocols nofile",
        "evals.protocols --rounds 0",
        "evals.protocols --rounds 1001",
        "evals.protocols --seeds 0",
        "evals.seeds nofile",
        "evals.seeds used-truck --seeds 0",
        "evals.seeds used-truck --model tactic/foo",
        "evals.seeds used-truck --prompts nopack",
        "evals.hostile --runs 0",
        "evals.overblocking nofile",
    ],
)
def test_bad_input_is_told_without_a_traceback(line: str) -> None:
    command_line = [sys.executable, "-m", *line.split()]
    done = subprocess.run(command_line, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "line", ["evals.seeds used-truck", "evals.tournament --scenarios used-truck --against self --runs 9"]
)
def test_an_interrupt_while_a_model_thinks_ends_the_command(line: str) -> None:
    """The box makes a no deal of it, which must not pass for one more row."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        model = f"openai/x@http://127.0.0.1:{silent.getsockname()[1]}/v1"
        command_line = [sys.executable, "-m", *line.split(), "--model", model]
        with subprocess.Popen(
            command_line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            connection, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
            connection.close()
    assert process.returncode == 130
    assert len(out.splitlines()) == (1 if "seeds" in line else 2)
    assert err == "Interrupted: this is what there is.\n"
