"""The purge of real processes, and what its checks say when something is wrong."""

import os
import secrets
import select
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bargaining.errors import PurgeError
from evals.residue import Scan, scan_process
from sandbox import host
from sandbox.fact import Known, Unknown
from sandbox.host import Facts, Swap
from sandbox.isolation.interface import Room
from sandbox.isolation.ladder import choose
from sandbox.memory import wipe
from sandbox.purge import Check, purge, require
from sandbox.witness import children
from tests.sandbox.prey import Prey, bubblewrap

CANARY = secrets.token_hex(16).encode()


@pytest.fixture(scope="module")
def facts() -> Facts:
    """This machine, without the zeroing that would excuse what was not wiped."""
    return replace(
        host.gather({}), init_on_free=Known(False), swap=Known(()), swapped_out_pages=host.swapped_out_pages()
    )


def results(checks: tuple[Check, ...]) -> dict[str, str]:
    return {check.name: check.result for check in checks}


def test_box_broker_and_gate_are_wiped_killed_and_checked(facts: Facts, tmp_path: Path) -> None:
    with Prey(CANARY) as box, Prey(CANARY) as broker, Prey(CANARY) as gate:
        checks = purge({"box": box, "broker": broker, "gate": gate}, facts, [tmp_path, tmp_path / "gone"])
        assert not any(prey.alive for prey in (box, broker, gate))
    assert results(checks) == dict.fromkeys(
        (
            "wiped box",
            "wiped broker",
            "wiped gate",
            "processes gone",
            "no core dump",
            "no swap",
            "tracing off",
            "no files",
        ),
        "ok",
    )
    require(checks)


class Onlooker:
    """A child that has ended. When its turn to be killed comes, all are wiped and those after it still live."""

    pid = 0
    alive = False

    def __init__(self, look: Callable[[], Scan]) -> None:
        self._look = look
        self.seen: Scan | None = None

    def kill(self) -> None:
        """Look."""
        self.seen = self._look()


def test_all_are_wiped_before_the_first_is_killed(facts: Facts) -> None:
    with Prey(CANARY) as box:
        looking = Onlooker(lambda: scan_process(box.pid, CANARY))
        purge({"onlooker": looking, "box": box}, facts)
    assert looking.seen is not None
    assert looking.seen.clean is True


def test_what_a_child_started_is_wiped_and_killed_too(facts: Facts) -> None:
    code = "pid = os.fork()\nkept = secret * 3\nif not pid:\n    import signal\n    signal.pause()"
    with Prey(CANARY, code=code) as box:
        (grandchild,) = children(box.pid)
        assert scan_process(grandchild, CANARY).clean is False
        handle = os.pidfd_open(grandchild)
        try:
            checks = purge({"box": box}, facts)
            assert select.select([handle], [], [], 0)[0], "it has ended"
        finally:
            os.close(handle)
    require(checks)


def test_a_child_that_ended_by_itself_was_not_wiped(facts: Facts) -> None:
    with Prey(CANARY) as box, Prey(CANARY) as gate:
        box.kill()
        checks = purge({"box": box, "gate": gate}, facts)
    assert results(checks) == {
        "wiped box": "failed",
        "wiped gate": "ok",
        "processes gone": "ok",
        "no core dump": "unmeasured",
        "no swap": "ok",
        "tracing off": "unmeasured",
        "no files": "unmeasured",
    }
    with pytest.raises(PurgeError, match="wiped box: failed"):
        require(checks)


def test_a_kernel_that_zeroes_freed_memory_excuses_a_wipe_that_was_not_made(facts: Facts) -> None:
    with Prey(CANARY) as box:
        box.kill()
        checks = purge({"box": box}, replace(facts, init_on_free=Known(True, "kernel command line")))
    assert results(checks)["wiped box"] == "ok"
    assert "zeroes" in checks[0].detail
    unknown = replace(facts, init_on_free=Unknown("nobody knows"))
    assert results(purge({"box": box}, unknown))["wiped box"] == "failed"


def test_a_policy_can_accept_a_check_by_its_name_and_no_other() -> None:
    checks = (Check("no swap", "unmeasured", "why"), Check("wiped box", "failed", "why not"))
    with pytest.raises(PurgeError, match="wiped box: failed") as caught:
        require(checks, accepted={"no swap"})
    assert "no swap" not in str(caught.value)
    require(checks, accepted={"no swap", "wiped box"})


def test_what_could_not_be_measured_does_not_pass() -> None:
    with pytest.raises(PurgeError, match="tracing off: unmeasured"):
        require([Check("tracing off", "unmeasured", "why")])


def test_a_purge_of_nothing_proves_nothing(facts: Facts) -> None:
    assert set(results(purge({}, facts)).values()) - {"ok"} == {"unmeasured"}


@pytest.mark.parametrize("name", ["LANGSMITH_TRACING", "ANTHROPIC_LOG"])
def test_a_tracing_variable_in_a_child_is_found_and_nothing_of_it_is_repeated(
    facts: Facts, name: str
) -> None:
    with Prey(CANARY, environment={name: "canary-value", "LANGCHAIN_TRACING_V2": "false"}) as box:
        checks = purge({"box": box}, facts)
    assert results(checks)["tracing off"] == "failed"
    assert "canary-value" not in repr(checks)
    assert name not in repr(checks), "a hostile process could speak through a name"


