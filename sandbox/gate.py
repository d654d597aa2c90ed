"""The gate: a process for one run, the only one that reads what a box says, and says what may leave.

    python -m sandbox.gate CONTROL_FD RECORD_FD RELEASE_FD [closed]

It reads the public agenda and at most 4 KiB of the box's record, and writes the released bytes or nothing. Whoever
reads the record may be attacked by it and holds it in memory: so nobody else reads it, and this process is wiped.
With `closed` it closes itself before it reads anything.
"""

import os
import sys

from bargaining.agenda import Agenda
from bargaining.agreement import NoDeal
from bargaining.issue import BooleanIssue, CategoricalIssue, IntegerIssue
from sandbox import frame, record
from sandbox.export import release

_LARGEST_AGENDA_BYTES = 4 * 2**20
_REHEARSED = Agenda(
    title="rehearsal",
    roles=("one", "other"),
    rounds=1,
    issues=(
        IntegerIssue(name="number", minimum=0, maximum=1),
        CategoricalIssue(name="option", options=("some", "more")),
        BooleanIssue(name="switch"),
    ),
)


def admit(agenda: Agenda, said: bytes) -> bytes:
    """The released bytes of what a box said.

    Raises:
        ExportError: It is not a result of the agenda.
    """
    return release(record.read(said, agenda), agenda)


def read_all(fd: int, most: int) -> bytes:
    """What can be read until the end, but not more than a byte too many."""
    data = bytearray()
    while len(data) <= most and (chunk := os.read(fd, most + 1 - len(data))):
        data += chunk
    return bytes(data)


def main() -> None:
    """Admit one record. Nothing is said about why one is refused."""
    control_fd, record_fd, release_fd = map(int, sys.argv[1:4])
    if sys.argv[4:] == ["closed"]:
        from sandbox.isolation.harden import harden  # noqa: PLC0415 - also where nothing can be closed

        admit(
            _REHEARSED, record.write(NoDeal(), _REHEARSED)
        )  # what is loaded at first use cannot be loaded later
        harden()
    try:
        agenda = Agenda.model_validate_json(frame.receive(control_fd, _LARGEST_AGENDA_BYTES))
        released = admit(agenda, read_all(record_fd, record.LARGEST_BYTES))
        while released:
            released = released[os.write(release_fd, released) :]
    except BaseException:  # noqa: BLE001, S110 - whatever it is: it holds what the box said, and this has to be wiped
        pass
    os.close(release_fd)
    frame.wait_for_end(control_fd)
    os._exit(0)


if __name__ == "__main__":
    main()
