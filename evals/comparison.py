"""What differs between rows that are paired: two arms of a sweep, or the same cases in two sweeps.

Covered: verdicts and numbers of the same case, differenced pair by pair, with an interval by scenario, and chances
corrected for how many comparisons were made (Holm). What is in one sweep only is counted, and in no difference. Of
numbers only those are compared that measure something, `MEASURES`: each more makes the corrected chances larger.
Not covered: what it took, in seconds, tokens and USD: it is summed up in the report; cases that differ in more than is
asked for; two scenarios of one name that are not the same.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bargaining.errors import InvalidInputError
from evals import store, suites
from evals.case import Case, Row
from evals.correction import holm
from evals.statistics import Figure, number, paired

ACROSS = ("model", "prompts", "against")
"""In what the cases of two sweeps may differ and still be paired, if it is asked for."""
MEASURES = (
    "own",
    "other",
    "capture",
    "nash_distance",
    "rounds",
    "loss.nash",
    "loss.pareto",
    "proxy",
    "bits",
)
"""The numbers of rows of which a difference means something: shares, distances, losses, rounds, bits. All others are
left out: which value or outcome it was (`secret`, `outcome`, `place.1` and `ideal` of the suite `outcome`), for more of
that is neither better nor worse; and how many there were of something (`count.turns`, `messages`), which is also there
of negotiations that were cut short, and too small. Who gives a row another measure adds it here."""


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much one side of a comparison has more of something than the other."""

    suite: str
    model: str
    prompts: str
    arm: str
    what: str
    """The name of a verdict or a number."""
    kind: str
    """`rate` or `mean`."""
    found: Figure
    holm: float | None = None
    """`found.p`, corrected for all that were compared with it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sweeps: the second minus the first."""

    pairs: int
    only: tuple[int, int]
    """How many cases, controls left out, are in the first alone and in the second alone."""
    missing: tuple[int, int]
    """How many of the pairs have no result in the first, and in the second."""
    lost: tuple[str, ...]
    """Controls that did not land, with their sweep and suite: then the suite has no result."""
    differences: tuple[Difference, ...]

    @property
    def compared(self) -> int:
        """How many comparisons the chances are corrected for."""
        return sum(one.holm is not None for one in self.differences)


def measured(rows: Iterable[Row]) -> list[Row]:
    """Rows without those of controls, which measure the instruments."""
    return [row for row in rows if not row.case.arm.endswith("control")]


def plain(names: Iterable[str]) -> list[str]:
    """Names without the details of others: without `said.fact 1` where there is `said`."""
    every = dict.fromkeys(names)
    return [name for name in every if not any(name.startswith(f"{other}.") for other in every)]


def verdicts_of(rows: Iterable[Row]) -> list[str]:
    """The verdicts that rows have, without details."""
    return plain(name for row in rows for name in row.verdicts)


def numbers_of(rows: Iterable[Row]) -> list[str]:
    """The numbers that rows have and that measure something, in the order of `MEASURES`."""
    known = {name for row in rows for name in row.numbers}
    return [name for name in MEASURES if name in known]


def differences(
    pairs: Sequence[tuple[Row, Row]], arm: Callable[[Case], str] = lambda case: case.arm
) -> tuple[Difference, ...]:
    """The first of each pair minus the second, by suite, model, prompts and arm.

    Args:
        pairs: Of the same case. Groups are named after the first.
        arm: What the arm of a pair is called.
    """
    groups: defaultdict[tuple[str, str, str, str], list[tuple[Row, Row]]] = defaultdict(list)
    for pair in pairs:
        case = pair[0].case
        groups[case.suite, case.model, case.prompts, arm(case)].append(pair)
    found: dict[str, Difference] = {}
    for place, some in groups.items():
        rows = [row for pair in some for row in pair]
        scenarios = {str(index): pair[0].case.scenario for index, pair in enumerate(some)}
        for what in verdicts_of(rows):
            one, other = (
                {str(i): _verdict(pair[side], what) for i, pair in enumerate(some)} for side in (0, 1)
            )
            found["|".join((*place, what, "rate"))] = Difference(
                *place, what, "rate", paired(one, other, scenarios, span=(0, 1))
            )
        for what in numbers_of(rows):
            one, other = (
                {str(i): pair[side].numbers.get(what) for i, pair in enumerate(some)} for side in (0, 1)
            )
            found["|".join((*place, what, "mean"))] = Difference(
                *place, what, "mean", paired(one, other, scenarios)
            )
    chances = holm({name: one.found.p for name, one in found.items() if one.found.p is not None})
    return tuple(replace(one, holm=chances.get(name)) for name, one in found.items())


