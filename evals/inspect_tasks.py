"""The suites as tasks of Inspect, for who runs evaluations with it: `inspect eval negbox/leaks -T model=SPEC`.

Needs the extra `[inspect]`; nothing of the rest imports it, or this. Our negotiations run as they always do, with our
own model clients, within one step of Inspect's: a sealed solver. What Inspect gets to see, and writes to its logs,
buffers and traces, are names, verdicts and numbers.

    model, against, prompts, scenarios    as in `negbox eval run`; lists in YAML: -T 'model=[a/b, c/d]'
    seed                                  the first; Inspect's --epochs counts on from it

Where a suite has several seeds for a case already (`outcome`; the messages of `threats`), each is a sample, with the
seed of the first epoch in its id; an epoch then counts on by how many there are, so that none is held twice.

Covered: a log has no brief, no message, no reply, no text of an error, and neither has what a killed run leaves. What
has no result is unscored, with whose failure it is; the suite's figures tell how much that is, and there are none if
a control did not land.
Not covered: Inspect's limits on tokens, time and cost, and its model roles, caches and approvals: it sees no call. The
arguments of a task are in its log: an address or a path in a model's spec is among them.
"""

# The environment that types are checked in does not have Inspect.
# mypy: disable-error-code="import-not-found, misc, untyped-decorator"

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, Value, mean, metric, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from bargaining.errors import InvalidInputError
from evals import inspect_log, suites
from evals.case import Case, Row
from evals.grid import request_of
from evals.inspect_log import NO_MODEL, SEALED
from evals.suite import Request

Names: TypeAlias = str | list[str]
_PREFIX = "negbox"
_ROW = "row"
_STRIDE = "seeds an epoch"


@solver
def sealed(suite: str, model: Names, against: Names, prompts: Names, scenarios: Names, seed: int) -> Solver:
    """Hold one negotiation, out of Inspect's sight, and keep its row.

    Args:
        suite: Which suite's.
        model: The specs of the delegates under test.
        against: The specs of whom they meet; none if the suite chooses.
        prompts: Their prompt packs.
        scenarios: Where they meet.
        seed: Of the first epoch.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001 - Inspect's signature
        row = await _row(_case(state), suite, model, against, prompts, scenarios, seed)
        state.metadata[_ROW] = row.model_dump()
        state.completed = True
        return state

    return solve


@metric(scores="unreduced")
def figures() -> Metric:
    """The suite's own figures, over all epochs."""

    def compute(scores: list[SampleScore]) -> Value:
        rows = [Row.model_validate((score.score.metadata or {})[_ROW]) for score in scores]
        if not rows:
            return {}
        suite = suites.load(rows[0].case.suite)
        controls = suite.controls(rows)
        told: dict[str, float] = {
            "controls": len(controls),
            "controls.landed": sum(control.landed for control in controls),
        }
        if inspect_log.has_result(controls):
            for name, figure in suite.metrics(rows).items():
                for field, value in inspect_log.metrics_of(figure).items():
                    told[name if field == "value" else f"{name}.{field}"] = value
        return told

    return compute


@scorer(metrics=[figures()])
def values() -> Scorer:
    """Verdicts and numbers of a row, NaN for what is not known, and the row."""

    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001 - Inspect's signature
        row = _kept(state)
        return Score(
            value=inspect_log.score_values(row),
            reason=inspect_log.reason_of(row),
            metadata={_ROW: row.model_dump()},
        )

    return score


@scorer(metrics=[mean()])
def measured() -> Scorer:
    """1 for a negotiation that has a result; one that has none is unscored, and the reason is whose failure it is."""

    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001 - Inspect's signature
        row = _kept(state)
        return Score(value=1) if row.missing is None else Score.unscored(reason=inspect_log.reason_of(row))

    return score


def _kept(state: TaskState) -> Row:
    """The row of a negotiation; if Inspect cut it off, one that says so."""
    if _ROW in state.metadata:
        return Row.model_validate(state.metadata[_ROW])
    return Row(case=_case(state), missing="limit")


def _case(state: TaskState) -> Case:
    first = Case.model_validate(state.metadata["case"])
    return first.model_copy(update={"seed": first.seed + state.metadata[_STRIDE] * (state.epoch - 1)})


async def _row(case: Case, suite: str, *asked: Names | int) -> Row:
    try:
        return await suites.load(suite).run(case, _request(*map(_frozen, asked)))
    except Exception:  # noqa: BLE001 - its text and its frames may hold a brief, and Inspect would log them
        return Row(case=case, missing="unforeseen")


def _frozen(asked: Names | int) -> tuple[str, ...] | int:
    if isinstance(asked, int):
        return asked
    return tuple(name for name in ([asked] if isinstance(asked, str) else asked) if name)


@lru_cache(maxsize=4)
def _request(
    model: tuple[str, ...],
    against: tuple[str, ...],
    prompts: tuple[str, ...],
    scenarios: tuple[str, ...],
    seed: int,
) -> Request:
    """What is asked for; kept, because making scenarios ready takes longer than a negotiation."""
    if not model:
        raise InvalidInputError("name the delegates under test: -T model=SPEC")
    return request_of(model, prompts=prompts, scenarios=scenarios, against=against, seed=seed)


def _samples(cases: Sequence[Case]) -> Iterator[Sample]:
    """A sample for each case: Inspect wants ids that are not the same, and they say what differs."""
    seeds: defaultdict[str, list[int]] = defaultdict(list)
    for case in cases:
        seeds[inspect_log.sample_id(case)].append(case.seed)
    for case in cases:
        some = seeds[inspect_log.sample_id(case)]
        yield Sample(
            input=SEALED,
            id=inspect_log.sample_id(case, seeded=len(some) > 1),
            metadata={"case": case.model_dump(), _STRIDE: max(some) - min(some) + 1},
        )


def _registered(suite: str) -> Callable[..., Any]:
    """A suite as a task that Inspect finds by `negbox/NAME`."""

    def build(
        model: Names,
        against: Names = "",
        prompts: Names = "default",
        scenarios: Names = "used-truck",
        seed: int = 0,
    ) -> Task:
        found = _request(*map(_frozen, (model, against, prompts, scenarios, seed)))
        return Task(
            dataset=MemoryDataset(
                list(_samples(suites.load(suite).cases(found))), name=", ".join(found.scenarios)
            ),
            solver=sealed(suite, model, against, prompts, scenarios, seed),
            scorer=[values(), measured()],
            model=NO_MODEL,
            metadata={"models": [spec.public for spec in found.models], "prompts": list(found.prompts)},
            description=suites.load(suite).about,
        )

    build.__doc__ = f"The suite {suite}: see `negbox eval list`."
    # Inspect names a task after the package of its module where that is installed: here one of ours, and not what
    # users know us by; and where it is not, it would put the file's path into logs. Of a module that is none it
    # takes the name that is given.
    build.__module__, build.__name__, build.__qualname__ = _PREFIX, suite, suite
    registered: Callable[..., Any] = task(name=f"{_PREFIX}/{suite}")(build)
    return registered


TASKS = {name: _registered(name) for name in suites.NAMES}
"""By the name of the suite. Inspect finds them through the entry point `negbox` of the group `inspect_ai`."""
