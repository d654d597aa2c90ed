"""A file with both briefs, of which the process that starts the box reads nothing: a sealer does, in one of its own.

Covered: the sealer is wiped and ended on every way out, at the latest when the block around it ends.
Not covered: the file, which stays where it is, and in the kernel's cache of files.
"""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from pydantic import ValidationError

from bargaining.errors import InvalidInputError, SandboxError
from delegates import scenario
from delegates.scenario import Outline
from sandbox import frame, purge
from sandbox.host import Facts
from sandbox.isolation.interface import Child, Isolation, Room
from sandbox.job import LARGEST_BYTES, Job
from sandbox.seal import PublicKey
from sandbox.sealer import ANSWERS, Answer, Fits, Fitting, Problem, Public, Sealing

SEALER = "sealer"
_ROOM = Room(False, (), 4 * 2**30, 600, 1)
_Expected = TypeVar("_Expected", Public, Fits)
_GONE = "the process that reads the scenario ended too early: 'negbox doctor' says what this machine lacks"


class ScenarioFile:
    """The briefs of a scenario, in the hands of a sealer. Made by `opened`. A `Briefing`.

    Args:
        child: The sealer.
        line: To it.
        name: What messages call the file.
    """

    not_covered: tuple[str, ...] = ()

    def __init__(self, child: Child, line: socket.socket, name: str) -> None:
        self.children: Mapping[str, Child] = MappingProxyType({SEALER: child})
        self._line = line
        answer = self._ask(name.encode(), Public)
        self.outline: Outline = answer.outline
        """All of the scenario but its briefs."""
        self.used = False
        """Whether the briefs have been asked for: then whoever asked has to wipe the sealer."""

    def check(self, job: Job) -> None:
        """See `Briefing.check`."""
        self._ask(Fitting(job=job).model_dump_json().encode(), Fits)

    async def seal(self, job: Job, key: PublicKey) -> Sequence[bytes]:
        """See `Briefing.seal`."""
        self.used = True
        self._line.setblocking(False)
        await frame.send_to(self._line, Sealing(job=job, key=key).model_dump_json().encode())
        sealed = [await frame.receive_from(self._line, LARGEST_BYTES) for _ in job.agenda.roles]
        if not all(sealed):
            raise SandboxError(_GONE)
        return [each for each in sealed if each]

    def _ask(self, question: bytes, kind: type[_Expected]) -> _Expected:
        """Put a question, and wait as long as it takes: Ctrl-C ends that.

        Raises:
            InvalidInputError: The file or a brief cannot be used.
            SandboxError: The sealer has gone.
        """
        answer: Answer | None = None
        with suppress(OSError, ValidationError, SandboxError):
            frame.send(self._line.fileno(), question)
            answer = ANSWERS.validate_json(frame.receive(self._line.fileno(), LARGEST_BYTES))
        if isinstance(answer, Problem):
            raise InvalidInputError("\n".join(map(_shown, answer.problem.splitlines())))
        if not isinstance(answer, kind):
            raise SandboxError(_GONE)
        return answer


@contextmanager
def opened(isolation: Isolation, file: str | Path, facts: Facts) -> Iterator[ScenarioFile]:
    """Have a sealer read a scenario, from a file or a shipped one by its name.

    Args:
        isolation: What its walls are made of.
        file: The file, or the name.
        facts: About this machine, as they were before.

    Raises:
        InvalidInputError: The file cannot be opened, or is not a scenario: with up to ten problems, one a line.
        SandboxError: The sealer cannot be started, or ends too early.
        PurgeError: It could not be wiped, and the file had been read.
    """
    closed = () if isolation.level == "none" else ("closed",)
    with ExitStack() as ours:
        with scenario.found(file) as (stream, name):
            line, theirs = socket.socketpair()
            ours.enter_context(line)
            with theirs:
                fds = (theirs.fileno(), stream.fileno())
                child = isolation.spawn("sandbox.sealer", [*map(str, fds), *closed], fds, _ROOM)
        lost, held = False, None
        try:
            try:
                held = ScenarioFile(child, line, name)
            except SandboxError:
                lost = True
                raise
            yield held
        finally:
            if held is not None and held.used and not child.alive:  # the run's own purge has ended it
                child.kill()  # and reaped it, unless there was no run
            else:
                checks = purge.purge({SEALER: child}, facts)
                if not lost:  # that it is gone is being said
                    purge.insist(checks, isolation.level)


def _shown(line: str) -> str:
    return "".join(character for character in line if character.isprintable())
