"""`negbox eval run`: reads what is to be run, sweeps, holds the gates against it, and shows what it came to."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from app import exits, results
from app.progress import clock_text, shown
from bargaining.errors import InvalidInputError
from delegates.models.spec import parse
from delegates.prompt import PromptPack
from delegates.scenario import Scenario, agenda_yaml, load, shipped
from evals import gate, store, suites
from evals.case import Row
from evals.gate import Check
from evals.statistics import Figure
from evals.suite import Request, Suite
from evals.sweep import Standing, sweep
from sandbox.export import digest

FAILED = 1
"""The exit code if a gate failed or a control did not land."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for on the command line."""

    suites: tuple[str, ...]
    models: tuple[str, ...]
    prompts: tuple[str, ...]
    scenarios: tuple[str, ...]
    epochs: int = 1
    seed: int = 0
    concurrency: int = 8
    max_usd: float | None = None
    fail_if: tuple[str, ...] = ()
    junit: Path | None = None
    out: Path | None = None
    resume: bool = False
    as_json: bool = False
    quiet: bool = False


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
    request = _request(options)
    cases = [case for suite in chosen.values() for case in suite.cases(request)]
    started, began = datetime.now(UTC), time.monotonic()
    plan = _plan(options, request)
    with _folder(options) as folder, store.opened(folder, plan, resume=options.resume) as kept:
        view = SweepView()
        with shown(view, Console(stderr=True), quiet=options.quiet or options.as_json) as observe:
            _interruptibly(chosen, cases, request, kept, options, observe)
        rows = kept.rows
    metrics = {name: suite.metrics(_of(rows, name)) for name, suite in chosen.items()}
    controls = {name: suite.controls(_of(rows, name)) for name, suite in chosen.items()}
    checks = gate.checks(gates, metrics, controls)
    if options.junit:
        told = gate.junit(checks, started, dict.fromkeys(chosen, time.monotonic() - began))
        with suppress(OSError):  # then it is still there, and that is said
            options.junit.unlink(missing_ok=True)
        results.put(options.junit, told, "choose another name with --junit")
    if options.as_json:
        sys.stdout.write(json.dumps(_summary(metrics, checks, rows)) + "\n")
    else:
        _show(chosen, metrics, checks, rows)
    return exits.OK if all(check.passed for check in checks) else FAILED


def _request(options: Options) -> Request:
    packs = {pack: PromptPack.load(pack) for pack in options.prompts}
    models = [parse(text) for text in options.models]
    if any(spec.provider == "tactic" for spec in models):
        raise InvalidInputError("--model: a tactic has no model to evaluate; name a language model")
    if len({spec.public for spec in models}) < len(models):
        raise InvalidInputError(
            "--model: two of them look the same without paths and addresses; run them apart"
        )
    return Request(
        models=models,
        prompts={f"{pack.name} {pack.digest[:8]}": pack for pack in packs.values()},
        scenarios=_scenarios(options.scenarios),
        epochs=options.epochs,
        seed=options.seed,
    )


def _scenarios(names: Sequence[str]) -> dict[str, Scenario]:
    found: dict[str, Scenario] = {}
    for name, scenario in _read(names):
        if name in found:
            raise InvalidInputError(f"--scenarios: two are called {name}; rename one, or run them apart")
        found[name] = scenario
    return found


def _read(names: Sequence[str]) -> Iterator[tuple[str, Scenario]]:
    for name in names:
        files: list[str | Path] = [name]
        if name not in shipped() and Path(name).is_dir():
            files = sorted(Path(name).glob("*.yaml"))
            if not files:
                raise InvalidInputError(f"{name}: there is no scenario in this folder (*.yaml)")
        for file in files:
            scenario = load(file)
            if not scenario.synthetic:
                raise InvalidInputError(
                    f"{file}: evaluations use made-up briefs only; if all of this one is made up, write "
                    "`synthetic: true` at the top level of the file"
                )
            yield Path(file).stem, scenario


def _plan(options: Options, request: Request) -> Mapping[str, Any]:
    """What decides the rows: a folder belongs to it. Of a model no address, in which a password may be, and no path."""
    briefs = {
        name: "".join(b.to_yaml() for b in one.briefs.values()) for name, one in request.scenarios.items()
    }
    return {
        "suites": sorted(set(options.suites)),
        "models": [f"{spec.public} {digest(str(spec).encode())}" for spec in request.models],
        "prompts": sorted(request.prompts),
        "scenarios": {
            name: digest((agenda_yaml(one.agenda) + briefs[name]).encode())
            for name, one in sorted(request.scenarios.items())
        },
        "epochs": options.epochs,
        "seed": options.seed,
    }


@contextmanager
def _folder(options: Options) -> Iterator[Path]:
    if options.out is not None:
        yield options.out
        return
    if options.resume:
        raise InvalidInputError("--resume: there is nothing to go on with; add --out DIR")
    with tempfile.TemporaryDirectory(prefix="negbox-eval-") as folder:
        yield Path(folder)


def _interruptibly(
    chosen: Mapping[str, Suite],
    cases: Sequence[Any],
    request: Request,
    kept: store.Store,
    options: Options,
    observe: Any,
) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(
            sweep(chosen, cases, request, kept, concurrency=options.concurrency, most_usd=options.max_usd,
                  observe=observe)
        )  # fmt: skip
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


def _of(rows: Sequence[Row], suite: str) -> list[Row]:
    return [row for row in rows if row.case.suite == suite]


def _show(
    chosen: Mapping[str, Suite],
    metrics: Mapping[str, Mapping[str, Figure]],
    checks: Sequence[Check],
    rows: Sequence[Row],
) -> None:
    console = Console()
    for name in chosen:
        some = _of(rows, name)
        missing = sum(row.missing is not None for row in some)
        lost = [
            check for check in checks if check.suite == name and check.kind == "control" and not check.passed
        ]
        if lost:
            console.print(
                f"[red]{name}: no result: {'; '.join(f'{one.name} ({one.detail})' for one in lost)}[/red]"
            )
        if missing > 0.05 * len(some):
            console.print(f"[red]{name}: {missing} of {len(some)} negotiations have no result[/red]")
        table = Table(title=name, title_justify="left")
        for head in ("metric", "value [95 % interval]", "n", "missing", "worst case"):
            table.add_column(head, justify="left" if head == "metric" else "right")
        for metric, figure in metrics[name].items():
            worst = "" if figure.low_worst is None or figure.high_worst is None or not figure.missing else (
                f"{figure.low_worst:.2f} to {figure.high_worst:.2f}"
            )  # fmt: skip
            few = f" *{figure.clusters}" if figure.few_clusters and figure.value is not None else ""
            table.add_row(metric, f"{figure}{few}", str(figure.n), str(figure.missing), worst)
        console.print(table)
        console.print(
            "* so many scenarios only: an interval from fewer than ten says little about others", style="dim"
        )
    for check in checks:
        style = "green" if check.passed else "red"
        verdict = "ok" if check.passed else "FAILED"
        console.print(
            f"[{style}]{verdict:7}[/{style}] {check.suite}: {check.name}: {check.detail}", highlight=False
        )


def _summary(
    metrics: Mapping[str, Mapping[str, Figure]], checks: Sequence[Check], rows: Sequence[Row]
) -> Mapping[str, Any]:
    return {
        "metrics": {
            suite: {name: asdict(figure) for name, figure in found.items()}
            for suite, found in metrics.items()
        },
        "checks": [asdict(check) for check in checks],
        "negotiations": len(rows),
        "missing": sum(row.missing is not None for row in rows),
    }
