"""A child from its start to its end: what is told about it, its limits, and that nothing of it is left."""

import os
import resource
import select
import socket
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bargaining.errors import SandboxError
from sandbox.isolation import shown
from sandbox.isolation.bwrap import BwrapIsolation
from sandbox.isolation.interface import Isolation, Room
from sandbox.isolation.none import NoIsolation
from tests.sandbox.isolation.attacking import PATIENCE_SECONDS, ROOM, ROOT, begin


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def test_its_process_id_is_the_interpreters(walls: Isolation) -> None:
    child, line = begin(walls)
    with closing(line):
        arguments = Path(f"/proc/{child.pid}/cmdline").read_text().split("\0")
        assert arguments[1:5] == ["-s", "-B", "-m", "tests.sandbox.isolation.waiting"]
        assert child.alive
        assert child.poll() is None
        child.kill()


def test_it_ends_by_itself_and_is_reaped(walls: Isolation) -> None:
    child, line = begin(walls)
    line.close()
    assert child.wait(PATIENCE_SECONDS) == 0
    assert not child.alive
    assert not Path(f"/proc/{child.pid}").exists()
    assert child.fileno() == -1


def test_killed_it_leaves_nothing(walls: Isolation) -> None:
    child, line = begin(walls)
    with closing(line):
        watcher = int(status(child.pid)["PPid"])
        line.sendall(b"fork")
        assert line.recv(4) == b"done"
        family = child.family
        assert len(family) == 2
        assert family[0] == child.pid
        watch = os.pidfd_open(family[1])
        child.kill()
        child.kill()
        assert child.poll() not in {None, 0}
        assert not Path(f"/proc/{child.pid}").exists()
        assert watcher == os.getpid() or not Path(f"/proc/{watcher}").exists()
        assert select.select([watch], [], [], PATIENCE_SECONDS)[0], "what it had started lives on"
        os.close(watch)


