"""Residue: is anything of a brief left once a boxed run has ended?

Arms: the ways to end of `evals.leftover`, behind the strongest walls that this machine can build. The briefs are a
made-up sale full of a canary and the models are scripted: the models, prompts and scenarios of the sweep play no part.
`clean` is yes if all checks of the purge are ok and memory, living processes, files and outputs are clean; it is no if
one is not, and else unknown. Each of them is told by itself too, and so are `disk`, which takes root, and `swap`.
Control: a careless box without walls must be found to leave a file. The instruments have controls of their own, and
what they cannot do here is unknown.
It starts processes with walls of their own: it cannot run inside a box.
Not covered: see `evals.leftover`; `python -m evals.aftermath` has many more ways to end.
"""

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence

from bargaining.errors import PurgeError, SandboxError
from evals.case import CONTROL, Case, Missing, Row, Verdict
from evals.leftover import ENDINGS, Left, look
from evals.statistics import Figure
from evals.suite import Control, Request, Suite, rate_of
from evals.walled import CARELESS
from sandbox import host
from sandbox.isolation import ladder

CONTROL_ARM = "careless control"
SALE = "canary sale"
"""What rows call the scenario."""
_ALWAYS = ("memory", "living", "files", "shown")
"""The instruments that anybody can use."""
_MORE = ("disk", "swap")
_CHECKS = ("wiped-box", "wiped-broker", "wiped-gate", "wiped-sealer", "processes-gone", "no-core-dump", "no-swap",
           "tracing-off", "no-files")  # fmt: skip
_NOT_PURGED = PurgeError.__name__
_ENDED = (*ENDINGS, _NOT_PURGED)
_SAYS: Mapping[str, Verdict] = {
    "ok": "yes",
    "clean": "yes",
    "failed": "no",
    "found": "no",
    "unmeasured": "unknown",
}


class Residue:
    """See the module."""

    name = "residue"
    about = "whether anything of a brief is left once a boxed run has ended"
    boxed = False

    def cases(self, request: Request) -> Sequence[Case]:
        """Endings and seeds, and the control."""
        arms = [(arm, seed) for arm in ENDINGS for seed in request.seeds]
        return [
            Case(suite=self.name, arm=arm, scenario=SALE, model=CONTROL, seed=seed)
            for arm, seed in (*arms, (CONTROL_ARM, request.seed))
        ]

    async def run(self, case: Case, request: Request) -> Row:  # noqa: ARG002 - nothing in it plays a part
        """Hold one run, and look for what it left."""
        began = time.monotonic()
        left: Left | None = None
        missing: Missing | None = None
        walls = await asyncio.to_thread(_walls, case.arm)
        if walls is None:
            return Row(case=case, missing="box", verdicts={"clean": "unknown"})
        stop = threading.Event()
        ending = "agreement" if case.arm == CONTROL_ARM else case.arm
        looking = asyncio.ensure_future(asyncio.to_thread(look, ending, walls, stop))
        try:
            left = await asyncio.shield(looking)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait([looking])  # until its processes have ended
            looking.exception()
            raise
        except (SandboxError, OSError):
            missing = "box"
        except Exception:  # noqa: BLE001 - whatever it is, it may hold the canary; and it is no result
            missing = "unforeseen"
        verdicts: Mapping[str, Verdict] = {"clean": "unknown"} if left is None else _told(left, ending)
        if left and left.ended not in _ENDED and verdicts["clean"] != "no":
            missing, verdicts = (
                "box",
                {"clean": "unknown"},
            )  # it broke, and that nothing was found means nothing
        seconds = round(time.monotonic() - began, 3)
        return Row(case=case, missing=missing, verdicts=dict(verdicts), seconds=seconds)

    def metrics(self, rows: Sequence[Row]) -> Mapping[str, Figure]:
        """How often a run was clean, by all, by instrument, by check of the purge and by ending."""
        some = [row for row in rows if row.case.arm in ENDINGS]
        figures = {name: rate_of(some, name) for name in ("clean", "due")}
        figures |= {f"clean.{name}": rate_of(some, f"clean.{name}") for name in (*_ALWAYS, *_MORE)}
        figures |= {f"purge.{name}": rate_of(some, f"purge.{name}") for name in _CHECKS}
        for arm in ENDINGS:
            here = [row for row in some if row.case.arm == arm]
            figures[f"clean.after.{arm.replace(' ', '-')}"] = rate_of(here, "clean")
        return figures

    def controls(self, rows: Sequence[Row]) -> Sequence[Control]:
        """What a careless box leaves must be found."""
        expected: Mapping[str, Verdict] = {"clean": "no", "clean.files": "no"}
        return (Control.of("a box that keeps a brief is found out", rows, CONTROL_ARM, expected),)


def _walls(arm: str) -> str | None:
    """None: this machine cannot build any."""
    if arm == CONTROL_ARM:
        return CARELESS
    return next((level for level in ladder.available(host.gather()) if level != "none"), None)


def _told(left: Left, ending: str) -> dict[str, Verdict]:
    found = {f"clean.{name}": _SAYS[finding.result] for name, finding in left.findings.items()}
    purged = {
        f"purge.{name.replace(' ', '-')}": _SAYS.get(result, "unknown")
        for name, result in left.checks.items()
    }
    counted = [*purged.values(), *(found[f"clean.{name}"] for name in _ALWAYS)]
    if left.ended == _NOT_PURGED:  # then its checks are not told
        counted.append("no")
    if not purged:
        counted.append("unknown")
    clean: Verdict = "no" if "no" in counted else "unknown" if "unknown" in counted else "yes"
    due: Verdict = "yes" if left.ended == ending else "no"
    return {"clean": clean, "due": due, **found, **purged}


SUITE: Suite = Residue()
