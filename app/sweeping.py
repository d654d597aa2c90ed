"""`negbox eval run`: reads what is to be run, sweeps, holds the gates against it, and shows what it came to."""

import asyncio
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from app import exits, results
from app.choices import STRONGEST
from app.figures import show, summary
from app.progress import clock_text, shown
from app.runner import runner_of
from bargaining.errors import InvalidInputError
from delegates.models.price import price_of
from evals import gate, report, store, suites, transcripts
from evals.case import Case, Row
from evals.findings import checks as checked
from evals.findings import findings
from evals.grid import cases_of, plan_of, request_of
from evals.suite import Request, Suite
from evals.sweep import Standing, sweep

FAILED = 1
"""The exit code if a gate failed or a control did not land."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for on the command line."""

    suites: tuple[str, ...]
    models: tuple[str, ...]
    prompts: tuple[str, ...]
    scenarios: tuple[str, ...]
    against: tuple[str, ...] = ()
    attacks: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    judge: str | None = None
    epochs: int = 1
    seed: int = 0
    coarsen: int = 1
    concurrency: int = 8
    max_usd: float | None = None
    fail_if: tuple[str, ...] = ()
    junit: Path | None = None
    out: Path | None = None
    resume: bool = False
    keep_transcripts: bool = False
    isolation: str = STRONGEST
    engine: str = "local"
    address: str | None = None
    as_json: bool = False
    quiet: bool = False


_Result = TypeVar("_Result")


class SweepView:
    """One line that tells how far a sweep is."""

    def __init__(self) -> None:
        self._standing: Standing | None = None

    def observe(self, standing: Standing, /) -> None:
        """Take note of a row."""
        self._standing = standing

    @property
    def line(self) -> str:
        """The line as it is now."""
        if (now := self._standing) is None:
            return "starting"
        left = "?" if now.left_seconds is None else clock_text(now.left_seconds)
        usd = "cost unknown" if now.usd is None else f"${now.usd:.2f}"
        return (
            f"{now.done} of {now.total} negotiations, {now.missing} without a result, {usd}, "
            f"{now.rate:.1f} a second, {left} left"
        )


class Folder:
    """What stands beside the rows in the folder of a sweep: how far it is, its scenarios' frontiers, its report.

    Args:
        folder: Where.
        total: How many negotiations there are.
    """

    EVERY_SECONDS = 0.5

    def __init__(self, folder: Path, total: int) -> None:
        self._folder = folder
        self._total = total
        self._last = float("-inf")
        self._standing: Standing | None = None

    def begin(self, request: Request, done: int) -> None:
        """Say that it runs."""
        self._put(report.STAGES, report.stages(request))
        self.observe(Standing(done, 0, self._total, None, 0.0, 0))

    def observe(self, standing: Standing) -> None:
        """Take note of a row."""
        self._standing = standing
        if time.monotonic() >= self._last + self.EVERY_SECONDS:
            self._tell(ended=False)

    def end(self) -> None:
        """Say that it does not run any more, and write the report of what is there."""
        self._tell(ended=True)
        report.write(self._folder)

    def _tell(self, *, ended: bool) -> None:
        self._last = time.monotonic()
        now = self._standing
        assert now is not None, "it has begun"
        told = {"done": now.done, "missing": now.missing, "usd": now.usd, "left_seconds": now.left_seconds}
        with suppress(OSError):  # a full disk is the store's to tell
            self._put(store.PROGRESS, {"total": self._total, **told, "ended": ended})

    def _put(self, name: str, content: Mapping[str, Any]) -> None:
        store.replaced(self._folder / name, json.dumps(content))


