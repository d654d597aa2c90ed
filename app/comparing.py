"""`negbox eval compare`: what differs between two sweeps, pair by pair."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app import exits
from app.sweeping import FAILED
from evals.comparison import Comparison, compare
from evals.report.figures import LABELS
from evals.statistics import MUCH_MISSING


def compare_sweeps(
    first: Path, second: Path, *, across: Sequence[str], changed_scenarios: bool, as_json: bool
) -> int:
    """Compare, and say what came of it.

    Returns:
        The exit code: 0, or 1 if a control did not land in one of the two.

    Raises:
        InvalidInputError: There is nothing to compare, or it cannot be compared.
    """
    found = compare(first, second, across=across, changed_scenarios=changed_scenarios)
    if as_json:
        sys.stdout.write(json.dumps({**asdict(found), "compared": found.compared}) + "\n")
    else:
        _show(found, Console())
    return FAILED if found.lost else exits.OK


def _show(found: Comparison, console: Console) -> None:
    def say(text: str, style: str = "") -> None:
        console.print(Text(text, style), soft_wrap=True)

    for lost in found.lost:
        say(f"No result: this control did not land: {lost}", "red")
    for name, missing in zip(("first", "second"), found.missing, strict=True):
        if missing > MUCH_MISSING * found.pairs:
            say(f"{missing} of {found.pairs} negotiations have no result in the {name}", "red")
    say(
        f"{found.pairs} negotiations are in both, {found.only[0]} in the first alone, "
        f"{found.only[1]} in the second alone"
    )
    for place, some in groupby(
        found.differences, key=lambda one: (one.suite, one.model, one.prompts, one.arm)
    ):
        title = Text(", ".join(part for part in place if part))
        table = Table(title=title, title_justify="left", title_style="bold")
        for head in ("second minus first", "difference [95 % interval]", "pairs", "missing", "p (Holm)"):
            table.add_column(head, justify="left" if head == "second minus first" else "right")
        for one in some:
            few = f" *{one.found.clusters}" if one.found.few_clusters and one.found.value is not None else ""
            table.add_row(
                Text(LABELS.get(one.what, one.what)),
                Text(f"{one.found}{few}"),
                str(one.found.n),
                str(one.found.missing),
                "-" if one.holm is None else f"{one.holm:.3g}",
            )
        console.print(table)
    corrected = f"p: corrected for {found.compared} comparisons (Holm). " if found.compared else ""
    say(
        f"{corrected}* so many scenarios only: an interval from fewer than ten says little about others, "
        "and none below six can give a p below 0.05",
        "dim",
    )
