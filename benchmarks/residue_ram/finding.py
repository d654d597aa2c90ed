"""What one guest showed, whether that is a measurement, and the table of all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.residue_ram.case import CASES, Case
from benchmarks.residue_ram.ram import Look
from evals.scan import Hit, Scan

HALVES = (" (first half)", " (second half)")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one guest showed."""

    case: Case
    seconds: float
    alive: Look | None = None
    """When the run was about to be purged; None where there is no such moment."""
    left: Look | None = None
    """At the end; None: it did not come so far."""
    owned: Sequence[Hit] = ()
    """On whose pages what is left lies: who had them when the run was about to be purged."""
    problem: str = ""
    """Why this is no measurement; empty if it is one."""


def copies(scan: Scan) -> int:
    """How often it is there: of two halves in one encoding, the one that is there more often."""
    return sum(by_encoding(scan.hits).values())


def by_owner(hits: Sequence[Hit]) -> Mapping[str, int]:
    """How often it is there on the pages of each."""
    owners = dict.fromkeys(hit.where for hit in hits)
    return {owner: sum(by_encoding([hit for hit in hits if hit.where == owner]).values()) for owner in owners}


def by_encoding(hits: Sequence[Hit]) -> Mapping[str, int]:
    """How often it is there in each encoding."""
    found: dict[str, int] = {}
    for hit in hits:
        name = hit.encoding
        for half in HALVES:
            name = name.removesuffix(half)
        found[name] = max(found.get(name, 0), hit.count)
    return found


def judged(case: Case, told: Mapping[str, object], alive: Look | None, left: Look) -> str:
    """Why what was seen is no measurement; empty if it is one.

    Args:
        case: What was to be done.
        told: What the guest says of it.
        alive: What was seen before the purge, if there is one.
        left: What was seen at the end.
    """
    for look in filter(None, (alive, left)):
        if look.brief.unread:
            return look.brief.unread[0][1]
        if look.control.clean is not False:
            return "the canary of a living process was not found in the RAM"
    if case.expected == "hits" and not left.brief.hits:
        return "a control in which the canary must be found, and was not"
    if case.expected == "none" and left.brief.clean is not True:
        return "a control in which the canary must not be found, and was"
    if case.what != "run":
        return ""
    if told.get("ending") != "agreed" or told.get("isolation") != case.isolation:
        return f"the run did not go as it should: {told.get('ending')}, {told.get('isolation')}; {told.get('problem')}"
    if case.starter_wiped and told.get("starter wiped") is not True:
        return "the starter could not be wiped"
    if case.isolation != "none" and (alive is None or not alive.brief.hits):
        return "while the run lived, nothing of its brief was found"
    return ""


def table(findings: Sequence[Finding]) -> list[str]:
    """A table in Markdown; below it, what could not be measured."""
    lines = [
        "| case | while it lives | left | in | on pages of | left, `init_on_free=1` | s |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in (case for case in CASES if not case.zeroing):
        plain = [one for one in findings if one.case == case]
        zeroed = [one for one in findings if one.case.name == f"{case.name}-zeroing"]
        if not (plain or zeroed):
            continue
        alive = [copies(one.alive.brief) for one in plain if one.alive and not one.problem]
        cells = [
            case.told,
            _range(alive),
            _left(plain),
            _counts([by_encoding(one.left.brief.hits) for one in plain if one.left]),
            _counts([by_owner(one.owned) for one in plain]),
            _left(zeroed),
            _range([round(one.seconds) for one in (*plain, *zeroed)]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    problems = [f"{one.case.name}: {one.problem}" for one in findings if one.problem]
    return [*lines, *(["", "No measurement:", *(f"- {each}" for each in problems)] if problems else [])]


def _left(findings: Sequence[Finding]) -> str:
    if any(one.problem for one in findings):
        return "no measurement"
    return _range([copies(one.left.brief) for one in findings if one.left])


def _counts(found: Sequence[Mapping[str, int]]) -> str:
    names = dict.fromkeys(name for each in found for name in each)
    return ", ".join(f"{name} {_range([each.get(name, 0) for each in found])}" for name in names)


def _range(numbers: Sequence[int]) -> str:
    if not numbers:
        return ""
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
