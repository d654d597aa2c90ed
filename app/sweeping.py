"""`negbox eval run`: reads what is to be run, sweeps, holds the gates against it, and shows what it came to."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.spinner import Spinner
from rich.text import Text

from app import exits, results
from app.figures import of_suite, show, summary
from app.grid import Options, plan_of, request_of
from app.progress import clock_text, shown
from bargaining.errors import InvalidInputError
from evals import gate, store, suites, transcripts
from evals.case import Case
from evals.engines import Engines
from evals.suite import Request, Suite
from evals.sweep import Standing, here, sweep

FAILED = 1
"""The exit code if a gate failed or a control did not land."""


class SweepView:
    """One line that tells how far a sweep is."""

    def __init__(self) -> None:
        self._standing: Standing | None = None
        self._spinner = Spinner("dots")

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

    def __rich__(self) -> Spinner:
        self._spinner.update(text=Text(self.line))
        return self._spinner


class Told:
    """Tells `negbox view` how far a sweep is: a small file in the folder of results.

    Args:
        folder: Where.
        total: How many negotiations there are.
    """

    EVERY_SECONDS = 0.5

    def __init__(self, folder: Path, total: int) -> None:
        self._file = folder / "progress.json"
        self._total = total
        self._last = float("-inf")

    def __call__(self, standing: Standing) -> None:
        """Write it, if that is not too soon."""
        now = time.monotonic()
        if standing.done < self._total and now < self._last + self.EVERY_SECONDS:
            return
        self._last = now
        partial = self._file.with_suffix(".part")
        with suppress(OSError):  # a full disk is the store's to tell
            partial.write_text(
                json.dumps({
                    "total": self._total,
                    "done": standing.done,
                    "missing": standing.missing,
                    "usd": standing.usd,
                    "left_seconds": standing.left_seconds,
                }),
                "utf-8",
            )  # fmt: skip
            partial.replace(self._file)


def run_suites(options: Options) -> int:
    """Sweep, and say what came of it.

    Returns:
        The exit code: 0, or 1 if a gate failed or a control did not land.

    Raises:
        InvalidInputError: Something that was asked for is not there or cannot be used.
    """
    chosen = {name: suites.load(name) for name in dict.fromkeys(options.suites)}
    gates = [gate.parse(text) for text in options.fail_if]
    if gates:
        gate.require(gates, {name for suite in chosen.values() for name in suite.metrics(())})
    if options.junit and not options.junit.parent.is_dir():
        raise InvalidInputError(
            f"--junit {options.junit}: there is no such folder; make it, or choose another"
        )
    request = request_of(options)
    cases = [case for suite in chosen.values() for case in suite.cases(request)]
    started, began = datetime.now(UTC), time.monotonic()
    plan = plan_of(options, request)
    with _folder(options) as folder, store.opened(folder, plan, resume=options.resume) as kept:
        if options.keep_transcripts:
            request = replace(request, keep=transcripts.keeper(folder))
        view, told = SweepView(), Told(folder, len(cases))
        told(Standing(len(kept.rows), 0, len(cases), None, 0.0, 0))
        with shown(view, Console(stderr=True), quiet=options.quiet or options.as_json) as observe:

            def seen(standing: Standing) -> None:
                observe(standing)
                told(standing)

            _interruptibly(chosen, cases, request, kept, options, seen)
        rows = kept.rows
    metrics = {name: suite.metrics(of_suite(rows, name)) for name, suite in chosen.items()}
    controls = {name: suite.controls(of_suite(rows, name)) for name, suite in chosen.items()}
    checks = gate.checks(gates, metrics, controls)
    if options.junit:
        document = gate.junit(checks, started, dict.fromkeys(chosen, time.monotonic() - began))
        with suppress(OSError):  # then it is still there, and that is said
            options.junit.unlink(missing_ok=True)
        results.put(options.junit, document, "choose another name with --junit")
    if options.as_json:
        sys.stdout.write(json.dumps(summary(metrics, checks, rows)) + "\n")
    else:
        show(chosen, metrics, checks, rows)
    return exits.OK if all(check.passed for check in checks) else FAILED


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
    engines = Engines()
    try:
        await sweep(
            cases,
            here(chosen, replace(request, open=engines.open)),
            kept,
            concurrency=options.concurrency,
            most_usd=options.max_usd,
            observe=observe,
        )
    finally:
        await asyncio.shield(engines.close())


def _interruptibly(
    chosen: Mapping[str, Suite],
    cases: Sequence[Case],
    request: Request,
    kept: store.Store,
    options: Options,
    observe: Callable[[Standing], None],
) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(_swept(chosen, cases, request, kept, options, observe))
        with exits.interruptible(lambda: loop.call_soon_threadsafe(task.cancel)) as received:
            try:
                await task
            except asyncio.CancelledError:
                if not received:
                    raise
                told = (
                    f" in {options.out}: go on with --resume"
                    if options.out
                    else " nowhere: there was no --out"
                )
                exits.say(f"Interrupted: {len(kept.rows)} of {len(cases)} are kept{told}.")
                raise KeyboardInterrupt from None

    asyncio.run(run())
