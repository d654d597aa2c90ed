"""Whatever ends the host or the caller, and whenever: no process, no socket and no claim is left, and no brief."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import exits
from evals.residue import scan_files, scan_process
from sandbox.hatch import SOCKET
from tests.app.command import CANARY
from tests.app.parties import (
    ENDS,
    NONCE,
    Command,
    Place,
    needs_walls,
    placed,
    runs,
    standing_still,
    tree,
    wait_for,
)

pytestmark = needs_walls


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with placed(tmp_path) as made:
        yield made


@pytest.fixture
def slow() -> Iterator[str]:
    with standing_still() as spec:
        yield spec


def caller(place: Place, out: str = "result") -> Command:
    """`negbox box run`, in its first turn."""
    started = place.start("box", "run", "--at", place.at, *place.sealed(), "--out", place.root / out)
    started.shows("turn 1")
    return started


def all_gone(place: Place, pids: list[int], *, killed: bool = False) -> None:
    wait_for(lambda: not any(map(runs, pids)))
    if not killed:  # then nobody was there to remove them
        assert [path.name for path in place.at.iterdir()] == ["agenda.yaml"]
    assert scan_files(CANARY, [place.at, place.root / "tmp", place.root / "config"]).clean is True


@ENDS
def test_a_host_that_ends_while_it_waits(place: Place, number: signal.Signals) -> None:
    host = place.open("--model", "tactic/steady")
    assert {"sandbox.inside", "sandbox.gate"} <= host.crew().keys()
    pids = tree(host.process.pid)
    host.process.send_signal(number)
    killed = number == signal.SIGKILL
    assert host.ended() == (-number if killed else exits.INTERRUPTED), host.shown
    all_gone(place, pids, killed=killed)
    if killed:
        assert "no box is open there" in place.run(place.sealed()).err
        old = place.claim()
        place.open("--model", "tactic/steady")
        assert place.claim().run != old.run


@ENDS
def test_a_host_that_ends_during_a_run(place: Place, slow: str, number: signal.Signals) -> None:
    """The caller hears of it, and there is no result."""
    host = place.open("--model", slow)
    running = caller(place)
    pids = tree(host.process.pid)
    host.process.send_signal(number)
    killed = number == signal.SIGKILL
    assert host.ended() == (-number if killed else exits.INTERRUPTED), host.shown
    assert running.ended() == exits.SANDBOX
    assert "the box has gone without a result" in running.shown
    assert not (place.root / "result").exists()
    assert CANARY not in host.shown + running.shown
    all_gone(place, pids, killed=killed)


def test_a_caller_that_ends_ends_the_run_and_a_pool_goes_on(place: Place, slow: str) -> None:
    """The memory of the host holds no brief, neither while the run is in its turns nor afterwards."""
    host = place.open("--model", slow, "--pool", "1", "--nonce", NONCE)
    pid = host.process.pid
    for number, end in enumerate((signal.SIGINT, signal.SIGTERM, signal.SIGKILL), 1):
        run = place.claim().run
        box = host.crew()["sandbox.inside"]
        running = caller(place)
        if number == 1:
            assert scan_process(pid, CANARY).clean is True
            assert scan_process(running.process.pid, CANARY).clean is True
            if os.geteuid() == 0:  # nobody else may look into a box; it shows that the instrument works
                assert scan_process(box, CANARY).clean is False
        running.process.send_signal(end)
        assert running.ended() == (-end if end == signal.SIGKILL else exits.INTERRUPTED)
        host.shows("Open: run", number + 1)
        assert f"Run {run} is over" in host.shown
        assert not runs(box)
        assert place.claim().run != run
        result = place.root / "result"
        assert not (result.exists() and list(result.iterdir()))
    assert scan_process(pid, CANARY).clean is True
    assert CANARY not in host.shown
    pids = tree(pid)
    host.process.send_signal(signal.SIGINT)
    assert host.ended() == exits.OK, host.shown
    all_gone(place, pids)


@pytest.mark.parametrize("module", ["sandbox.inside", "sandbox.gate"])
def test_a_process_that_dies_unwiped_is_never_called_wiped(place: Place, slow: str, module: str) -> None:
    host = place.open("--model", slow)
    running = caller(place)
    pids = tree(host.process.pid)
    os.kill(host.crew()[module], signal.SIGKILL)
    if module == "sandbox.gate":  # nobody waits for it yet
        running.process.send_signal(signal.SIGINT)
    assert host.ended() == exits.SANDBOX, host.shown
    assert "the purge is not complete" in host.shown
    assert "everything of it wiped" not in host.shown
    assert running.ended() == (exits.SANDBOX if module == "sandbox.inside" else exits.INTERRUPTED)
    assert not (place.root / "result").exists()
    all_gone(place, pids)


def test_a_box_of_a_pool_that_died_is_told_at_the_end(place: Place) -> None:
    host = place.open("--model", "tactic/steady", "--pool", "1")
    assert (place.at / SOCKET).exists()
    os.kill(host.crew()["sandbox.inside"], signal.SIGKILL)
    host.process.send_signal(signal.SIGINT)
    assert host.ended() == exits.SANDBOX, host.shown
    assert "the purge is not complete" in host.shown
