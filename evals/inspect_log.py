"""What a sweep left, as logs that Inspect reads: `inspect view`, `inspect log list`, its data frames.

    write(folder, to)       a log for each suite and model of the folder: JSON, version 2

A negotiation is a sample, told from others by its case; its seed is the epoch. Where a suite has more seeds for a case
than there are epochs (`outcome`; the messages of `threats`), the seed is in the sample's id, and the epoch is 1.
Verdicts and numbers are its scores: 1, 0, and NaN (Inspect's "unscored") for what nobody could tell, with the reason.
The suite's own figures are the results.

Covered: values only: no message, no event, no output, as there is none in a row. Inspect is not needed, and not
imported. A suite whose controls did not land is a log that failed, without results: nobody can mistake it for one.
The same rows make the same log.
Not covered: whether the sweep came to its end: a store does not say how many cases there should be.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bargaining.errors import InvalidInputError
from evals import store, suites
from evals.case import Case, Row
from evals.statistics import Figure, number
from evals.suite import Control

REASONS = {"parser": "invalid_response_format", "judge": "grader_failed"}
"""What Inspect calls some of the failures that rows tell; it has no words for the others."""
SEALED = "[sealed]"
"""What stands in for a sample's input."""
NO_MODEL = "none/none"
"""What Inspect calls the model of a task that asks none."""
_UNKNOWN = "unknown"
_DISTRIBUTION = "negotiation-box"


@dataclass(frozen=True, slots=True)
class _Part:
    """What goes into one log; of rows also those of the suite's controls."""

    suite: str
    model: str
    rows: tuple[Row, ...]
    identity: str


def sample_id(case: Case, *, seeded: bool = False) -> str:
    """What tells a case from others.

    Args:
        case: The case.
        seeded: With its seed; else that is Inspect's epoch.
    """
    named = (
        case.arm,
        case.scenario,
        case.model,
        case.against,
        case.prompts,
        case.attack,
        f"side {case.side}",
        f"seed {case.seed}" if seeded else "",
    )
    return " | ".join(name for name in named if name)


def score_values(row: Row) -> dict[str, float]:
    """Verdicts and numbers of a row, without counts. NaN: it could not be told."""
    found = {name: _known(number(verdict)) for name, verdict in row.verdicts.items()}
    return found | {
        name: _known(value) for name, value in row.numbers.items() if not name.startswith("count.")
    }


def reason_of(row: Row) -> str | None:
    """Why some of a row's values are unknown, in one word. None: none is."""
    if row.missing is not None:
        return REASONS.get(row.missing, row.missing)
    return _UNKNOWN if _UNKNOWN in row.verdicts.values() else None


def values_of(row: Row) -> dict[str, Any]:
    """What else a row tells: names, counts and costs, as a sample's metadata."""
    counted = {name: value for name, value in row.numbers.items() if name.startswith("count.")}
    spent = {"seconds": row.seconds, "calls": row.calls, "tokens": row.tokens, "usd": row.usd}
    return {**row.case.model_dump(), "missing": row.missing, **counted, **spent}


def metrics_of(figure: Figure) -> dict[str, float]:
    """A figure as metrics: `value` and its interval, and if something is missing, how much, and the bounds."""
    told: dict[str, float | None] = {"value": figure.value, "ci_low": figure.low, "ci_high": figure.high}
    if figure.missing:
        told |= {"missing": figure.missing, "low_worst": figure.low_worst, "high_worst": figure.high_worst}
    return {name: value for name, value in told.items() if value is not None}


def has_result(controls: Sequence[Control]) -> bool:
    """Whether a suite's figures mean anything: it has controls, and they landed."""
    return bool(controls) and all(control.landed for control in controls)


def write(folder: Path, to: Path) -> tuple[Path, ...]:
    """Write logs of what a sweep left, and tell their files.

    Args:
        folder: What `negbox eval run --out` wrote.
        to: A folder, made if it is not there; files get the names that Inspect lists. Or a file that ends in
            `.json`, for one suite and one model: Inspect lists it if its name begins with a time.

    The log of a sweep that has not run to its end says `cancelled`.

    Raises:
        InvalidInputError: There are no rows, a file is there already, or there is more than one log for it.
    """
    plan, rows = store.read(folder)
    if not rows:
        raise InvalidInputError(f"{folder}: holds no rows yet; export it when the sweep has run")
    whole = len(rows) >= store.planned(folder)
    written = datetime.fromtimestamp((folder / store.ROWS).stat().st_mtime, UTC)
    parts = tuple(_parts(plan, rows))
    single = to.suffix == ".json"
    if single and len(parts) > 1:
        named = ", ".join(f"{part.suite} of {part.model}" for part in parts)
        raise InvalidInputError(
            f"{to}: Inspect has one suite and one model in a log, and here are {named}; give a folder"
        )
    files = [to if single else to / _file_name(part, written) for part in parts]
    problem = ""
    try:
        (to.parent if single else to).mkdir(parents=True, exist_ok=True)
        for part, file in zip(parts, files, strict=True):
            with file.open("x", encoding="utf-8") as stream:
                json.dump(_log(part, plan, written, whole=whole), stream, indent=1)
    except FileExistsError as error:
        problem = f"{error.filename}: is there already; remove it, or choose another --to"
    except OSError as error:
        problem = f"{to}: not written ({error.strerror}); choose another --to"
    if problem:
        raise InvalidInputError(problem)
    return tuple(files)


