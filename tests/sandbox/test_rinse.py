"""The rinse from outside: what it takes and gives back, and that nothing stops the purge that it is a part of.

That it removes anything can only be seen in all of a machine's RAM: `benchmarks/residue_ram`.
"""

import errno
import os
import resource
import socket
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from sandbox import host, purge, rinse
from sandbox.fact import Known, Unknown
from sandbox.host import Facts
from tests.sandbox.prey import Prey

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only on Linux is there something to rinse")


class Tap:
    """Gives pairs of sockets as ever, and sees what becomes of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ends: list[socket.socket] = []
        self.cpus: set[frozenset[int]] = set()
        self.most_bytes = self.most_open = 0
        self._open = socket.socketpair
        monkeypatch.setattr(socket, "socketpair", self._pair)

    def _pair(self) -> tuple[socket.socket, socket.socket]:
        self.cpus.add(frozenset(os.sched_getaffinity(0)))
        held = [end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) for end in self.ends if end.fileno() >= 0]
        pair = self._open()
        self.ends += pair
        self.most_open = max(self.most_open, len(held) + len(pair))
        self.most_bytes = max(self.most_bytes, sum(held))
        return pair


@pytest.fixture
def tap(monkeypatch: pytest.MonkeyPatch) -> Tap:
    return Tap(monkeypatch)


@contextmanager
def as_it_was() -> Iterator[None]:
    """Nothing of this process may be different afterwards."""
    before = os.sched_getaffinity(0), os.listdir("/proc/self/fd")
    yield
    assert (os.sched_getaffinity(0), os.listdir("/proc/self/fd")) == before


def refuse(*_: object) -> Collection[int]:
    raise PermissionError(errno.EPERM, "not allowed")


def test_it_gives_everything_back(tap: Tap) -> None:
    with as_it_was():
        rinse.rinse()
    assert tap.ends
    assert all(end.fileno() < 0 for end in tap.ends)


def test_it_runs_on_each_processor_in_turn(tap: Tap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rinse, "SECONDS", 60.0)
    rinse.rinse()
    assert tap.cpus == {frozenset({cpu}) for cpu in os.sched_getaffinity(0)}


def test_it_stays_where_it_is_allowed_to_be(tap: Tap) -> None:
    before = os.sched_getaffinity(0)
    one = {min(before)}
    try:
        os.sched_setaffinity(0, one)
        rinse.rinse()
        assert os.sched_getaffinity(0) == one
    finally:
        os.sched_setaffinity(0, before)
    assert tap.cpus == {frozenset(one)}


def test_other_threads_are_left_where_they_are() -> None:
    seen = []
    with as_it_was():
        thread = threading.Thread(target=rinse.rinse)
        thread.start()
        while thread.is_alive():
            seen.append(os.sched_getaffinity(0))
            thread.join(0.001)
    assert all(each == os.sched_getaffinity(0) for each in seen)


@pytest.mark.parametrize("processors", [1, 2, 64, 4096])
def test_it_takes_no_more_memory_and_descriptors_than_it_says(
    tap: Tap, monkeypatch: pytest.MonkeyPatch, processors: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)))
    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    rinse.rinse()
    least = 2 * 4608  # the kernel lets none be smaller than about this
    assert tap.most_bytes <= max(rinse.MOST_BYTES, 64 * least)
    assert tap.most_open <= 64


def test_it_ends_in_time_however_many_processors_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(1_000_000)))
    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    begun = time.monotonic()
    rinse.rinse()
    assert time.monotonic() - begun < rinse.SECONDS + 1.0, "a second for a machine that is busy"


def test_with_no_time_nothing_is_filled(tap: Tap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rinse, "SECONDS", -1.0)
    with as_it_was():
        rinse.rinse()
    assert len(tap.ends) <= 2


def test_it_goes_on_where_it_may_not_choose_a_processor(tap: Tap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    rinse.rinse()
    assert tap.ends


def test_it_goes_on_where_processors_cannot_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[socket.socket] = []
    pair = socket.socketpair

    def opening() -> tuple[socket.socket, socket.socket]:
        opened.extend(both := pair())
        return both

    monkeypatch.setattr(os, "sched_getaffinity", refuse)
    monkeypatch.setattr(socket, "socketpair", opening)
    rinse.rinse()
    assert len(opened) > 2


@pytest.mark.parametrize("spare", [0, 1, 2, 7])
def test_it_does_what_it_can_with_few_descriptors(tap: Tap, spare: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with as_it_was():
        first = os.dup(0)  # the lowest that is free, and all above are
        os.close(first)
        resource.setrlimit(resource.RLIMIT_NOFILE, (first + spare, hard))
        try:
            rinse.rinse()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(tap.ends) == spare // 2 * 2


def test_elsewhere_than_on_linux_it_does_nothing(tap: Tap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    rinse.rinse()
    assert not tap.ends


@pytest.fixture(scope="module")
def facts() -> Facts:
    return host.gather({})


@pytest.mark.parametrize(
    ("zeroing", "expected"), [(Known(False), 1), (Unknown("nobody knows"), 1), (Known(True), 0)]
)
def test_a_purge_rinses_once_all_are_gone_unless_the_kernel_zeroes(
    facts: Facts, monkeypatch: pytest.MonkeyPatch, zeroing: Known[bool] | Unknown, expected: int
) -> None:
    with Prey(b"nothing") as box, Prey(b"nothing") as gate:
        living: list[bool] = []
        monkeypatch.setattr(rinse, "rinse", lambda: living.append(box.alive or gate.alive))
        purge.purge({"box": box, "gate": gate}, replace(facts, init_on_free=zeroing))
    assert living == [False] * expected


def test_a_purge_of_nobody_rinses_nothing(facts: Facts, tap: Tap) -> None:
    purge.purge({}, facts)
    assert not tap.ends
