"""`negbox analyse`: what could have been agreed, what was, and how good that is.

For who owns both briefs: what it shows follows from both. Nothing is written but the pictures that were asked for
(matplotlib keeps a list of the machine's fonts in a cache of its own).
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import log2
from pathlib import Path
from typing import Any, Literal

from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app import exits, results
from app.assessment import Assessment, assess
from app.picture import CONCEPT_NAMES, draw, words
from app.sketch import sketch
from bargaining.agreement import NoDeal
from bargaining.errors import InvalidInputError
from bargaining.issue import Value
from bargaining.leakage import export_bits, reachable_exports
from delegates.scenario import load
from sandbox.export import agenda_digest

_WIDEST = 120


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for on the command line."""

    agreement: str | None = None
    png: str | None = None
    svg: str | None = None
    as_json: bool = False
    sketched: bool = True


def analyse_scenario(name: str, options: Options) -> int:
    """Analyse a scenario, and an agreement if one is given.

    Raises:
        InvalidInputError: A file cannot be used, or the scenario cannot be analysed.
    """
    pictures: dict[Literal["png", "svg"], Path | None] = {
        "png": _free(options.png, "--png"),
        "svg": _free(options.svg, "--svg"),
    }
    scenario = load(name)
    found = None
    if options.agreement is not None:
        found = results.read(Path(options.agreement), scenario.agenda)
    assessment = assess(scenario, found)
    for form, path in pictures.items():
        if path:
            _write(path, draw(assessment.picture, form))
    if options.as_json:
        sys.stdout.write(json.dumps(_summary(assessment), ensure_ascii=False) + "\n")
    else:
        _show(assessment, Console(highlight=False), sketched=options.sketched)
        sys.stdout.writelines(f"written  {path}\n" for path in pictures.values() if path)
    return exits.OK


def _free(name: str | None, option: str) -> Path | None:
    """Where a picture goes, checked before anything is computed."""
    if name is None:
        return None
    path = Path(name)
    if not path.name:
        raise InvalidInputError(f"{option}: give the name of a file")
    ending = "." + option.removeprefix("--")
    if path.suffix.lower() != ending:
        raise InvalidInputError(f"{option} {path}: end the name in {ending}, for that is what is written")
    if os.path.lexists(path):  # unlike Path.exists, false for a name that is too long
        raise InvalidInputError(f"{option} {path}: is there already; move it away or choose another name")
    if not os.path.isdir(path.parent):
        raise InvalidInputError(
            f"{option} {path}: there is no folder {path.parent}; make it or choose another"
        )
    return path


def _write(path: Path, data: bytes) -> None:
    try:
        results.write(path, data)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "that is not the name of a file"
        raise InvalidInputError(f"{path}: cannot be written ({reason}); choose another place") from None


def _show(assessment: Assessment, console: Console, *, sketched: bool) -> None:
    console.print(Text(assessment.agenda.title, style="bold"))
    console.print(_facts(assessment))
    if sketched:
        coloured = console.is_terminal and console.color_system is not None and not console.no_color
        drawing = sketch(assessment.picture, min(console.width, _WIDEST), colours=coloured)
        console.file.write(f"\n{drawing.text}\n")
        entries = [Text(f"{sign} {name}") for sign, name in drawing.legend]
        console.print(Columns(entries, padding=(0, 3)))
    if assessment.chosen or assessment.verdict:
        console.print()
        console.print(_table(assessment))
        if assessment.verdict and assessment.chosen:
            console.print("distance: from the agreement; each side's way from no agreement to its best is 1")


def _facts(assessment: Assessment) -> Table:
    problem, space = assessment.problem, assessment.agenda.space
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column()
    allowed = ", ".join(f"by the {words(role)} {count:,}" for role, count in assessment.allowed.items())
    grid.add_row("outcomes", f"{space.size:,}; allowed {allowed}, by both {problem.feasible_count:,}")
    public, reachable = export_bits(assessment.agenda), _reachable(assessment)
    grid.add_row("export", f"at most {public:.2f} bits; {reachable:.2f} bits for who knows both mandates")
    grid.add_row("no agreement", ", ".join(_fallback(assessment, role) for role in assessment.agenda.roles))
    grid.add_row(
        "frontier", f"{_count(len(assessment.frontier), 'outcome')} that nothing allowed improves on"
    )
    if not problem.rational:
        grid.add_row("deal", "none is possible: no allowed outcome is worth at least that to both sides")
    grid.add_row(*_result(assessment))
    return grid


def _fallback(assessment: Assessment, role: str) -> str:
    source = "worst outcome" if assessment.mandates[role].reservation is None else "reservation value"
    return f"{words(role)} {_number(assessment.fallback[role])} ({source})"


