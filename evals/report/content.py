"""What a report says: read from a sweep's folder, computed from rows alone.

Covered: a sweep that runs, or was cut off, has a report too, which says how much is there. Rows of controls measure
the instruments and are in no figure, nor in how much is missing: they would make that look smaller.
Not covered: how it looks; see `evals.report.page`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from evals import store, suites, transcripts
from evals.case import Case, Row
from evals.comparison import Difference, differences, measured
from evals.counted import Counted, count
from evals.report import figures, outcomes
from evals.report.figures import Cost, Rate, Tradeoff
from evals.report.outcomes import Scatter
from evals.report.scenarios import STAGES
from evals.statistics import Figure
from evals.suite import Control

PAIRED = (("guarded", "unguarded"), ("threatening", "plain"), ("threatened", "unthreatened"))
"""Arms that differ in one thing only: the first minus the second."""


@dataclass(frozen=True, slots=True)
class Part:
    """A suite's own metrics of one model with one prompt pack."""

    model: str
    prompts: str
    metrics: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Premium:
    """What threatening is worth to a model."""

    model: str
    prompts: str
    what: str
    found: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Counted):
    """A suite: whether it has a result, and its own metrics."""

    name: str
    about: str
    controls: tuple[Control, ...]
    metrics: Mapping[str, Figure]
    """Of all models together."""
    parts: tuple[Part, ...]
    """By model and prompts."""

    @property
    def lost(self) -> tuple[Control, ...]:
        """Controls that did not land."""
        return tuple(one for one in self.controls if not one.landed)

    @property
    def has_result(self) -> bool:
        """Whether its instruments were shown to work."""
        return bool(self.controls) and not self.lost


@dataclass(frozen=True)
class Report:
    """All that the page shows."""

    plan: Mapping[str, Any]
    progress: Mapping[str, Any] | None
    """None: nobody wrote down how many there should be."""
    transcripts: bool
    """Whether transcripts are kept beside it."""
    negotiations: int
    missing: int
    suites: tuple[Verdict, ...]
    rates: tuple[Rate, ...]
    rates_left_out: bool
    """Whether rates by family and scenario at once were too many."""
    tradeoffs: tuple[Tradeoff, ...]
    outcomes: tuple[Scatter, ...]
    premiums: tuple[Premium, ...]
    differences: tuple[Difference, ...]
    costs: tuple[Cost, ...]
    failures: Mapping[str, Mapping[str, int]]
    """By suite and model, by whose failure."""
    labels: Mapping[str, str] = field(default_factory=lambda: dict(figures.LABELS))

    @property
    def compared(self) -> int:
        """How many comparisons the chances are corrected for."""
        return sum(one.holm is not None for one in self.differences)

    @property
    def complete(self) -> bool:
        """Whether all that was planned is there, as far as is known."""
        return self.progress is None or self.negotiations >= int(self.progress.get("total", 0))


def of(folder: Path) -> Report:
    """The report of a sweep, from its rows.

    Raises:
        InvalidInputError: No results are there.
    """
    plan, rows = store.read(folder)
    some = measured(rows)
    rates, left_out = figures.rates(some)
    names = dict.fromkeys([row.case.suite for row in rows] + list(plan.get("suites", ())))
    stages = _json(folder / STAGES) or {}
    verdicts = tuple(_verdict(name, [row for row in rows if row.case.suite == name]) for name in names)
    return Report(
        plan=plan,
        progress=_json(folder / store.PROGRESS),
        transcripts=(folder / transcripts.FOLDER).exists(),
        negotiations=len(rows),
        missing=sum(row.missing is not None for row in rows),
        suites=verdicts,
        rates=rates,
        rates_left_out=left_out,
        tradeoffs=figures.tradeoffs(some),
        outcomes=outcomes.scatters(some, stages),
        premiums=_premiums(verdicts),
        differences=differences(_pairs(some), _versus),
        costs=figures.costs(rows),
        failures=figures.failures(rows),
    )


def _verdict(name: str, rows: Sequence[Row]) -> Verdict:
    some = measured(rows)
    counted = asdict(count(some))
    if name not in suites.NAMES:  # a folder of another version: its rows can be counted all the same
        about = "a suite that this version does not know"
        return Verdict(name=name, about=about, controls=(), metrics={}, parts=(), **counted)
    suite = suites.load(name)
    controls = suite.controls(rows) if len(some) < len(rows) else ()  # none of none is no failure
    metrics = suite.metrics(some)
    groups = dict.fromkeys((row.case.model, row.case.prompts) for row in some)
    parts = tuple(
        Part(
            *group,
            metrics
            if len(groups) == 1
            else suite.metrics([row for row in some if (row.case.model, row.case.prompts) == group]),
        )
        for group in groups
    )
    return Verdict(
        name=name, about=suite.about, controls=tuple(controls), metrics=metrics, parts=parts, **counted
    )


def _premiums(found: Sequence[Verdict]) -> tuple[Premium, ...]:
    return tuple(
        Premium(part.model, part.prompts, what, figure)
        for suite in found
        if suite.name == "threats"
        for part in suite.parts
        for what, figure in part.metrics.items()
        if what.partition(".")[0] == "premium" and figure.n + figure.missing
    )


def _pairs(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    found = []
    by_key = {row.case.key: row for row in rows}
    for one, other in PAIRED:
        for row in rows:
            if row.case.arm == one:
                match = by_key.get(row.case.model_copy(update={"arm": other}).key)
                found += [(row, match)] if match else []
    return found


def _versus(case: Case) -> str:
    return next(f"{one} - {other}" for one, other in PAIRED if one == case.arm)


def _json(file: Path) -> Mapping[str, Any] | None:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