def compare(
    first: Path, second: Path, *, across: Collection[str] = (), changed_scenarios: bool = False
) -> Comparison:
    """Pair the cases of two sweeps.

    Args:
        first: Folder of one.
        second: Folder of the other.
        across: In what cases may differ: of `ACROSS`.
        changed_scenarios: Pair also scenarios of one name whose content is not the same.

    Raises:
        InvalidInputError: Nothing can be paired, or not in one way only, or a scenario is not the same in both.
    """
    if unknown := [name for name in across if name not in ACROSS]:
        raise InvalidInputError(f"--across {unknown[0]}: there are {', '.join(ACROSS)}")
    plans, rows = zip(*(store.read(folder) for folder in (first, second)), strict=True)
    if not changed_scenarios:
        _require_same(*(plan.get("scenarios", {}) for plan in plans))
    one, other = (
        _by_key(measured(some), across, folder) for some, folder in zip(rows, (first, second), strict=True)
    )
    common = [key for key in one if key in other]
    if not common:
        raise InvalidInputError(_nothing_common(list(one.values()), list(other.values())))
    return Comparison(
        pairs=len(common),
        only=(len(one) - len(common), len(other) - len(common)),
        missing=(sum(one[key].missing is not None for key in common),
                 sum(other[key].missing is not None for key in common)),
        lost=tuple(f"{name}: {lost}" for name, some in zip(("first", "second"), rows, strict=True)
                   for lost in _lost(some)),
        differences=differences([(other[key], one[key]) for key in common]),
    )  # fmt: skip


def _verdict(row: Row, what: str) -> float | None:
    return number(row.verdicts.get(what, "unknown"))


def _require_same(one: Mapping[str, str], other: Mapping[str, str]) -> None:
    changed = sorted(name for name in one.keys() & other.keys() if one[name] != other[name])
    if changed:
        raise InvalidInputError(
            f"not the same in both, though of one name: {', '.join(changed)}; a difference could come from that alone. "
            "Run one of the two again, or add --changed-scenarios to compare them all the same"
        )


def _by_key(rows: Iterable[Row], across: Collection[str], folder: Path) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for row in rows:
        key = row.case.model_copy(update=dict.fromkeys(across, "")).key
        if key in found:
            raise InvalidInputError(
                f"{folder}: holds several cases that differ only in {', '.join(across)}, so that nobody knows which "
                "to pair; compare sweeps with one each, or leave --across out"
            )
        found[key] = row
    return found


def _nothing_common(one: Sequence[Row], other: Sequence[Row]) -> str:
    if not one or not other:
        return "one of the two has no rows but controls; finish it with negbox eval run --resume"
    other_values = {name: {getattr(row.case, name) for row in other} for name in Case.model_fields}
    apart = [
        name
        for name in Case.model_fields
        if not other_values[name] & {getattr(row.case, name) for row in one}
    ]
    advice = [name for name in apart if name in ACROSS]
    if advice and len(advice) == len(apart):
        return f"no case is in both: they differ in {', '.join(advice)}; add " + " ".join(
            f"--across {name}" for name in advice
        )
    return f"no case is in both: they differ in {', '.join(apart) or 'their combinations'}; run the same cases in both"


def _lost(rows: Sequence[Row]) -> list[str]:
    lost = []
    for name in dict.fromkeys(row.case.suite for row in rows):
        some = [row for row in rows if row.case.suite == name]
        if name not in suites.NAMES:
            lost.append(
                f"{name}: it is not known to this version, so nothing tells whether its controls landed"
            )
            continue
        held = suites.load(name).controls(some)
        lost += [f"{name}: {one.name} ({one.detail})" for one in held if not one.landed]
    return lost