def test_a_file_open_for_writing_is_found(facts: Facts, tmp_path: Path) -> None:
    code = f"file = open({str(tmp_path / 'left')!r}, 'w')"
    with Prey(CANARY, code=code) as box:
        checks = purge({"box": box}, facts)
    assert results(checks)["no files"] == "failed"


def test_files_left_in_a_folder_of_the_run_are_found(facts: Facts, tmp_path: Path) -> None:
    (tmp_path / "left").touch()
    with Prey(CANARY) as box:
        checks = purge({"box": box}, facts, [tmp_path])
    assert results(checks)["no files"] == "failed"


def test_a_process_that_may_write_files_leaves_it_unknown_whether_it_did(facts: Facts) -> None:
    with Prey(CANARY, file_limit=False) as box:
        checks = purge({"box": box}, facts)
    assert results(checks)["no files"] == "unmeasured"


def test_swap_that_the_kernel_did_not_write_to_is_no_leak_and_else_unknown(
    facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    swapping = replace(facts, swap=Known((Swap("/swap", 2**30, 0),)), swapped_out_pages=Known(7))
    for now, expected in ((Known(7), "ok"), (Known(8), "unmeasured"), (Unknown("no vmstat"), "unmeasured")):
        monkeypatch.setattr(host, "swapped_out_pages", lambda now=now: now)
        with Prey(CANARY) as box:
            assert results(purge({"box": box}, swapping))["no swap"] == expected


@pytest.mark.parametrize(
    ("number", "heard"), [(signal.SIGINT, [False]), (signal.SIGTERM, [False]), (signal.SIGALRM, [])]
)
def test_a_signal_waits_until_the_purge_is_over(
    facts: Facts, number: signal.Signals, heard: list[bool]
) -> None:
    """The alarm is there to hurry an end that does not come; raised late, it would hide how the purge ended."""
    received: list[bool] = []

    class Interrupting(Prey):
        def kill(self) -> None:
            signal.raise_signal(number)
            super().kill()

    before = signal.signal(number, lambda *_: received.append(box.alive or gate.alive))
    try:
        with Interrupting(CANARY) as box, Prey(CANARY) as gate:
            require(purge({"box": box, "gate": gate}, facts))
            assert received == heard
            signal.signal(number, signal.SIG_IGN)
    finally:
        signal.signal(number, before)


def test_a_wipe_that_breaks_still_ends_everybody(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_pid: int) -> None:
        raise AssertionError

    monkeypatch.setattr("sandbox.purge.wipe", broken)
    with Prey(CANARY) as box, Prey(CANARY) as gate:
        with pytest.raises(AssertionError):
            purge({"box": box, "gate": gate}, facts)
        assert not box.alive
        assert not gate.alive


def test_ctrl_c_ends_the_command_once_all_is_wiped(facts: Facts) -> None:
    class Interrupting(Prey):
        interrupted = False

        def kill(self) -> None:
            if not self.interrupted:
                self.interrupted = True
                signal.raise_signal(signal.SIGINT)
            super().kill()

    with Interrupting(CANARY) as box, Prey(CANARY) as gate:
        with pytest.raises(KeyboardInterrupt):
            purge({"box": box, "gate": gate}, facts)
        assert not box.alive
        assert not gate.alive


def test_details_tell_no_exact_figure_that_a_box_could_choose(facts: Facts) -> None:
    def detail(code: str) -> str:
        with Prey(CANARY, code=code) as box:
            return purge({"box": box}, facts)[0].detail

    assert detail("kept = bytes(4096 * 100)") == detail("kept = bytes(4096 * 200)")


def test_no_descriptor_is_left_open(facts: Facts) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    with Prey(CANARY) as box:
        before = descriptors()
        purge({"box": box}, facts)
        assert descriptors() == before


def test_without_the_purge_the_secret_is_there() -> None:
    """The positive control of all the above."""
    look: Callable[[int], bool | None] = lambda pid: scan_process(pid, CANARY).clean  # noqa: E731
    with Prey(CANARY) as box:
        assert look(box.pid) is False
        wipe(box.pid)
        assert look(box.pid) is True


def test_a_real_box_hardened_and_without_privileges_is_purged(facts: Facts) -> None:
    bubblewrap()
    ours, theirs = socket.socketpair()
    room = Room(network=False, read_only=(), address_space=1 << 31, cpu_seconds=60, processes=1)
    with ours, theirs:
        box = choose("bwrap", facts).spawn(
            "tests.sandbox.holder", [str(theirs.fileno())], [theirs.fileno()], room
        )
        try:
            theirs.close()
            assert ours.recv(6) == b"closed"
            ours.sendall(CANARY)
            assert ours.recv(4) == b"held"
            before = scan_process(box.pid, CANARY)
            assert before.hits, "the positive control"
            assert not before.unread
            looking = Onlooker(lambda: scan_process(box.pid, CANARY))
            checks = purge({"onlooker": looking, "box": box}, facts)
            assert looking.seen is not None
            assert looking.seen.clean is True
            assert not box.alive
            ended_early = ("wiped onlooker", "no core dump", "tracing off", "no files")
            require(checks, accepted=ended_early)
            assert results(checks)["wiped box"] == "ok"
        finally:
            box.kill()
