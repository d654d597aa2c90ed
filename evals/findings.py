"""What a sweep comes to: the figures of each suite for each delegate under test, and what gates and controls say.

Covered: a delegate is a model with its prompts; none hides behind the mean of several, and a gate is held against each.
What only several delegates have together (a rating, who does better than whom) stands under `ALL`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from evals import gate
from evals.case import CONTROL, Row
from evals.counted import Counted, count
from evals.gate import Check, Gate
from evals.statistics import Figure
from evals.suite import Suite

ALL = "all together"
_TOGETHER = ("rating.", "parity")
"""How metrics begin that are of several delegates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Counted):
    """The figures of a suite."""

    suite: str
    delegate: str
    """Which one; empty if there is but one, or `ALL`."""
    metrics: Mapping[str, Figure]

    @property
    def name(self) -> str:
        """Of the suite, and of the delegate if there are several."""
        return f"{self.suite}, {self.delegate}" if self.delegate else self.suite


def findings(suites: Mapping[str, Suite], rows: Sequence[Row]) -> tuple[Finding, ...]:
    """All figures.

    Args:
        suites: By name.
        rows: Of all of them.
    """
    return tuple(
        finding
        for name, suite in suites.items()
        for finding in _of(suite, [row for row in rows if row.case.suite == name])
    )


def checks(
    gates: Sequence[Gate], found: Sequence[Finding], suites: Mapping[str, Suite], rows: Sequence[Row]
) -> tuple[Check, ...]:
    """Each control once, and each gate for each delegate.

    Raises:
        InvalidInputError: No suite has what a gate asks for.
    """
    gate.require(gates, {metric for finding in found for metric in finding.metrics})
    controls = {
        name: suite.controls([row for row in rows if row.case.suite == name])
        for name, suite in suites.items()
    }
    result = [
        Check(name, "control", control.name, control.landed, control.detail)
        for name, some in controls.items()
        for control in some
    ]
    for finding in found:
        told = finding.negotiations - finding.missing
        result.append(Check(finding.name, "control", "there are results", bool(told), f"{told} negotiations"))
        held = gate.checks(_fitting(gates, finding), {finding.name: finding.metrics},
                           {finding.name: controls[finding.suite]})  # fmt: skip
        result += [check for check in held if check.kind == "gate"]
    return tuple(result)


def _fitting(gates: Sequence[Gate], finding: Finding) -> list[Gate]:
    return [one for one in gates if one.parts(finding.metrics) is not None]


def _of(suite: Suite, rows: Sequence[Row]) -> Iterator[Finding]:
    delegates: dict[tuple[str, str], list[Row]] = {}
    controls = [row for row in rows if row.case.model == CONTROL]
    for row in rows:
        if row.case.model != CONTROL:
            delegates.setdefault((row.case.model, row.case.prompts), []).append(row)
    measured = [row for row in rows if row.case.model != CONTROL]
    if len(delegates) < 2:
        yield _finding(suite, "", measured or rows, rows, together=None)
        return
    for (model, prompts), some in delegates.items():
        yield _finding(suite, f"{model} with {prompts}" if prompts else model, some, [*some, *controls])
    together = _finding(suite, ALL, measured, rows, together=True)
    if together.metrics:
        yield together


def _finding(
    suite: Suite, delegate: str, mine: Sequence[Row], rows: Sequence[Row], *, together: bool | None = False
) -> Finding:
    metrics = {
        name: figure
        for name, figure in suite.metrics(rows).items()
        if together is None or name.startswith(_TOGETHER) == together
    }
    return Finding(suite=suite.name, delegate=delegate, metrics=metrics, **asdict(count(mine)))
