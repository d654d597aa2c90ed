"""What a boxed run leaves: a made-up sale with a canary in its briefs, run for real, ended, and looked for.

Covered: how it ended; what the checks of its purge say; the canary in whoever survives, in the supervisor, in files
that changed, on the raw disk, in swap, in what was shown. Each instrument has a control of its own: what it cannot do
here is unmeasured. While a run is about to be cancelled, box, broker and sealer must be seen to hold the canary.
Not covered: signals and deaths of processes, two parties, core dumps: `python -m evals.aftermath`; memory that no
process holds.
"""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import evals
from bargaining.errors import SandboxError
from evals.aftermath import family, instrument, scenario
from evals.aftermath.ending import CHILDREN, Play
from evals.aftermath.instrument import Finding, Look
from evals.aftermath.place import Place, place
from evals.scan import Search
from sandbox import host

ENDINGS: Mapping[str, Play] = {
    "agreement": "agree",
    "no deal": "walk away",
    "model error": "refuse",
    "cancelled": "agree",
}
"""What the buyer's model server does for each. Who cancels does so while it is being asked."""
HOLDERS = ("sealer", "box", "broker")
"""Who holds the canary while a model is asked."""
_START_SECONDS, _END_SECONDS, _GONE_SECONDS = 60.0, 60.0, 1.0
_LONGEST_TELLING = 1 << 16


@dataclass(frozen=True, slots=True)
class Left:
    """What came of a run."""

    ended: str
    """A name of `ENDINGS`, or the type of an error."""
    checks: Mapping[str, str]
    """What the purge says: ok, failed or unmeasured, by name."""
    findings: Mapping[str, Finding]
    """What our instruments say, by name."""


def look(ending: str, walls: str, stop: threading.Event) -> Left:
    """Run, end, and look. Blocks for some seconds.

    Args:
        ending: A name of `ENDINGS`.
        walls: `bwrap`, `landlock` or `careless`: see `evals.walled`.
        stop: Give up as soon as this is set.

    Raises:
        SandboxError: It did not come to its end, or was given up.
        OSError: The folders cannot be made.
    """
    canary = scenario.canary()
    begun, swapped = time.time() - 1, host.swapped_out_pages()
    looks: list[Look] = []
    asked, go_on = threading.Event(), threading.Event()

    def halt() -> None:
        asked.set()
        if ending == "cancelled":
            go_on.wait(_END_SECONDS)

    with ExitStack() as closing:
        where = closing.enter_context(place(Path(tempfile.mkdtemp(prefix="leftover-"))))
        control = closing.enter_context(instrument.holder(canary, where.control))
        file, script = scenario.write(where.principal, canary)
        server = closing.enter_context(scenario.server(ENDINGS[ending], halt))
        closing.callback(go_on.set)  # before the server closes, which waits for it
        models = (f"scripted/{script}", f"openai/any@{server.base_url}")
        run = closing.enter_context(_started([walls, str(file), *models], where, stop))
        if ending == "cancelled":
            run.wait(asked.is_set, _START_SECONDS)
            for name, pid in family.members(run.pid, CHILDREN, _START_SECONDS).items():
                looks.append(instrument.look(canary, name, pid, "at turns", due=name in HOLDERS))
            run.say()
        told = run.told()
        left = run.survivors()
        looks.append(instrument.look(canary, "supervisor", run.pid, "at its end", due=False))
        memory = instrument.memory(canary, left, control.pid)
        said = run.end(left)
        findings = {
            "memory": memory,
            "living": instrument.living(canary, looks, control.pid),
            "files": instrument.files(canary, where, begun),
            "shown": instrument.shown(canary, said),
            "disk": instrument.disk(canary, where),
            "swap": instrument.swap(canary, swapped),
        }
        # what is told is kept, so it must hold names only
        if Search(canary).holds(json.dumps(told).encode()):
            raise SandboxError("the run told more than names")
        return Left(str(told["ended"]), dict(told["checks"]), findings)


class _Run:
    """A run under way in a process of its own. Made by `_started`."""

    def __init__(self, process: "subprocess.Popen[bytes]", stop: threading.Event) -> None:
        self._process, self._stop = process, stop
        self._said = b""
        self.pid = process.pid

    def wait(self, there: Callable[[], bool], seconds: float) -> None:
        """Until something is there.

        Raises:
            SandboxError: It does not come, or the wait is given up.
        """
        until = time.monotonic() + seconds
        while not there():
            if self._stop.is_set() or time.monotonic() > until or self._process.poll() is not None:
                raise SandboxError("the run did not come that far")
            time.sleep(0.02)

    def say(self) -> None:
        """A line: it cancels the run, or ends the process if that is over."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()

    def told(self) -> dict[str, Any]:
        """What it tells once it is over.

        Raises:
            SandboxError: Nothing.
        """
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()

        def there() -> bool:
            if select.select([descriptor], [], [], 0.05)[0]:
                self._said += os.read(descriptor, _LONGEST_TELLING)
            return any(line.startswith(b'{"ended"') for line in self._said.split(b"\n")[:-1])

        self.wait(there, _END_SECONDS)
        line = next(line for line in self._said.split(b"\n") if line.startswith(b'{"ended"'))
        found: dict[str, Any] = json.loads(line)
        return found

    def survivors(self) -> list[int]:
        """Whom it has started and who are still there, though it is over."""
        until = time.monotonic() + _GONE_SECONDS
        while (left := family.below(self.pid)) and time.monotonic() < until and not self._stop.is_set():
            time.sleep(0.02)
        return left

    def end(self, left: list[int]) -> bytes:
        """End it, and whoever survived; all that was shown.

        Raises:
            SandboxError: It does not end.
        """
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            return self._said + self._process.communicate(b"\n", timeout=_END_SECONDS)[0]
        raise SandboxError("the run did not end")


@contextmanager
def _started(arguments: list[str], where: Place, stop: threading.Event) -> Iterator[_Run]:
    modules = [str(Path(evals.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(  # noqa: S603 - our own
        [sys.executable, "-B", "-m", "evals.walled", *arguments],
        cwd=where.cwd,
        env={**os.environ, **where.environment, "PYTHONPATH": os.pathsep.join(modules)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    with process:
        try:
            yield _Run(process, stop)
        finally:
            if process.poll() is None:  # cut short: who it started ends with it, or at the latest here
                for pid in [*family.below(process.pid), process.pid]:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
