"""Starts `probe` in some isolation and reads how its attacks went. Needs nothing but our own code.

    python -m tests.sandbox.isolation.attacking TARGETS ATTACK...

tries bubblewrap as whoever runs it, and prints the results as JSON.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from sandbox.isolation.bwrap import BwrapIsolation
from sandbox.isolation.interface import Child, Isolation, Room
from sandbox.trial import find_bubblewrap

PROBE = "tests.sandbox.isolation.probe"
ROOT = Path(__file__).resolve().parents[3]
ROOM = Room(network=False, read_only=(), address_space=2**32, cpu_seconds=60, processes=256)
CONNECTED = Room(network=True, read_only=(), address_space=2**32, cpu_seconds=60, processes=256)
PATIENCE_SECONDS = 20


def attack(
    isolation: Isolation, targets: str, closed: str, names: Sequence[str], room: Room = ROOM
) -> Mapping[str, str]:
    """Each attack by name: "ok", what stopped it, or "killed"."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        arguments = [str(theirs.fileno()), targets, closed, *names]
        child = isolation.spawn(PROBE, arguments, [theirs.fileno()], room)
        theirs.close()
        try:
            return results(ours, names)
        finally:
            child.kill()


def attack_from_outside(targets: str, names: Sequence[str]) -> Mapping[str, str]:
    """The same by an ordinary process: it shows that the attacks work where nothing stops them."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-s", "-B", "-m", PROBE, str(theirs.fileno()), targets, "open", *names]
    with ours, theirs:
        theirs.set_inheritable(True)
        with subprocess.Popen(command, cwd=ROOT, close_fds=False, stderr=subprocess.DEVNULL) as process:
            theirs.close()
            try:
                return results(ours, names)
            finally:
                process.kill()


def results(speaker: socket.socket, names: Sequence[str]) -> Mapping[str, str]:
    speaker.settimeout(PATIENCE_SECONDS)
    with speaker.makefile() as lines:
        said = dict(line.split() for line in lines)
    return {**dict.fromkeys(names, "killed"), **said}


def begin(isolation: Isolation, *, room: Room = ROOM) -> tuple[Child, socket.socket]:
    """A child that waits, and the other end of its line."""
    ours, theirs = socket.socketpair()
    with closing(theirs):
        child = isolation.spawn(
            "tests.sandbox.isolation.waiting", [str(theirs.fileno())], [theirs.fileno()], room
        )
    ours.settimeout(PATIENCE_SECONDS)
    assert ours.recv(5) == b"ready"
    return child, ours


if __name__ == "__main__":
    program = find_bubblewrap()
    assert program is not None
    found = {"uid": str(os.getuid()), **attack(BwrapIsolation(program), sys.argv[1], "box", sys.argv[2:])}
    sys.stdout.write(json.dumps(found))
