"""Process 1 of the guest: does one case and tells the host when to look. It never sees a canary.

What it says are lines on the console that begin with `@`: `halted`, and `ended` or `failed` with JSON. After each it
waits for a line before it goes on.
"""

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from benchmarks.residue_ram.case import Case, named
from benchmarks.residue_ram.guest import owners, principal
from sandbox import memory
from sandbox.isolation.environment import clean

USER = 1000
"""Whoever types `negbox run`: an ordinary user."""
SECONDS = 900.0
_ROOT = str(Path(__file__).parents[3])
_WORK = Path("/run/residue")
_MS_BIND, _MS_MOVE = 0x1000, 0x2000


def main() -> NoReturn:
    """Do the case that the kernel's command line names, and wait for the end."""
    try:
        _prepare()
        words = dict(word.split("=", 1) for word in Path("/proc/cmdline").read_text().split() if "=" in word)
        case, word = named(words["residue.case"]), words["residue.word"]
        holder = _principal("hold", word, "control", USER)
        told = _DOING[case.what](case, word)
        said = {**told, "control": holder.poll() is None, "moved": _moved()}
        _say(f"ended {json.dumps(said)}")
    except BaseException as error:  # noqa: BLE001 - a process 1 that ends is a panic
        _say(f"failed {json.dumps(f'{type(error).__name__}: {error}')}")
    while True:
        signal.pause()


def _moved() -> dict[str, int]:
    """How often the kernel moved pages, which leaves what was on them where it was."""
    counts = dict(line.split(" ", 1) for line in Path("/proc/vmstat").read_text().splitlines())
    return {name: int(counts.get(name, "0")) for name in ("pgmigrate_success", "thp_collapse_alloc")}


def _prepare() -> None:
    # bubblewrap wants to change its root, which the file system that the kernel starts with does not allow: a bound
    # copy of it, moved over it, does
    _mount("/", "/root-again", None, _MS_BIND)
    os.chdir("/root-again")
    _mount(".", "/", None, _MS_MOVE)
    os.chroot(".")
    os.chdir("/")
    _mount("proc", "/proc", "proc")
    _mount("dev", "/dev", "devtmpfs")
    Path("/dev/shm").mkdir(exist_ok=True)
    _mount("shm", "/dev/shm", "tmpfs")
    _mount("run", "/run", "tmpfs")
    _WORK.mkdir()
    os.chown(_WORK, USER, USER)


def _mount(source: str, target: str, kind: str | None, flags: int = 0) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    encoded = kind.encode() if kind else None
    if libc.mount(source.encode(), target.encode(), encoded, ctypes.c_ulong(flags), None):
        raise OSError(ctypes.get_errno(), f"mounting {target}")


def _alive(_: Case, word: str) -> dict[str, object]:
    _principal("hold", word, "brief", USER)
    return {}


def _ended(_: Case, word: str) -> dict[str, object]:
    return {"code": _principal("use", word, "brief", USER).wait(SECONDS)}


def _cleaned(case: Case, word: str) -> dict[str, object]:
    _write_brief(word)
    _remove(overwrite=case.what == "cleaned")
    return {}


