"""The figures of an evaluation, in the terminal and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evals.case import Missing, Row
from evals.comparison import measured
from evals.counted import count
from evals.findings import Finding
from evals.gate import Check
from evals.statistics import Figure

WHOSE: Mapping[Missing, str] = {
    "model": "the model did not answer, or not as it was asked to: try it with 'negbox run'",
    "parser": "the model's replies held no moves, so that it hardly took part",
    "judge": "the judge gave no grade: see 'negbox eval judge'",
    "box": "a box could not be started, or ended early: see 'negbox doctor'",
    "limit": "a limit was reached",
    "unforeseen": "something went wrong that nobody foresaw",
}
"""What is said of failures, by whose they are."""


def show(found: Sequence[Finding], checks: Sequence[Check]) -> None:
    """Print tables and checks; what makes a suite worthless stands first."""
    console = Console()
    told: set[str] = set()
    for finding in found:
        lost = [
            check
            for check in checks
            if check.suite == finding.suite and check.kind == "control" and not check.passed
        ]
        if lost and finding.suite not in told:
            told.add(finding.suite)
            console.print(
                f"{finding.suite}: no result: {'; '.join(f'{one.name} ({one.detail})' for one in lost)}",
                style="red",
                markup=False,
            )
        if finding.much_missing:
            console.print(_missing(finding), style="red", markup=False)
            for whose, times in finding.reasons.items():
                console.print(f"  {times}: {WHOSE[whose]}", style="red", highlight=False, markup=False)
        console.print(_table(finding))
    if any(_few(figure) for finding in found for figure in finding.metrics.values()):
        console.print(
            "* so many scenarios only: an interval from fewer than ten says little about others", style="dim"
        )
    for check in checks:
        style = "green" if check.passed else "red"
        line = f"{'ok' if check.passed else 'FAILED':7} {check.suite}: {check.name}: {check.detail}"
        console.print(line, style=style, highlight=False, markup=False)


def _missing(finding: Finding) -> str:
    some = f"{finding.name}: {finding.missing + finding.untold} of {finding.negotiations} negotiations have no result"
    unknown = ", ".join(f"{name} {times}" for name, times in finding.unknown.items())
    return f"{some}, or not all of it: could not be told: {unknown}" if unknown else some


def _table(finding: Finding) -> Table:
    table = Table(title=escape(finding.name), title_justify="left")
    for head in ("metric", "value [95 % interval]", "n", "missing", "worst case"):
        table.add_column(head, justify="left" if head == "metric" else "right", overflow="fold")
    for metric, figure in finding.metrics.items():
        if not figure.n and not figure.missing:
            continue  # nothing was asked
        worst = "" if figure.low_worst is None or figure.high_worst is None or not figure.missing else (
            f"{figure.low_worst:.2f} to {figure.high_worst:.2f}"
        )  # fmt: skip
        few = f" *{figure.clusters}" if _few(figure) else ""
        table.add_row(escape(metric), f"{figure}{few}", str(figure.n), str(figure.missing), worst)
    return table


def _few(figure: Figure) -> bool:
    return figure.few_clusters and figure.value is not None


def summary(found: Sequence[Finding], checks: Sequence[Check], rows: Sequence[Row]) -> Mapping[str, Any]:
    """Everything as one object."""
    return {
        "metrics": {
            finding.name: {name: asdict(figure) for name, figure in finding.metrics.items()}
            for finding in found
        },
        "checks": [asdict(check) for check in checks],
        "negotiations": len(rows),
        "missing": sum(row.missing is not None for row in rows),
        "untold": count(measured(rows)).untold,
    }