def _parts(plan: Mapping[str, Any], rows: Sequence[Row]) -> Iterator[_Part]:
    """A part for each suite and model under test. Controls are their suite's, and in each of its parts."""
    tested = {str(named).rpartition(" ")[0] for named in plan.get("models", ())}
    by: defaultdict[str, dict[str, list[Row]]] = defaultdict(dict)
    controls: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.case.model in tested:
            by[row.case.suite].setdefault(row.case.model, []).append(row)
        else:
            controls[row.case.suite].append(row)
    for suite in dict.fromkeys(row.case.suite for row in rows):
        for model, some in (by[suite] or {NO_MODEL: []}).items():
            all_rows = tuple(sorted((*some, *controls[suite]), key=lambda row: row.case.key))
            told = json.dumps([plan, [row.model_dump() for row in all_rows]], sort_keys=True)
            yield _Part(suite, model, all_rows, hashlib.sha256(told.encode()).hexdigest())


def _file_name(part: _Part, written: datetime) -> str:
    # Inspect lists JSON only if its name begins with a time, and takes task and id from what is between underscores
    return f"{written:%Y-%m-%dT%H-%M-%S+00-00}_{_plain(part.suite)}_{part.identity[:22]}.json"


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)


def _log(part: _Part, plan: Mapping[str, Any], written: datetime, *, whole: bool) -> dict[str, Any]:
    suite = suites.load(part.suite)
    controls = suite.controls(part.rows)
    lost = [control.name for control in controls if not control.landed]
    told = f"these controls did not land: {'; '.join(lost)}" if controls else "no control was run"
    failed = not has_result(controls)
    figures = {} if failed else suite.metrics(part.rows)
    when = written.isoformat()
    samples = _samples(part.rows, plan)
    complete = sum(row.missing is None for row in part.rows)
    usage = {part.model: {"total_tokens": sum(row.tokens for row in part.rows)}}
    return {
        "version": 2,
        "status": "cancelled" if not whole else "error" if failed else "success",
        "eval": {
            "created": when,
            "task": _plain(part.suite),
            "task_display_name": part.suite,
            "task_description": suite.about,
            "eval_id": part.identity[:22],
            "run_id": part.identity[22:44],
            "task_id": part.identity[:22],
            "task_args": {name: plan[name] for name in ("prompts", "epochs", "seed") if name in plan},
            "dataset": {
                "name": ", ".join(sorted(plan.get("scenarios", {}))),
                "samples": len({sample["id"] for sample in samples}),
                "sample_ids": list(dict.fromkeys(sample["id"] for sample in samples)),
            },
            "model": part.model,
            "config": {"epochs": max((sample["epoch"] for sample in samples), default=1)},
            "packages": {_DISTRIBUTION: version(_DISTRIBUTION)},
            "metadata": {"controls": {control.name: control.detail for control in controls}},
        },
        "plan": {"name": "sealed", "steps": [], "config": {}},
        "results": {
            "total_samples": len(samples),
            "completed_samples": complete,
            "scores": [_score(name, figure) for name, figure in figures.items()],
        },
        "stats": {"started_at": when, "completed_at": when, "model_usage": usage},
        **({"error": _error(f"no result: {told}")} if failed else {}),
        "samples": samples,
    }


def _score(name: str, figure: Figure) -> dict[str, Any]:
    return {
        "name": name,
        "scorer": "figures",
        "scored_samples": figure.n,
        "unscored_samples": figure.missing,
        "params": {},
        "metrics": {
            metric: {"name": metric, "value": value, "params": {}}
            for metric, value in metrics_of(figure).items()
        },
    }


def _samples(rows: Sequence[Row], plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    seeds: defaultdict[str, set[int]] = defaultdict(set)
    for row in rows:
        seeds[sample_id(row.case)].add(row.case.seed)
    first = int(plan.get("seed", 0))
    last = first + int(plan["epochs"]) - 1 if "epochs" in plan else max(map(max, seeds.values()))
    several = {name for name, some in seeds.items() if min(some) < first or max(some) > last}
    return [_sample(row, first, seeded=sample_id(row.case) in several) for row in rows]


def _sample(row: Row, first_seed: int, *, seeded: bool) -> dict[str, Any]:
    reason = reason_of(row)
    return {
        "id": sample_id(row.case, seeded=seeded),
        "epoch": 1 if seeded else row.case.seed - first_seed + 1,
        "input": SEALED,
        "target": "",
        "messages": [],
        "events": [],
        "scores": {
            name: {"value": value} if value == value else {"value": value, "reason": reason or _UNKNOWN}  # noqa: PLR0124 - NaN
            for name, value in score_values(row).items()
        },
        "metadata": values_of(row),
        "model_usage": {row.case.model: {"total_tokens": row.tokens}},
        "total_time": row.seconds,
        **({"error": _error(f"no result: {row.missing}")} if row.missing else {}),
    }


def _error(message: str) -> dict[str, str]:
    return {"message": message, "traceback": "", "traceback_ansi": ""}


def _known(value: float | None) -> float:
    return float("nan") if value is None else float(value)