def test_it_ends_with_its_starter(walls: Isolation) -> None:
    """The starter is killed; the child would go on, had nobody seen to its end."""
    script = (
        "import sys; from tests.sandbox.isolation.attacking import begin\n"
        "from sandbox import host; from sandbox.isolation import ladder\n"
        f"child, line = begin(ladder.build({walls.level!r}, host.gather()))\n"
        "line.sendall(b'harden'); line.recv(4); print(child.pid, flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        watch = os.pidfd_open(int(starter.stdout.readline()))
        try:
            assert not select.select([watch], [], [], 0)[0]
            starter.kill()
            assert select.select([watch], [], [], PATIENCE_SECONDS)[0]
        finally:
            os.close(watch)


def test_what_watches_over_it_tells_no_paths(bubblewrap: Isolation) -> None:
    child, line = begin(bubblewrap)
    with closing(line):
        watcher = status(child.pid)["PPid"]
        told = Path(f"/proc/{watcher}/cmdline").read_text()
        assert "--args" in told
        assert "bind" not in told
        assert not Path(f"/proc/{watcher}/environ").read_bytes()
        child.kill()


def limit(pid: int, name: int) -> int:
    """As the kernel tells root too, who may not ask for another user's by prlimit without CAP_SYS_RESOURCE."""
    called = {
        resource.RLIMIT_CORE: "Max core file size",
        resource.RLIMIT_FSIZE: "Max file size",
        resource.RLIMIT_AS: "Max address space",
        resource.RLIMIT_CPU: "Max cpu time",
        resource.RLIMIT_NPROC: "Max processes",
        resource.RLIMIT_NOFILE: "Max open files",
    }[name]
    text = Path(f"/proc/{pid}/limits").read_text()
    soft, hard = text.partition(called)[2].split()[:2]
    assert soft == hard
    return resource.RLIM_INFINITY if hard == "unlimited" else int(hard)


def processes(level: str, user: str) -> int:
    """What becomes of a limit of 5."""
    if level == "bwrap":
        return 5 + (user == "own")  # bubblewrap itself counts too
    # else all processes of the user would count
    return 5 if user == "own" else resource.getrlimit(resource.RLIMIT_NPROC)[1]


def test_limits_are_set(walls: Isolation) -> None:
    room = Room(network=False, read_only=(), address_space=3 * 2**30, cpu_seconds=7, processes=5)
    child, line = begin(walls, room=room)
    with closing(line):
        for name, value in {
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_FSIZE: 0,
            resource.RLIMIT_AS: 3 * 2**30,
            resource.RLIMIT_CPU: 7,
            resource.RLIMIT_NPROC: processes(walls.level, child.user),
            resource.RLIMIT_NOFILE: 64,
        }.items():
            assert limit(child.pid, name) == value
        child.kill()


@pytest.mark.parametrize("network", [False, True])
def test_of_the_environment_only_a_brokers_certificates_are_kept(
    walls: Isolation, monkeypatch: pytest.MonkeyPatch, network: bool
) -> None:
    monkeypatch.setenv("NEGBOX_CANARY", "x")
    monkeypatch.setenv("SSL_CERT_FILE", __file__)
    child, line = begin(walls, room=replace(ROOM, network=network))
    with closing(line):
        environment = Path(f"/proc/{child.pid}/environ").read_text()
        assert "NEGBOX_CANARY" not in environment
        assert ("SSL_CERT_FILE" in environment) is network
        assert "MALLOC_PERTURB_=165" in environment
        child.kill()


def test_without_walls_it_runs_and_can_be_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("NEGBOX_CANARY", "x")
    child, line = begin(NoIsolation())
    with closing(line):
        environment = Path(f"/proc/{child.pid}/environ").read_bytes().split(b"\0")
        assert b"NEGBOX_CANARY=x" in environment
        assert not [entry for entry in environment if entry.startswith(b"LANGSMITH")]
        child.kill()
    assert not child.alive


def test_what_is_shown_is_shown_and_nothing_beside_it(bubblewrap: Isolation, tmp_path: Path) -> None:
    weights, other = tmp_path / "weights", tmp_path / "other"
    weights.write_text("w")
    other.write_text("o")
    script = tmp_path / "module.py"
    script.write_text("")
    room = replace(ROOM, read_only=(weights,))
    child, line = begin(bubblewrap, room=room)
    with closing(line):
        root = Path(f"/proc/{child.pid}/root")
        try:
            (root / "dev/null").stat()
        except PermissionError:
            pytest.skip("only root may look into the box's file system")
        inside = root / tmp_path.relative_to("/")
        assert {entry.name for entry in inside.iterdir()} == {"weights"}
        assert not {entry.name for entry in (root / ROOT.relative_to("/")).iterdir()} & {".git", "README.md"}
        assert not (root / "etc").exists()
        child.kill()


def test_what_is_to_be_shown_has_to_exist(bubblewrap: Isolation, tmp_path: Path) -> None:
    room = replace(ROOM, read_only=(tmp_path / "missing",))
    with pytest.raises(SandboxError, match="does not exist"):
        bubblewrap.spawn("tests.sandbox.isolation.waiting", ["3"], [], room)


def script(path: Path, last: str) -> Path:
    path.write_text(
        f'#!/bin/sh\n[ "$1" = --help ] && echo "--size --perms --as-pid-1 --args" && exit\n{last}\n'
    )
    path.chmod(0o755)
    return path


def test_a_bubblewrap_that_fails_says_why(tmp_path: Path) -> None:
    program = script(tmp_path / "bwrap", 'echo "bwrap: No permissions to create new namespace" >&2; exit 1')
    with pytest.raises(SandboxError, match="No permissions to create new namespace; run 'negbox doctor'"):
        BwrapIsolation(program).spawn("tests.sandbox.isolation.waiting", ["3"], [], ROOM)


def test_an_old_or_privileged_bubblewrap_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\necho --args\n")
    old.chmod(0o755)
    with pytest.raises(SandboxError, match=r"too old.*--as-pid-1"):
        BwrapIsolation(old)
    setuid = script(tmp_path / "setuid", "")
    setuid.chmod(0o755 | stat.S_ISUID)
    with pytest.raises(SandboxError, match="setuid"):
        BwrapIsolation(setuid)


def test_a_module_that_is_not_there_ends_at_once(walls: Isolation) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = walls.spawn("not.there", [str(theirs.fileno())], [theirs.fileno()], ROOM)
        theirs.close()
        ours.settimeout(PATIENCE_SECONDS)
        assert ours.recv(1) == b""
        assert child.wait(PATIENCE_SECONDS) == 1


def test_only_code_of_a_checkout_is_shown() -> None:
    paths = shown.interpreter().paths
    inside = {path.relative_to(ROOT).parts[0] for path in paths if path.is_relative_to(ROOT)}
    assert {"sandbox", "delegates", "graphs", "bargaining", "tests"} <= inside
    assert not inside & {"README.md", "pyproject.toml", ".git", "benchmark-results"}
    assert not {Path("/"), Path("/etc"), Path("/usr"), Path.home(), Path("/tmp"), ROOT} & set(paths)
    assert Path("/etc/ssl") not in shown.network()