def run_suites(options: Options) -> int:
    """Sweep, and say what came of it.

    Returns:
        The exit code: 0; 1 if a gate failed or a control did not land; 4 if the money did not suffice.

    Raises:
        InvalidInputError: Something that was asked for is not there or cannot be used.
    """
    chosen = {name: suites.load(name) for name in dict.fromkeys(options.suites)}
    gates = [gate.parse(text) for text in options.fail_if]
    if gates:
        gate.require(gates, {name for suite in chosen.values() for name in suite.metrics(())})
    request = request_of(
        options.models,
        prompts=options.prompts,
        scenarios=options.scenarios,
        against=options.against,
        attacks=options.attacks,
        judge=options.judge,
        epochs=options.epochs,
        seed=options.seed,
        coarsen=options.coarsen,
    )
    _check(options, request)
    cases = cases_of(list(chosen.values()), request, options.arms)
    plan = plan_of(
        request,
        options.suites,
        arms=options.arms,
        isolation=options.isolation,
        transcripts=options.keep_transcripts,
    )
    started, began = datetime.now(UTC), time.monotonic()
    rows = _rows(options, chosen, cases, request, plan)
    found = findings(chosen, rows)
    checks = checked(gates, found, chosen, rows)
    if whole := len(rows) == len(cases):
        code = exits.OK if all(check.passed for check in checks) else FAILED
    else:
        code = exits.LIMITS
        checks = tuple(gate.undecided(check, f"{len(rows)} of {len(cases)} negotiations") for check in checks)
    if options.junit:
        seconds = time.monotonic() - began
        document = gate.junit(checks, started, dict.fromkeys((check.suite for check in checks), seconds))
        with suppress(OSError):  # then it is still there, and that is said
            options.junit.unlink(missing_ok=True)
        results.put(options.junit, document, "choose another name with --junit")
    if options.as_json:
        sys.stdout.write(json.dumps(summary(found, checks, rows)) + "\n")
    else:
        show(found, checks)
        if options.out:
            sys.stdout.write(
                f"{options.out / report.PAGE}: to look at it; 'negbox view {options.out}' serves it\n"
            )
    if not whole:
        exits.say(
            f"Stopped at --max-cost: {len(rows)} of {len(cases)} negotiations. No gate was decided. Allow more"
            + (" and go on with --resume." if options.out else ", and keep what is done with --out.")
        )
    return code


def _check(options: Options, request: Request) -> None:
    """What can be wrong with options that are not about the grid.

    Raises:
        InvalidInputError: Something is.
    """
    if options.junit and not options.junit.parent.is_dir():
        raise InvalidInputError(
            f"--junit {options.junit}: there is no such folder; make it, or choose another"
        )
    if options.keep_transcripts and options.out is None:
        raise InvalidInputError("--keep-transcripts: there is nowhere to keep them; add --out DIR")
    if options.max_usd is None:
        return
    if not options.max_usd > 0 or math.isinf(options.max_usd):
        raise InvalidInputError("--max-cost: expected US dollars above 0, such as 0.50")
    judge = () if request.judge is None else (request.judge,)
    for spec in (*request.models, *request.against, *judge):
        if spec.provider != "tactic" and price_of(spec) is None:
            raise InvalidInputError(
                f"--max-cost: the price of {spec.public} is not known, so nobody could tell when to stop; leave it out"
            )


def _rows(
    options: Options,
    chosen: Mapping[str, Suite],
    cases: Sequence[Case],
    request: Request,
    plan: Mapping[str, Any],
) -> tuple[Row, ...]:
    """Sweep, and show how far it is."""
    with _folder(options) as folder, store.opened(folder, plan, resume=options.resume) as kept:
        if options.keep_transcripts:
            request = replace(request, keep=transcripts.keeper(folder))
        view, home = SweepView(), Folder(folder, len(cases))
        home.begin(request, len(kept.rows))
        with shown(view, Console(stderr=True), quiet=options.quiet or options.as_json) as observe:

            def seen(standing: Standing) -> None:
                observe(standing)
                home.observe(standing)

            def cut() -> str:
                where = (
                    f" in {options.out}: go on with --resume"
                    if options.out
                    else " nowhere: there was no --out"
                )
                return f"Interrupted: {len(kept.rows)} of {len(cases)} are kept{where}."

            try:
                interruptibly(_swept(chosen, cases, request, kept, options, seen), cut)
            finally:
                if options.out:
                    home.end()
        return kept.rows


@contextmanager
def _folder(options: Options) -> Iterator[Path]:
    if options.out is not None:
        yield options.out
        return
    if options.resume:
        raise InvalidInputError("--resume: there is nothing to go on with; add --out DIR")
    with tempfile.TemporaryDirectory(prefix="negbox-eval-") as folder:
        yield Path(folder)


async def _swept(
    chosen: Mapping[str, Suite],
    cases: Sequence[Case],
    request: Request,
    kept: store.Store,
    options: Options,
    observe: Callable[[Standing], None],
) -> None:
    async with runner_of(
        options.isolation, chosen, request, engine=options.engine, address=options.address
    ) as run:
        await sweep(
            cases,
            run,
            kept,
            concurrency=options.concurrency,
            embedded=1 if options.engine == "local" else options.concurrency,
            most_usd=options.max_usd,
            observe=observe,
        )


def interruptibly(work: Coroutine[Any, Any, _Result], told: Callable[[], str]) -> _Result:
    """Run it to its end, or until Ctrl-C, and return what it returns.

    Args:
        work: What is run.
        told: What is said if it is interrupted.

    Raises:
        KeyboardInterrupt: It was interrupted.
    """

    async def run() -> _Result:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(work)
        with exits.interruptible(lambda: loop.call_soon_threadsafe(task.cancel)) as received:
            try:
                return await task
            except asyncio.CancelledError:
                if not received:
                    raise
                exits.say(told())
                raise KeyboardInterrupt from None

    return asyncio.run(run())
