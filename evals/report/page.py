"""The report as one page that needs nothing else, and as JSON.

Covered: the page loads nothing: its policy allows its own style and script, by their digests, and no connection.
Served by `negbox view` it may ask its own server how far the sweep is. Names in it are escaped by the template.
Not covered: browsers without JavaScript see all but the rates by family.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bargaining.errors import InvalidInputError
from evals.comparison import Difference
from evals.report import content, drawing
from evals.report.content import Report
from evals.report.figures import Rate, label_of
from evals.store import replaced

PAGE, DATA = "report.html", "report.json"


def write(folder: Path) -> Path:
    """Write the report of a sweep into its folder, over an older one.

    Returns:
        The page. `DATA` is beside it.

    Raises:
        InvalidInputError: No results are there, or it cannot be written.
    """
    report = content.of(folder)
    problem = ""
    try:
        replaced(folder / DATA, json.dumps(as_json(report), indent=1))
        replaced(folder / PAGE, render(report))
    except OSError as error:
        problem = error.strerror or "unknown"
    if problem:
        raise InvalidInputError(f"{folder / PAGE}: not written ({problem}); make room, or make it writable")
    return folder / PAGE


def as_json(report: Report) -> Mapping[str, Any]:
    """Everything that the page shows."""
    found = asdict(report)
    for one, suite in zip(found["suites"], report.suites, strict=True):
        one["has_result"], one["missing_rate"] = suite.has_result, suite.missing_rate
    return {"type": "negbox/report/v1", **found, "compared": report.compared, "complete": report.complete}


def render(report: Report, *, live: bool = False) -> str:
    """The page.

    Args:
        report: What it says.
        live: Whether a server shows it, which it may ask for news.
    """
    legend = drawing.Legend(report)
    return _environment().get_template("page.html.j2").render(
        report=report,
        live=live,
        policy=policy(live=live),
        css=Markup(_source("page.css")),  # noqa: S704 - ours
        js=Markup(_source("page.js")),  # noqa: S704
        legend=legend,
        tradeoff=drawing.tradeoff(report.tradeoffs, legend),
        scatters=[(one, drawing.scatter(one, legend)) for one in report.outcomes],
        ground=drawing,
        differences=sorted(report.differences, key=_telling),
        void=[suite.name for suite in report.suites if not suite.has_result],
        rates=[_flat(rate) for rate in report.rates],
    )  # fmt: skip


def policy(*, live: bool = False) -> str:
    """What the page may load and run."""
    return (
        f"default-src 'none'; style-src {_digest('page.css')}; script-src {_digest('page.js')}; img-src data:; "
        f"connect-src {chr(39)}{'self' if live else 'none'}{chr(39)}; base-uri 'none'; form-action 'none'"
    )


@cache
def _source(name: str) -> str:
    return (files(__package__) / name).read_text("utf-8")


def _digest(name: str) -> str:
    return f"'sha256-{b64encode(sha256(_source(name).encode()).digest()).decode()}'"


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("evals.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["percent"] = lambda value: "-" if value is None else f"{100 * value:.1f} %"
    found.filters["label"] = label_of
    found.filters["count"] = lambda value: f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return found


def _telling(one: Difference) -> tuple[float, float]:
    """What chance alone would hardly do first."""
    return (1.0 if one.holm is None else one.holm, -abs(one.found.value or 0.0))


def _flat(rate: Rate) -> list[Any]:
    """A rate as the script reads it: short, since there may be thousands."""
    place, found = rate.place, rate.found
    values = (found.value, found.low, found.high, found.low_worst, found.high_worst, rate.deals)
    return [
        place.suite, rate.what, place.model, place.prompts, place.arm, rate.attack, rate.scenario,
        *(None if value is None else round(value, 4) for value in values),
        found.n, found.missing, found.clusters,
    ]  # fmt: skip
