"""Children that root starts: each is a user of its own, who owns nothing and can do nothing to anybody else."""

import json
import os
import pwd
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bargaining.errors import SandboxError
from sandbox import memory, trial
from sandbox.fact import Known
from sandbox.host import Facts
from sandbox.isolation import descent, ladder
from sandbox.isolation.interface import Isolation, Room
from sandbox.isolation.landlock import LandlockIsolation
from tests.sandbox.isolation.attacking import PATIENCE_SECONDS, ROOM, attack, begin
from tests.sandbox.isolation.test_child import status

SHUT = 0o700


@pytest.fixture
def owned(walls: Isolation, facts: Facts) -> Isolation:
    if facts.own_users != Known(True):
        pytest.skip(f"children cannot have users of their own here: {facts.own_users}")
    return walls


@pytest.fixture
def roots(owned: Isolation, facts: Facts) -> Isolation:
    """The same walls around children that are root: what the attacks are measured by."""
    return ladder.build(owned.level, replace(facts, own_users=Known(False)))


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that is open to all; pytest's own are not."""
    with TemporaryDirectory(prefix="negbox-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def users(pid: int, field: str = "Uid") -> set[int]:
    return {int(word) for word in status(pid)[field].split()}


def test_each_is_somebody_that_nobody_else_is(owned: Isolation) -> None:
    (one, first), (other, second) = begin(owned), begin(owned)
    with closing(first), closing(second):
        seen = [users(child.pid) for child in (one, other)]
        assert all(len(each) == 1 for each in seen)
        assert seen == [users(child.pid, "Gid") for child in (one, other)]
        assert seen[0] != seen[1]
        assert not {0, os.getuid(), 65534} & (seen[0] | seen[1])
        for user in seen[0] | seen[1]:
            with pytest.raises(KeyError):
                pwd.getpwuid(user)
        assert not status(one.pid)["Groups"].strip()
        assert int(status(one.pid)["CapEff"], 16) == 0
        assert one.user == other.user == "own"
        one.kill()
        other.kill()


def test_what_watches_over_it_is_not_root_either(owned: Isolation) -> None:
    if owned.level != "bwrap":
        pytest.skip("nothing watches over it")
    child, line = begin(owned)
    with closing(line):
        assert users(int(status(child.pid)["PPid"])) == users(child.pid)
        child.kill()


def escape(walls: Isolation, *paths: Path) -> list[str]:
    ours, theirs = socket.socketpair()
    root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    with ours, theirs:
        arguments = [str(theirs.fileno()), str(root), *map(str, paths)]
        child = walls.spawn("tests.sandbox.isolation.escaping", arguments, [theirs.fileno(), root], ROOM)
        os.close(root)
        theirs.close()
        ours.settimeout(PATIENCE_SECONDS)
        with ours.makefile() as lines:
            said = lines.read().split()
        child.kill()
    return said


def test_who_gets_out_of_the_walls_does_not_own_what_root_owns(
    owned: Isolation, roots: Isolation, place: Path
) -> None:
    secret, public = place / "secret", place / "public"
    secret.write_text("s")
    secret.chmod(0o600)
    public.write_text("p")
    public.chmod(0o644)
    assert escape(roots, secret, public) == ["ok", "ok"], "the control: as root the hole leads there"
    assert escape(owned, secret, public) == ["EACCES", "ok"]


def test_one_child_cannot_touch_another(facts: Facts, targets: str) -> None:
    """In one process namespace and not closed, so that nothing but the users keeps them apart."""
    if facts.own_users != Known(True):
        pytest.skip(f"children cannot have users of their own here: {facts.own_users}")
    names = ["signal_outside", "ptrace"]
    for own_users, expected in ((False, "ok"), (True, "EPERM")):
        walls = LandlockIsolation(own_users=own_users)
        broker, line = begin(walls)
        with closing(line):
            at_it = json.dumps(json.loads(targets) | {"pid": broker.pid})
            assert attack(walls, at_it, "open", names) == dict.fromkeys(names, expected)
            broker.kill()


def test_even_before_it_closes_itself_it_starts_no_more_than_it_may(
    owned: Isolation, roots: Isolation, targets: str
) -> None:
    alone = replace(ROOM, processes=1)
    assert attack(roots, targets, "open", ["fork"], alone) == {"fork": "ok"}, "of root's, none are counted"
    assert attack(owned, targets, "open", ["fork"], alone) == {"fork": "EAGAIN"}


def test_its_memory_is_wiped_all_the_same(owned: Isolation) -> None:
    child, line = begin(owned)
    with closing(line):
        line.sendall(b"harden")
        assert line.recv(4) == b"done"
        assert memory.wipe(child.pid).complete
        child.kill()


def test_behind_a_closed_folder_it_finds_what_it_is_shown_and_no_more(owned: Isolation, place: Path) -> None:
    folder = place / "shut"
    (folder / "below").mkdir(parents=True)
    weights, other = folder / "below" / "weights", folder / "other"
    for file in (weights, other):
        file.write_text("x")
        file.chmod(0o644)
    folder.chmod(SHUT)
    child, line = begin(owned, room=replace(ROOM, read_only=(weights,)))
    with closing(line):
        assert child.user == "own"
        inside = Path(f"/proc/{child.pid}/root", str(folder).lstrip("/"))
        assert sorted(path.name for path in inside.rglob("*")) == ["below", "weights"]
        assert sorted(path.name for path in folder.rglob("*")) == ["below", "other", "weights"]
        child.kill()


def test_where_only_root_may_read_what_it_needs_it_is_root_and_says_so(owned: Isolation, place: Path) -> None:
    weights = place / "weights"
    weights.write_text("w")
    weights.chmod(0o600)
    child, line = begin(owned, room=replace(ROOM, read_only=(weights,)))
    with closing(line):
        assert child.user == "root"
        assert users(child.pid) == {0}
        child.kill()


def test_without_root_it_is_whoever_started_it(bubblewrap: Isolation, facts: Facts) -> None:
    room = Room(network=False, read_only=(), address_space=2**32, cpu_seconds=60, processes=256)
    child, line = begin(ladder.build("bwrap", replace(facts, own_users=Known(False))), room=room)
    with closing(line):
        assert child.user == ("starter" if os.getuid() else "root")
        assert users(child.pid) == {os.getuid()}
        child.kill()


def test_a_user_is_never_one_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    last = range(descent.FIRST, descent.FIRST + 3)
    monkeypatch.setattr(descent, "_given", set())
    monkeypatch.setattr(descent, "LAST", last[-1])
    monkeypatch.setattr(descent, "_accounts", lambda: {last[0]})
    assert {descent.pick(), descent.pick()} == {*last[1:]}
    assert descent.pick() in last[1:], "those given long ago come again"
    monkeypatch.setattr(descent, "_living", lambda: {last[1]})
    monkeypatch.setattr(descent, "_subordinate", lambda: {last[2]})
    with pytest.raises(SandboxError, match="are taken"):
        descent.pick()


def test_root_without_its_rights_is_told_which(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(descent, "_capabilities", lambda: 1 << 5 | 1 << 6 | 1 << 7 | 1 << 21)
    assert trial.own_users(facts.bubblewrap) == Known(False, "root lacks CAP_SYS_PTRACE")


def test_an_ordinary_user_is_told_that_only_root_can(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert trial.own_users(facts.bubblewrap) == Known(False, "only root can give it one")
