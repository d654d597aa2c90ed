"""The figures of an evaluation, in the terminal and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from evals.case import Row
from evals.gate import Check
from evals.statistics import Figure
from evals.suite import Suite


def of_suite(rows: Sequence[Row], suite: str) -> list[Row]:
    """Those of one suite."""
    return [row for row in rows if row.case.suite == suite]


def show(
    chosen: Mapping[str, Suite],
    metrics: Mapping[str, Mapping[str, Figure]],
    checks: Sequence[Check],
    rows: Sequence[Row],
) -> None:
    """Print tables and checks; what makes a suite worthless stands first."""
    console = Console()
    for name in chosen:
        some = of_suite(rows, name)
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


def summary(
    metrics: Mapping[str, Mapping[str, Figure]], checks: Sequence[Check], rows: Sequence[Row]
) -> Mapping[str, Any]:
    """Everything as one object."""
    return {
        "metrics": {
            suite: {name: asdict(figure) for name, figure in found.items()}
            for suite, found in metrics.items()
        },
        "checks": [asdict(check) for check in checks],
        "negotiations": len(rows),
        "missing": sum(row.missing is not None for row in rows),
    }