def _run(case: Case, word: str) -> dict[str, object]:
    _write_brief(word)
    scripts = principal.write_scripts(_WORK)
    ours, theirs = socket.socketpair()
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(_WORK), "PYTHONPATH": _ROOT}
    if case.starter_wiped:  # a wipe only reaches what was not given back before
        environment = {**clean(network=False), **environment}
    starter = subprocess.Popen(
        [
            sys.executable, "-s", "-B", "-m", "benchmarks.residue_ram.guest.starter", str(theirs.fileno()),
            *("on" if each else "off" for each in (case.wipe, case.rinse)),
            "stopped" if case.starter_wiped else "ended",
            "run", str(_WORK / principal.SCENARIO), "--isolation", case.isolation, "--json",
            *(part for role, path in scripts.items() for part in ("--model", f"{role}=scripted/{path}")),
        ],
        env=environment, cwd="/", user=USER, group=USER, extra_groups=[], pass_fds=(theirs.fileno(),),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    theirs.close()
    done = _waited(starter, ours, stops=case.starter_wiped)
    wiped = None
    if case.starter_wiped and starter.returncode is None:
        found = memory.wipe(starter.pid)
        wiped = found.complete
        starter.kill()
        starter.wait()
    _remove(overwrite=True)
    told: dict[str, object] = {"code": starter.returncode, "starter wiped": wiped}
    return told | _summary(*done)


def _waited(starter: "subprocess.Popen[bytes]", line: socket.socket, *, stops: bool) -> tuple[bytes, bytes]:
    """Wait until it has ended or stopped; what it wrote. Let it halt and go on meanwhile."""
    assert starter.stdout is not None
    assert starter.stderr is not None
    written = {starter.stdout.fileno(): b"", starter.stderr.fileno(): b""}
    out, err = written
    poll = select.poll()
    for descriptor in (*written, line.fileno()):
        poll.register(descriptor, select.POLLIN)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        for descriptor, _ in poll.poll(200):
            data = os.read(descriptor, 1 << 16)
            if not data:
                poll.unregister(descriptor)
            elif descriptor == line.fileno():
                _say(f"halted {json.dumps(owners.pages())}")
                line.sendall(b".")
            else:
                written[descriptor] += data
        if stops and os.waitid(os.P_PID, starter.pid, os.WSTOPPED | os.WNOHANG) is not None:
            break
        if starter.poll() is not None:
            break
    else:
        raise TimeoutError("the run did not end")
    for descriptor in written:
        os.set_blocking(descriptor, False)
        with suppress(BlockingIOError):
            while data := os.read(descriptor, 1 << 16):
                written[descriptor] += data
    return written[out], written[err]


def _summary(out: bytes, err: bytes) -> dict[str, object]:
    """What of its output the host has to know."""
    problem: dict[str, object] = {"problem": err.decode(errors="replace")[-400:].strip()}
    try:
        said = json.loads(out)
    except ValueError:
        return problem
    checks = [f"{one['name']}: {one['result']}" for one in said["purge"] if one["result"] != "ok"]
    return problem | {"ending": said["ending"], "isolation": said["isolation"], "open": checks}


def _write_brief(word: str) -> None:
    """A principal writes the scenario, and leaves nothing else behind."""
    writer = _principal(str(_WORK), word, "brief", USER)
    wiped = memory.wipe(writer.pid)
    writer.kill()
    writer.wait()
    if not wiped.complete:
        raise OSError(f"the principal could not be wiped: {wiped.reason}")


def _remove(*, overwrite: bool) -> None:
    file = _WORK / principal.SCENARIO
    if overwrite:  # a file in memory keeps its pages
        size = file.stat().st_size
        with file.open("r+b", buffering=0) as opened:
            opened.write(bytes(size))
    file.unlink()


def _principal(where: str, word: str, label: str, user: int) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [sys.executable, "-s", "-B", "-m", "benchmarks.residue_ram.guest.principal", where, word, label],
        # the malloc of a box keeps what was freed for the wipe; one that just ends has the usual one
        env={**({} if where == "use" else clean(network=False)), "PYTHONPATH": _ROOT},
        cwd="/",
        user=user,
        group=user,
        extra_groups=[],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    if os.read(process.stdout.fileno(), 1) != b".":
        raise OSError(f"the principal ended with {process.wait()}")
    return process


def _say(line: str) -> None:
    """Tell the host, and wait until it says go on."""
    os.write(1, f"\n@{line}\n".encode())
    os.read(0, 4096)


_DOING = {"alive": _alive, "ended": _ended, "cleaned": _cleaned, "deleted": _cleaned, "run": _run}
