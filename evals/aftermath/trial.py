"""One trial: a run by real commands, ended in one way, and what the instruments then say.

Covered: a canary of its own; who holds it while the run lives, which shows that the instruments can look there; the
whole command with its walls; whether it ended as it was due to. Not covered: whether the terms are right; other tests
see to that.
"""

import os
import signal
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from delegates.scenario import load
from evals.aftermath import family, instrument, outcome, scenario
from evals.aftermath.ending import Ending
from evals.aftermath.instrument import Finding, Instrument
from evals.aftermath.place import place
from evals.aftermath.run import Ran, run
from sandbox import host
from sandbox.fact import Known
from sandbox.host import Facts
from sandbox.isolation import ladder

GONE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one ending."""

    ending: str
    codes: Mapping[str, int]
    """The exit code of each command; -N if signal N ended it. Empty: there was no run like this."""
    seconds: float
    held: Mapping[str, bool | None]
    """Who held the canary at the halt, if there was one; None: it could not be read."""
    findings: Mapping[Instrument, Finding]
    wrong: tuple[str, ...] | None = None
    """What of its end was not as it is due. None: that cannot be said."""


def hold(ending: Ending, facts: Facts) -> Trial:
    """Hold a trial.

    Args:
        ending: How the run ends.
        facts: About this machine.

    Raises:
        SandboxError: The run did not come to where it was to be ended, or did not end.
    """
    canary = scenario.canary()
    begun, swapped = time.time() - 1, host.swapped_out_pages()
    with ExitStack() as closing:
        closing.enter_context(family.adopting())
        folder = Path(tempfile.mkdtemp(prefix="aftermath-"))
        where = closing.enter_context(place(folder))
        control = closing.enter_context(instrument.holder(canary, where.control))
        known = set(family.below(os.getpid()))
        file, script = scenario.write(where.principal, canary)
        started = time.monotonic()
        ran = run(ending, canary, where, file, script)
        seconds = time.monotonic() - started
        left = family.survivors(known, GONE_SECONDS)
        result = outcome.read(where.out, where.home, load(file).agenda)
        wrong = problems(ending, ran, result) if _strict(facts) else None
        findings: dict[Instrument, Finding] = {
            "memory": instrument.memory(canary, left, control.pid),
            "living": instrument.living(canary, ran.looks, control.pid),
            "files": instrument.files(canary, where, begun),
            "cores": instrument.cores(canary, where, begun, control),
            "disk": instrument.disk(canary, where),
            "swap": instrument.swap(canary, swapped),
            "shown": instrument.shown(canary, ran.said),
        }
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        family.reap(known)
    held = {look.who: look.holds for look in ran.looks if look.when == f"at {ending.phase}"}
    return Trial(ending.name, ran.codes, seconds, held, findings, wrong)


def problems(ending: Ending, ran: Ran, result: str) -> tuple[str, ...]:
    """What of an end is not as it is due.

    Args:
        ending: How the run was to end.
        ran: How it did.
        result: What was left where results are written.
    """
    found = [
        f"exit code {ran.codes.get(name)} of {name}, not {code}"
        for name, code in ending.due.codes.items()
        if ran.codes.get(name) != code
    ]
    if result != ending.due.result:
        found.append(f"there is {result}, not {ending.due.result}")
    return (*found, *(f"when {name} was about to end, processes of it were not" for name in ran.strays))


def _strict(facts: Facts) -> bool:
    """Whether all that was not wiped counts as left: elsewhere more may be released."""
    zeroed = isinstance(facts.init_on_free, Known) and facts.init_on_free.value
    return "bwrap" in ladder.available(facts) and not zeroed