def _result(assessment: Assessment) -> tuple[str, str]:
    verdict = assessment.verdict
    if assessment.results is None:
        return "agreement", "none was given"
    if verdict is None:
        missed = len(assessment.problem.rational)
        lost = f"; {_count(missed, 'outcome')} would have left neither side worse off" if missed else ""
        return "result", f"no deal{lost}"
    said = []
    if outside := [f"the {words(role)}'s" for role, inside in verdict.inside.items() if not inside]:
        said.append(f"[red]outside {' and '.join(outside)} mandate[/red]; has a brief changed since?")
    if verdict.efficient:
        said.append("efficient: nothing allowed is better for one side and no worse for the other")
    elif verdict.better is None:
        said.append("not efficient: something allowed is better for one side and no worse for the other")
    else:
        said.append("not efficient: both sides like the column 'better' at least as well")
    if verdict.capture is not None:
        said.append(f"it has {float(100 * verdict.capture):.1f} % of the highest sum of gains")
    return "agreement", "; ".join(said)


def _table(assessment: Assessment) -> Table:
    """The solutions and the agreement side by side."""
    verdict = assessment.verdict
    shown = [
        (index, "\n".join(CONCEPT_NAMES[concept] for concept in concepts), "")
        for index, concepts in assessment.chosen.items()
    ]
    if verdict:
        shown.append((verdict.index, "agreement", "bold"))
        if verdict.better is not None:
            shown.append((verdict.better, "better", ""))
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    for _, name, style in shown:
        table.add_column(name.replace("\N{EN DASH}", "\N{EN DASH}\n"), style=style, overflow="fold")
    outcomes = [assessment.terms(index) for index, _, _ in shown]
    for issue in assessment.agenda.issues:
        table.add_row(issue.name, *(Text(_value(outcome[issue.name])) for outcome in outcomes))
    table.add_row()
    worth, gains = ([of(index) for index, _, _ in shown] for of in (assessment.worth, assessment.gains))
    for role in assessment.agenda.roles:
        table.add_row(f"{words(role)}: utility", *(_number(each[role]) for each in worth))
    for role in assessment.agenda.roles:
        table.add_row(f"{words(role)}: gain", *(_signed(each[role]) for each in gains))
    table.add_row("sum of gains", *(_signed(sum(each.values(), Fraction(0))) for each in gains))
    if verdict and verdict.distances:
        away = (verdict.distances[concepts[0]] for concepts in assessment.chosen.values())
        table.add_row("distance", *(f"{each:.3f}" for each in away))
    return table


def _summary(assessment: Assessment) -> Mapping[str, Any]:
    problem, agenda, verdict = assessment.problem, assessment.agenda, assessment.verdict
    result: dict[str, Any] | None = None
    if assessment.results and isinstance(assessment.results.result, NoDeal):
        result = {"kind": "no_deal"}
    elif verdict:
        result = {
            "kind": "agreement",
            **_outcome(assessment, verdict.index),
            "inside_mandate": dict(verdict.inside),
            "efficient": verdict.efficient,
            "better": None if verdict.better is None else _outcome(assessment, verdict.better),
            "capture": None if verdict.capture is None else _exact(verdict.capture),
            "distances": dict(verdict.distances),
        }
    return {
        "agenda": {"title": agenda.title, "digest": agenda_digest(agenda), "roles": list(agenda.roles)},
        "outcomes": {
            "all": agenda.space.size,
            "allowed": dict(assessment.allowed),
            "allowed_by_both": problem.feasible_count,
            "rational": len(problem.rational),
        },
        "export_bits": {"public": export_bits(agenda), "reachable": _reachable(assessment)},
        "disagreement": {role: _exact(number) for role, number in assessment.fallback.items()},
        "ideal": None
        if problem.ideal is None
        else dict(zip(agenda.roles, map(_exact, problem.ideal), strict=True)),
        "frontier": [_outcome(assessment, index) for index in assessment.frontier],
        "solutions": {
            concept: None if index is None else _outcome(assessment, index)
            for concept, index in assessment.solutions.items()
        },
        "result": result,
        "offers": [
            {"round": round_, "role": role, **_outcome(assessment, index)}
            for round_, role, index in assessment.offers()
        ],
    }


def _outcome(assessment: Assessment, index: int) -> dict[str, Any]:
    return {
        "index": index,
        "terms": dict(assessment.terms(index)),
        "utility": {role: _exact(number) for role, number in assessment.worth(index).items()},
        "gain": {role: _exact(number) for role, number in assessment.gains(index).items()},
    }


def _exact(number: Fraction) -> dict[str, Any]:
    return {"exact": str(number), "float": float(number)}


def _reachable(assessment: Assessment) -> float:
    improved = assessment.agenda.settlement == "improved"
    return log2(reachable_exports(assessment.problem, improved=improved))


def _number(number: Fraction) -> str:
    return f"{float(number):,.4f}".rstrip("0").rstrip(".")


def _signed(number: Fraction) -> str:
    return ("+" if number > 0 else "") + _number(number)


def _value(value: Value) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
