"""Gates of an evaluation: expressions that fail it, and the JUnit file that tells so in CI.

    leak.rate.ci_high > 0.05        fails if the upper end of the interval of the metric `leak.rate` is above 5 %

A name is a metric's, and after it one of the fields below or nothing, for its value. No arithmetic, no `and`: give
more gates.

Covered: what has no value fails, and so does what misses more than 5 %, and a suite whose controls did not land: none
of them is a pass. A name that
no suite has is bad input. Not covered: comparing many gates at once; see `evals.correction.holm`.
"""

import math
import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, TypeAlias
from xml.etree import ElementTree

from bargaining.errors import InvalidInputError
from evals.statistics import Figure
from evals.suite import Control

Field: TypeAlias = Literal["value", "ci_low", "ci_high", "worst_low", "worst_high", "n", "missing"]

_FIELDS: Mapping[str, Callable[[Figure], float | None]] = MappingProxyType({
    "value": lambda found: found.value,
    "ci_low": lambda found: found.low,
    "ci_high": lambda found: found.high,
    "worst_low": lambda found: found.low_worst,
    "worst_high": lambda found: found.high_worst,
    "n": lambda found: found.n,
    "missing": lambda found: found.missing,
})  # fmt: skip
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType({
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq,
})  # fmt: skip
_EXPRESSION = re.compile(
    r"\s*(?P<name>[A-Za-z][\w-]*(?:\.[\w-]+)*)\s*(?P<sign><=|>=|==|<|>)"
    r"\s*(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*",
    re.ASCII,
)
_UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 forbids or discourages, and line ends, which readers of attributes fold anyway."""


@dataclass(frozen=True, slots=True)
class Check:
    """A line of the verdict on a suite: a gate or a control, and whether it passed."""

    suite: str
    kind: Literal["gate", "control"]
    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Gate:
    """When to fail. Made by `parse`."""

    name: str
    """A metric, or a metric and a field."""
    sign: str
    number: float

    def __str__(self) -> str:
        return f"{self.name} {self.sign} {self.number:.12g}"

    def parts(self, metrics: Collection[str]) -> tuple[str, str] | None:
        """The metric and the field that are meant, if there is such a metric."""
        metric, _, field = self.name.rpartition(".")
        if self.name in metrics:  # a metric whose name ends like a field goes first
            return self.name, "value"
        return (metric, field) if metric in metrics and field in _FIELDS else None

    def check(self, suite: str, metrics: Mapping[str, Figure]) -> Check:
        """Hold it against a suite that has the metric.

        Raises:
            InvalidInputError: It has not.
        """
        parts = self.parts(metrics)
        if parts is None:
            raise InvalidInputError(_unknown(self, metrics))
        metric, field = parts
        figure = metrics[metric]
        value = _FIELDS[field](figure)
        if value is None or not math.isfinite(value):
            of = f"{figure.missing} of {figure.n + figure.missing} missing"
            return Check(suite, "gate", str(self), passed=False, detail=f"no value: {of}")
        if figure.much_missing and field in {"value", "ci_low", "ci_high"}:
            detail = f"no value: {figure.missing_rate:.0%} missing; .worst_low and .worst_high say what it could be"
            return Check(suite, "gate", str(self), passed=False, detail=detail)
        if field.startswith("ci_") and figure.alike:
            detail = f"no value: {figure.n} values that are all alike give no interval; ask for more, or for .value"
            return Check(suite, "gate", str(self), passed=False, detail=detail)
        failed = _OPERATORS[self.sign](value, self.number)
        return Check(suite, "gate", str(self), passed=not failed, detail=_detail(self.name, value, figure))


def parse(text: str) -> Gate:
    """Read an expression.

    Raises:
        InvalidInputError: It is not one.
    """
    found = _EXPRESSION.fullmatch(text)
    if found is None or not math.isfinite(float(found["number"])):
        raise InvalidInputError(
            f"--fail-if {_plain(text)!r}: write METRIC[.FIELD] OPERATOR NUMBER, such as 'leak.rate.ci_high > 0.05'; "
            f"fields: {', '.join(_FIELDS)}; operators: {' '.join(_OPERATORS)}"
        )
    return Gate(found["name"], found["sign"], float(found["number"]))


def require(gates: Sequence[Gate], metrics: Collection[str]) -> None:
    """Check, before anything is run, that there is a metric for each gate.

    Args:
        gates: The gates.
        metrics: The metrics of all suites that will be run.

    Raises:
        InvalidInputError: There is none for one of them; it lists those there are.
    """
    for gate in gates:
        if gate.parts(metrics) is None:
            raise InvalidInputError(_unknown(gate, metrics))


def checks(
    gates: Sequence[Gate],
    metrics: Mapping[str, Mapping[str, Figure]],
    controls: Mapping[str, Sequence[Control]],
) -> tuple[Check, ...]:
    """All controls, then all gates, in every suite that has the metric.

    Args:
        gates: The gates.
        metrics: By suite, by name.
        controls: By suite. Where one did not land, or there is none, every gate on the suite fails.

    Raises:
        InvalidInputError: No suite has what a gate asks for.
    """
    require(gates, {name for found in metrics.values() for name in found})
    result = []
    for suite, found in metrics.items():
        held = controls.get(suite, ())
        result += [Check(suite, "control", one.name, one.landed, one.detail) for one in held]
        lost = [one.name for one in held if not one.landed]
        for gate in gates:
            if gate.parts(found) is None:
                continue
            if held and not lost:
                result.append(gate.check(suite, found))
                continue
            why = f"these controls did not land: {', '.join(lost)}" if lost else "no control was run"
            why = f"no value: {why}, so the suite has no result"
            result.append(Check(suite, "gate", str(gate), passed=False, detail=why))
    return tuple(result)


def undecided(check: Check, held: str) -> Check:
    """What becomes of a check of a sweep that was not held to its end: a gate is not passed, a control is what it was.

    Args:
        check: As it came out.
        held: How much of the sweep there is.
    """
    if check.kind == "control":
        return check
    return replace(check, passed=False, detail=f"no value: the sweep is not complete, {held}")


def junit(found: Sequence[Check], started: datetime, seconds: Mapping[str, float]) -> bytes:
    """Checks as a JUnit file: a testsuite for each suite, a testcase for each check.

    It is valid for both schemas that are in use: that of Ant's JUnitReport and that of Jenkins' xUnit plugin. Checks
    themselves take no time; a testsuite's time is the sweep's. The host is not named.

    Args:
        found: The checks.
        started: When the evaluation was started, with its time zone.
        seconds: How long each suite took.
    """
    root = ElementTree.Element("testsuites")
    for number, suite in enumerate(dict.fromkeys(check.suite for check in found)):
        mine = [check for check in found if check.suite == suite]
        home = ElementTree.SubElement(root, "testsuite", {
            "name": _plain(suite),
            "package": "negbox",
            "id": str(number),
            "hostname": "localhost",
            "timestamp": started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "time": f"{max(0.0, seconds.get(suite, 0.0)):.3f}",
            "tests": str(len(mine)),
            "failures": str(sum(not check.passed for check in mine)),
            "errors": "0",
        })  # fmt: skip
        ElementTree.SubElement(home, "properties")
        for check in mine:
            name = {"name": _plain(check.name), "classname": f"negbox.{_plain(suite)}.{check.kind}"}
            case = ElementTree.SubElement(home, "testcase", {**name, "time": "0.000"})
            if not check.passed:
                detail = _plain(check.detail)
                failure = ElementTree.SubElement(case, "failure", {"type": check.kind, "message": detail})
                failure.text = f"{_plain(check.name)}: {detail}"
        ElementTree.SubElement(home, "system-out")
        ElementTree.SubElement(home, "system-err")
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _unknown(gate: Gate, metrics: Collection[str]) -> str:
    return (
        f"--fail-if '{gate}': no metric {gate.name!r}; there are: {', '.join(sorted(metrics)) or 'none'}; "
        f"after a metric: {', '.join(f'.{field}' for field in _FIELDS)}"
    )


def _detail(name: str, value: float, figure: Figure) -> str:
    few = f", an interval from only {figure.clusters} scenarios" if figure.few_clusters else ""
    much = f", {figure.missing_rate:.0%} missing" if figure.much_missing else ""
    return f"{name} is {value:.6g} ({figure}, n = {figure.n}{few}{much})"


def _plain(text: str) -> str:
    return _UNPRINTABLE.sub("?", text)
