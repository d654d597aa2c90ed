"""How a result is shown: as a panel, or as one JSON object."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from app.progress import ProgressView, clock_text, cost_text
from app.results import AGREEMENT, OFFERS, STATEMENT
from bargaining.agenda import Agenda
from bargaining.agreement import Agreement
from bargaining.leakage import export_bits
from delegates.budget import Budget
from sandbox.box import Released
from sandbox.seating import MEDIATOR


def _counts(released: Released) -> dict[str, dict[str, int]]:
    return {role: asdict(counters) for role, counters in released.counters.items()}


def _isolated(released: Released) -> str:
    if released.isolation == "none":
        return "[red]none: ran in this process, memory not wiped[/red]"
    checks = released.checks
    bad = "; ".join(
        f"{check.name}: {check.result} ({check.detail})" for check in checks if check.result != "ok"
    )
    if bad:
        return f"{released.isolation}; [red]{escape(bad)}[/red]"
    wiped = [check.name.removeprefix("wiped ") for check in checks if check.name.startswith("wiped ")]
    names = f"{', '.join(wiped[:-1])} and {wiped[-1]}"
    return f"{released.isolation}: {names} wiped and ended; all {len(checks)} checks are ok"


def _turns(role: str, agenda: Agenda) -> str:
    """What a turn is to somebody: with a mediator nobody takes turns."""
    if agenda.protocol == "alternating_offers":
        return "turns"
    return "texts" if role == MEDIATOR else "answers"


def summary(released: Released, agenda: Agenda, budget: Budget, view: ProgressView) -> Mapping[str, Any]:
    """The result as one object for `--json`."""
    return {
        "agreement": json.loads(released.agreement),
        "statement": json.loads(released.statement),
        "ending": released.ending or "cut short",
        "seconds": round(view.seconds, 2),
        "usage": {
            "calls": budget.spent.calls,
            "input_tokens": budget.spent.usage.input_tokens,
            "cached_tokens": budget.spent.usage.cached_tokens,
            "output_tokens": budget.spent.usage.output_tokens,
            "estimated": budget.spent.estimated,
            "usd": None if budget.spent.usd is None else float(budget.spent.usd),
        },
        "delegates": _counts(released),
        "isolation": released.isolation,
        "purge": [asdict(check) for check in released.checks],
        "export_bits": export_bits(agenda),
    }


def panel(
    released: Released, agenda: Agenda, budget: Budget, view: ProgressView, directory: Path | None
) -> Panel:
    """The result for a terminal.

    Args:
        released: The result.
        agenda: What was negotiated.
        budget: Knows what was used.
        view: Knows how long it took.
        directory: Where it was written, if it was.
    """
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column()
    match released.result:
        case Agreement(terms=terms):
            title, style = "Agreement", "green"
            for issue in agenda.issues:
                value = terms[issue.name]
                unit = getattr(issue, "unit", "")
                shown_value = ("yes" if value else "no") if isinstance(value, bool) else str(value)
                grid.add_row(issue.name, escape(f"{shown_value} {unit}".strip()))
        case _:
            title, style = "No deal", "yellow"
            grid.add_row("why", released.ending or "the run was cut short")
    grid.add_row("", "")
    grid.add_row(
        "limits", "inside both mandates" if isinstance(released.result, Agreement) else "nothing was agreed"
    )
    used = (
        f"{budget.spent.usage.tokens:,} tokens in {budget.spent.calls} calls · {cost_text(budget.spent.usd)}"
    )
    grid.add_row(
        "used",
        f"{used} · {clock_text(view.seconds)}" + (" · tokens estimated" if budget.spent.estimated else ""),
    )
    for role, counts in _counts(released).items():
        named = {"turns": _turns(role, agenda), "failed_calls": "failed calls"}
        stepped = ", ".join(
            f"{count} {named.get(what, what).removesuffix('s' if count == 1 else '')}"
            for what, count in counts.items()
            if count
        )
        grid.add_row(role, stepped or "no turn")
    grid.add_row("export", f"can carry at most {export_bits(agenda):.1f} bits")
    grid.add_row("isolation", _isolated(released))
    if directory:
        for path in (directory / AGREEMENT, directory / STATEMENT, directory / OFFERS):
            if path.exists():
                grid.add_row("written", Text(str(path), overflow="fold"))
    return Panel(grid, title=title, border_style=style, expand=False)
