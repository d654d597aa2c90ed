"""`negbox` in the guest, as it is but for what a case changes.

python -m benchmarks.residue_ram.guest.starter LINE WIPE RINSE END run …

LINE is a socket, by its number: a byte is written to it when the processes of the run are about to be purged, and one
read to go on. WIPE `off` replaces the wipe here, and RINSE `off` the rinse, so that the product needs no switch that
weakens it. END `stopped` stops the process where it would end.
"""

import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from app import exits
from app.cli import main as negbox
from sandbox import crew, purge, rinse
from sandbox.check import Check
from sandbox.host import Facts
from sandbox.isolation import bwrap
from sandbox.memory import Wiped

SECONDS = 600.0
"""How long a process of the run may take to start: this machine is slow."""
RINSE_SECONDS = 5.0
"""How long the rinse may take, for the same reason: as much as it does elsewhere takes it about ten times as long."""

_purge, _leave = purge.purge, exits.leave


def main() -> None:
    """Run the command."""
    line = socket.socket(fileno=int(sys.argv.pop(1)))
    wiping, rinsing, end = (sys.argv.pop(1) for _ in range(3))

    def halting(
        children: Mapping[str, purge.Child], facts: Facts, folders: Sequence[Path] = ()
    ) -> tuple[Check, ...]:
        if "box" in children:
            line.sendall(b".")
            line.recv(1)
        return _purge(children, facts, folders)

    def stopping(code: int) -> NoReturn:
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGSTOP)
        _leave(code)

    crew.START_SECONDS = bwrap.START_SECONDS = SECONDS
    rinse.SECONDS = RINSE_SECONDS
    purge.purge = halting
    if wiping == "off":
        purge.wipe = lambda pid: Wiped(pid, 0, 0.0)  # nothing is written
    if rinsing == "off":
        rinse.rinse = lambda: None
    if end == "stopped":
        exits.leave = stopping
    negbox()


if __name__ == "__main__":
    main()
