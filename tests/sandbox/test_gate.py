"""The gate as a process: what goes in, and the little that comes out."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bargaining.agreement import Agreement, NoDeal
from delegates.scenario import load
from sandbox import frame, record
from sandbox.export import release

AGENDA = load("used-truck").agenda
DEAL = Agreement(terms=dict(AGENDA.space.at(5)))
PUBLIC = AGENDA.model_dump_json().encode()


@contextmanager
def started() -> Iterator[tuple[socket.socket, int, int, subprocess.Popen[bytes]]]:
    """A gate, and our ends of its three lines."""
    ours, theirs = socket.socketpair()
    record_read, record_write = os.pipe()
    release_read, release_write = os.pipe()
    fds = (theirs.fileno(), record_read, release_write)
    command = [sys.executable, "-m", "sandbox.gate", *map(str, fds)]
    child = subprocess.Popen(command, pass_fds=fds, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    theirs.close()
    os.close(record_read)
    os.close(release_write)
    try:
        yield ours, record_write, release_read, child
    finally:
        ours.close()
        os.close(release_read)
        said, _ = child.communicate(timeout=20)
        assert said == b""


def passed(said: bytes, public: bytes = PUBLIC) -> bytes:
    with started() as (control, written, released, child):
        frame.send(control.fileno(), public)
        with os.fdopen(written, "wb") as line:
            try:
                line.write(said)
                line.flush()
            except BrokenPipeError:
                pass
        found = b""
        while chunk := os.read(released, 65536):
            found += chunk
        assert child.poll() is None  # it waits to be wiped
    return found


@pytest.mark.parametrize("result", [DEAL, NoDeal()])
def test_a_result_passes(result: Agreement | NoDeal) -> None:
    assert passed(record.write(result, AGENDA)) == release(result, AGENDA)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"the reserve is 9137",
        release(DEAL, AGENDA),
        record.write(DEAL, AGENDA) + b"\n",
        record.write(DEAL, AGENDA) + b"9137",
        b"9" * record.width(AGENDA),
        b"0" * 5000,
    ],
    ids=["silence", "words", "a released result", "a newline more", "digits more", "too large", "too long"],
)
def test_nothing_else_does(said: bytes) -> None:
    assert passed(said) == b""


def test_a_gate_without_an_agenda_says_nothing() -> None:
    assert passed(record.write(DEAL, AGENDA), b"{}") == b""
