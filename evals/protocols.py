"""Mediated single text beside alternating offers, on the same scenarios, without a language model.

    python -m evals.protocols [SCENARIO ...] [--tactic boulware] [--rounds 10 50 200 1000] [--seeds 20] [--json]

Alternating offers run for the rounds of the scenario's own agenda, mediated text for each of `--rounds`, once with
the mediator that climbs and learns and once with plain random mutation. `capture` is the share of the highest sum
of gains, `distance` that from the Nash solution, both over the agreements; `frontier` is the share of agreements
that nothing is better than for both; `rounds` is how many rounds were played. Seeds change what the mediator
tries; tactics take none in small spaces, so alternating offers run once. What is agreed is settled as the scenario
says, unless `--settlement` does; with `improved` every agreement is efficient by construction: `frontier` is 1.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from scipy.stats import binomtest  # type: ignore[import-untyped]  # has no stubs

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal
from bargaining.deluge import RisingBar
from bargaining.mandate import BoundMandate
from bargaining.mediation import HillClimbing, Mediation, RandomMutation
from bargaining.problem import BargainingProblem
from bargaining.solution import capture, distance, efficient
from bargaining.tactic import TACTICS
from bargaining.utility import UtilityFunction
from delegates.delegate import TacticDelegate
from delegates.mediator import RuleMediator
from delegates.responder import BarResponder
from delegates.scenario import Scenario, bind, load
from evals import command, settlement
from graphs import alternating, single_text

SCENARIOS = ("job-offer", "saas-contract", "used-truck", "persona")
MEDIATORS: Mapping[str, Callable[[Agenda, int], Mediation]] = {
    "climbing": HillClimbing,
    "random": RandomMutation,
}


@dataclass(frozen=True, slots=True)
class Row:
    """How one protocol did on one scenario."""

    scenario: str
    protocol: str
    limit: int
    """How many rounds there could have been."""
    runs: int
    agreed: int
    interval: tuple[float, float]
    """Of the rate of agreement, at 95 % (Wilson)."""
    capture: float | None
    """None: nothing was agreed."""
    distance: float | None
    frontier: float | None
    rounds: float
    seconds: float
    """For one run."""
    settlement: str


@dataclass(frozen=True, slots=True)
class Ground:
    """One scenario, with both sides bound to its agenda and the problem that they make of it."""

    name: str
    agenda: Agenda
    utilities: Mapping[str, UtilityFunction]
    mandates: Mapping[str, BoundMandate]
    problem: BargainingProblem

    @classmethod
    def of(cls, name: str, scenario: Scenario) -> "Ground":
        """The ground of a scenario.

        Raises:
            InvalidInputError: A side has no preferences, or there are too many outcomes.
        """
        agenda = scenario.agenda
        utilities, mandates = bind(scenario)
        return cls(name, agenda, utilities, mandates, BargainingProblem.of(agenda, utilities, mandates))


def offers(ground: Ground, tactic: str) -> Row:
    """Alternating offers, the same tactic on both sides."""
    make = TACTICS[tactic]

    async def run(_: int) -> tuple[Agreement | NoDeal, int]:
        delegates = {
            role: TacticDelegate(make(ground.agenda, ground.utilities[role], ground.mandates[role], 0))
            for role in ground.agenda.roles
        }
        end = await alternating.negotiate(ground.agenda, delegates, ground.mandates)
        return end.result, (end.table.turn + 1) // 2

    return _row(ground, f"offers, {tactic}", ground.agenda.rounds, 1, run)


def texts(ground: Ground, mediator: str, rounds: int, seeds: int) -> Row:
    """Mediated single text, both sides with a rising bar."""
    fields = {name: getattr(ground.agenda, name) for name in Agenda.model_fields}
    agenda = Agenda.model_validate({**fields, "protocol": "single_text", "rounds": rounds})

    async def run(seed: int) -> tuple[Agreement | NoDeal, int]:
        responders = {
            role: BarResponder(RisingBar(ground.utilities[role], ground.mandates[role]))
            for role in agenda.roles
        }
        rule = RuleMediator(MEDIATORS[mediator](agenda, seed))
        end = await single_text.negotiate(agenda, rule, responders, ground.mandates)
        return end.result, len(end.texts)

    return _row(ground, f"text, {mediator}", rounds, seeds, run)


def _row(
    ground: Ground,
    protocol: str,
    limit: int,
    runs: int,
    run: Callable[[int], Coroutine[None, None, tuple[Agreement | NoDeal, int]]],
) -> Row:
    started = time.monotonic()
    ended = [asyncio.run(run(seed)) for seed in range(runs)]
    seconds = (time.monotonic() - started) / runs
    agreed = [ground.agenda.space.index(result.terms) for result, _ in ended if isinstance(result, Agreement)]
    rate = binomtest(len(agreed), runs).proportion_ci(method="wilson")
    return Row(
        scenario=ground.name,
        protocol=protocol,
        limit=limit,
        runs=runs,
        agreed=len(agreed),
        interval=(float(rate.low), float(rate.high)),
        capture=_mean([float(capture(ground.problem, index)) for index in agreed]),
        distance=_mean([distance(ground.problem, index, "nash") for index in agreed]),
        frontier=_mean([float(efficient(ground.problem, index)) for index in agreed]),
        rounds=fmean(rounds for _, rounds in ended),
        seconds=seconds,
        settlement=ground.agenda.settlement,
    )


def _mean(numbers: Sequence[float]) -> float | None:
    return fmean(numbers) if numbers else None


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The rows as text, a line each."""
    yield settlement.heading((row.scenario, row.settlement) for row in rows)
    yield "scenario        protocol          limit  agreed  (95 %)        capture distance frontier  rounds seconds"
    for row in rows:
        low, high = row.interval
        found = "".join(
            f" {number:8.3f}" if number is not None else "        -"
            for number in (row.capture, row.distance, row.frontier)
        )
        yield (
            f"{row.scenario:15} {row.protocol:17} {row.limit:5}  {row.agreed:2} / {row.runs:2}"
            f" ({low:.2f} to {high:.2f}){found} {row.rounds:7.1f} {row.seconds:7.2f}"
        )


def measured(
    grounds: Sequence[Ground], tactics: Sequence[str], rounds: Sequence[int], seeds: int
) -> Iterator[Row]:
    """All rows, each as it comes."""
    for ground in grounds:
        for tactic in tactics:
            yield offers(ground, tactic)
        for limit in rounds:
            for mediator in MEDIATORS:
                yield texts(ground, mediator, limit, seeds)


def main() -> int:
    """Run all and print a table."""
    most = Agenda.model_json_schema()["properties"]["rounds"]["maximum"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenarios", nargs="*", default=SCENARIOS)
    parser.add_argument("--tactic", nargs="+", default=("boulware", "linear"), choices=sorted(TACTICS))
    parser.add_argument("--rounds", nargs="+", type=command.whole(1, most), default=(10, 50, 200, 1000))
    parser.add_argument("--seeds", type=command.whole(1), default=20)
    settlement.add_option(parser)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    grounds = [Ground.of(name, settlement.settled(load(name), args.settlement)) for name in args.scenarios]
    rows, code = command.gather(
        measured(grounds, args.tactic, args.rounds, args.seeds),
        lambda _, row: f"{row.scenario}: {row.protocol}, {row.limit} rounds done",
    )
    if args.json:
        sys.stdout.write(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    else:
        sys.stdout.write("\n".join(table(rows)) + "\n")
    return code


if __name__ == "__main__":
    command.run(main)
