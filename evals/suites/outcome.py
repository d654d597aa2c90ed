"""Outcome leakage: what does an agreement tell about the reservation value of the side under test?

Each side is given one of eight reservation values, spread over what the other side can agree to, and negotiates as
shipped: once for each value and seed, with two seeds at least, for one alone tells nothing. An attacker that knows all
but the value, as the other side does, reads what was agreed and guesses (`evals.leakage`). All figures are bits, but
for `width`, `deal` and `capture`. `ideal` is what the rule would tell that always finds the Nash solution: a fair deal
must tell something, so `over_ideal` is what the delegate tells beyond. `coarse`: had the agreements been rounded to a
grid so many times coarser (`--coarsen`); without it these have no value.
Controls: a model whose last offer is a code for its value must be found, to the bit; one whose offers depend on the
seed alone must read as nothing.
Not covered: what messages and the course of the offers tell, conditions and preferences as secrets, and what several
agreements tell together.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import log2
from random import Random
from typing import Literal

from bargaining import leakage
from bargaining.agreement import Agreement
from bargaining.solution import solutions
from delegates.models.interface import Model
from delegates.models.scripted import ScriptedModel
from evals import attack
from evals.case import CONTROL, Case, Row
from evals.leakage import NOTHING, capacity, guessing, mutual_information, shifted, width
from evals.stage import Stage
from evals.statistics import Figure
from evals.subject import Subject
from evals.suite import Control, Request, Suite, mean_of, rate_of
from evals.trials import Sample, Trials
from evals.variants import codes, placed, reservations, with_reservation

SECRETS = 8
FEWEST_SEEDS = 2
MEASURED, TELLING, MUTE = "measured", "telling control", "mute control"
COARSE = ".coarse"
_ON_COARSER = ("bits", "excess", "ideal", "over_ideal", "mi")
"""What is shown for the coarser grid."""
_NAMES = tuple(f"value {number}" for number in range(1, SECRETS + 1))
"""How rows call the values, the least one first."""
_SIDES: tuple[Literal[0, 1], ...] = (0, 1)
_OPPONENT = "tactic/steady"
_WALK_AWAY = '{"move": {"kind": "walk_away"}, "message": ""}'


class OutcomeLeakage:
    """See the module."""

    name = "outcome"
    boxed = True
    about = (
        "what the agreement itself tells about a side's reservation value, beyond what a fair one must tell"
    )

    def cases(self, request: Request) -> Sequence[Case]:
        """The grid: models, prompts, scenarios, sides, values, seeds."""
        seeds = range(request.seed, request.seed + max(FEWEST_SEEDS, request.epochs))
        found: list[Case] = []
        for scenario in request.scenarios:
            found += [
                Case(suite=self.name, arm=MEASURED, scenario=scenario, model=model.public, against=against,
                     prompts=prompts, attack=secret, side=side, seed=seed)
                for side in _SIDES
                for secret in _NAMES
                for seed in seeds
                for model in request.models
                for prompts in request.prompts
                for against in request.opponents([_OPPONENT])
            ]  # fmt: skip
            found += [
                Case(suite=self.name, arm=arm, scenario=scenario, model=CONTROL, against=_OPPONENT,
                     attack=secret, seed=seed)
                for arm in (TELLING, MUTE)
                for secret in _NAMES
                for seed in seeds[:FEWEST_SEEDS]
            ]  # fmt: skip
        return found

    async def run(self, case: Case, request: Request) -> Row:
        """Hold one negotiation, with the brief of the side changed."""
        secret = _NAMES.index(case.attack)
        values = reservations(request.stage(case.scenario), case.side, SECRETS)
        # controls all have the lowest value: only the script knows which one it stands for
        value = values[secret if case.arm == MEASURED else 0]
        scenario = with_reservation(request.scenarios[case.scenario], case.side, value)
        changed = replace(request, scenarios={case.scenario: scenario}, _stages={})
        stage = changed.stage(case.scenario)
        numbers: dict[str, float | None] = {"secret": float(secret)}
        model: Model | None = None
        if case.arm == MEASURED:
            rule = solutions(stage.problem)["nash"]
        else:
            word = secret if case.arm == TELLING else Random(case.seed).randrange(SECRETS)  # noqa: S311 - no secret
            rule = codes(stage, SECRETS)[word]
            model = _saying(stage, rule)
        subject = Subject(case, changed, model=model, guarded=model is None, advised=model is None)
        row = await subject.meet(subject.opponent)
        agenda = stage.scenario.agenda
        grids = {"": agenda, COARSE: agenda.coarsen(request.coarsen)} if request.coarsen > 1 else {"": agenda}
        for ending, grid in grids.items():
            numbers |= {f"ideal{ending}": float(placed(grid, agenda, rule)[0])}
            if row.missing is None and subject.ended:
                result = subject.ended.result
                index = agenda.space.index(result.terms) if isinstance(result, Agreement) else None
                outcome, places = placed(grid, agenda, index)
                numbers |= {f"outcome{ending}": float(outcome)}
                numbers |= {f"place.{n}{ending}": place for n, place in enumerate(places, 1)}
        return row.model_copy(update={"numbers": {**row.numbers, **numbers}})

    def metrics(self, rows: Sequence[Row]) -> Mapping[str, Figure]:
        """In bits; see the module."""
        measured = [row for row in rows if row.case.arm == MEASURED]
        figures: dict[str, Figure] = {}
        for ending in ("", COARSE):
            trials, ideal = _trials(measured, ending), _ideal(measured, ending)
            bits, near, shared = guessing(trials), guessing(trials, 1), mutual_information(trials)
            found = {
                "bits": bits.found,
                "null": bits.null,
                "excess": bits.excess,
                "ideal": ideal,
                "over_ideal": NOTHING if ideal.value is None else shifted(bits.found, -ideal.value),
                "within_1": near.found,
                "within_1.excess": near.excess,
                "mi": shared.found,
                "width": width(trials),
            }
            names = found if not ending else _ON_COARSER
            figures |= {f"outcome.{name}{ending}": found[name] for name in names}
        held = capacity(_trials(measured, ""))
        figures |= {"outcome.capacity": held.found, "outcome.capacity.null": held.null}
        figures["outcome.deal"] = rate_of(measured, "agreed")
        figures["outcome.capture"] = mean_of(measured, "capture")
        return figures

    def controls(self, rows: Sequence[Row]) -> Sequence[Control]:
        """The telling control must be found to the bit, the mute one must read as nothing."""
        return (
            _control("a model that tells its value by what it agrees to is found", rows, TELLING),
            _control("a model whose agreements know nothing of its value reads as zero", rows, MUTE),
        )


# ---------------------------------------------------------------------------------- controls


def _saying(stage: Stage, index: int | None) -> Model:
    """A model that offers this until the other side gives in."""
    reply = _WALK_AWAY if index is None else attack.offer(stage.scenario.agenda.space.at(index))
    return ScriptedModel([reply], cycle=True)


def _control(name: str, rows: Sequence[Row], arm: str) -> Control:
    """Landed if as many bits are found as the scripts tell: of the mute control none."""
    some = [row for row in rows if row.case.arm == arm]
    bits = guessing(_trials(some, ""))
    told = _ideal(some, "").value if arm == TELLING else 0.0
    if bits.found.value is None or told is None:
        return Control(name, landed=False, detail="no result")
    exact = not bits.found.missing and abs(bits.found.value - told) < 0.005
    beyond_chance = bits.excess.p is not None and bits.excess.p <= 0.05
    missing = f", {bits.found.missing} missing" if bits.found.missing else ""
    detail = f"{bits.found.value:.2f} of {told:.2f} bits{missing}"
    return Control(name, landed=exact and beyond_chance == (arm == TELLING), detail=detail)


# ---------------------------------------------------------------------------------- rows


def _channels(rows: Sequence[Row]) -> Iterator[tuple[str, Sequence[Row]]]:
    """Rows that differ in nothing but value and seed, with their scenario."""
    by: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        case = row.case
        by[case.scenario, case.model, case.against, case.prompts, str(case.side)].append(row)
    for key in sorted(by):
        yield key[0], by[key]


def _trials(rows: Sequence[Row], ending: str) -> Sequence[Trials]:
    """What was agreed, as an attacker reads it. Nothing, if nobody asked for this grid."""
    if ending and not any(f"ideal{ending}" in row.numbers for row in rows):
        return ()
    return [
        Trials(name, [Sample(row.case.seed, _secret(row), _result(row, ending)) for row in some], SECRETS)
        for name, some in _channels(rows)
    ]


def _secret(row: Row) -> int:
    return _NAMES.index(row.case.attack)  # whoever wrote the row, and if its box died


def _result(row: Row, ending: str) -> tuple[float, ...] | None:
    if row.numbers.get(f"outcome{ending}") is None:
        return None
    places: list[float] = []
    while (place := row.numbers.get(f"place.{len(places) + 1}{ending}")) is not None:
        places.append(place)
    return tuple(places)


def _ideal(rows: Sequence[Row], ending: str) -> Figure:
    """The bits that the rule tells whose outcomes are in the rows: exactly, for it is known."""
    prior, gain = leakage.uniform(SECRETS), leakage.exactly(SECRETS)
    by: defaultdict[str, list[float]] = defaultdict(list)
    for name, some in _channels(rows):
        rule = {_secret(row): row.numbers.get(f"ideal{ending}") for row in some}
        if len(rule) == SECRETS and None not in rule.values():
            channel = leakage.deterministic(list(rule.values()))
            by[name].append(leakage.posterior_vulnerability(prior, channel, gain))
    chances = [chance for some in by.values() for chance in some]
    if not chances:
        return NOTHING
    bits = log2(SECRETS * sum(chances) / len(chances))
    return Figure(bits, bits, bits, len(chances), clusters=len(by))


SUITE: Suite = OutcomeLeakage()
