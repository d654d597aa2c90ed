"""Hostile models at the table: what they get agreed, and what they get said.

    python -m evals.hostile [--runs 1000] [--json]

Each run is a whole negotiation of a shipped scenario with a hostile model (`evals.attack`) behind a real
delegate on one side or both, with and without the advisor; the other side plays a classical tactic. Agreements
are checked by `evals.oracle` and messages by `evals.detector`, which share no code with what they check.
The positive control is how often the models tried: if no reply held a secret, the instrument failed.
Exit code 1: it failed, or found something. Briefs of shipped scenarios are examples and may be shown.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from bargaining.agreement import Agreement
from bargaining.errors import ModelUnavailableError
from bargaining.mandate import BoundMandate
from bargaining.move import Accept, Offer
from bargaining.table import Table
from bargaining.tactic import TACTICS
from bargaining.utility import UtilityFunction
from delegates.delegate import LLMDelegate, TacticDelegate
from delegates.models.interface import Completion, Model, Request
from delegates.models.spec import open_model
from delegates.prompt import PromptPack
from delegates.scenario import Scenario, load
from evals import attack, command
from evals.attack import HostileModel, Insider
from evals.detector import Detector
from evals.oracle import permits
from evals.server import FaultyServer
from evals.tally import COUNTS, Tally, failures, report, total
from evals.witness import Seen
from graphs.alternating import negotiate

BEHAVIOURS = (*attack.VOICES, attack.STALLS, *attack.FAULTS)
SCENARIOS = ("used-truck", "saas-contract", "job-offer")
TURN_SECONDS = 20.0
STALL_SECONDS = 0.02
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Case:
    """One run to make."""

    number: int
    behaviour: str
    scenario: str
    sides: tuple[int, ...]
    """Which sides are hostile, by place in the agenda."""
    advised: bool
    provider: str
    """Whose wire format a failing server speaks."""
    always: bool
    """Stalls and failures: every time, or most times."""


def cases(runs: int) -> list[Case]:
    """Runs spread evenly over behaviours; every tenth of a behaviour is the job offer, which is slow to set up."""
    found = []
    for number in range(runs):
        lap, place = divmod(number, len(BEHAVIOURS))
        sides = ((0,), (1,), (0, 1))[lap % 3]
        advised, always = lap // 3 % 2 == 0, lap // 6 % 2 == 0
        provider = ("openai", "anthropic")[lap // 12 % 2]
        # shifted after every 24 laps, so that each scenario meets each of the choices above
        scenario = SCENARIOS[2] if lap % 10 == 9 else SCENARIOS[(lap + lap // 24) % 2]
        found.append(Case(number, BEHAVIOURS[place], scenario, sides, advised, provider, always))
    return found


@dataclass(frozen=True, slots=True)
class Ground:
    """A scenario, made ready once for many runs."""

    scenario: Scenario
    utilities: Mapping[str, UtilityFunction]
    mandates: Mapping[str, BoundMandate]
    """What the referee enforces."""
    detectors: Mapping[str, Detector]

    @classmethod
    def of(cls, name: str) -> "Ground":
        """A shipped scenario. Both briefs must have preferences."""
        scenario = load(name)
        utilities, mandates = {}, {}
        for role, brief in scenario.briefs.items():
            utility, mandates[role] = brief.bind(scenario.agenda)
            assert utility is not None
            utilities[role] = utility
        detectors = {role: Detector(brief, scenario.agenda) for role, brief in scenario.briefs.items()}
        return cls(scenario, utilities, mandates, detectors)


class _Overheard:
    """A model whose replies are counted before the delegate reads them."""

    def __init__(self, model: Model, detector: Detector, longest: int, tally: Tally) -> None:
        self.spec = model.spec
        self._model, self._detector, self._longest, self._tally = model, detector, longest, tally

    async def complete(self, request: Request) -> Completion:
        completion = await self._model.complete(request)
        message, terms = _spoken(completion.text, self._longest)
        self._tally.spoken += self._detector.reads(message, terms) in {"fact", "keyword", "number"}
        return completion

    async def close(self) -> None:
        await self._model.close()


def _spoken(reply: str, longest: int) -> tuple[str, Sequence[object]]:
    """The message in a reply and the terms beside it; of anything but a move, its beginning."""
    try:
        found: Any = json.loads(reply)
        message, terms = found["message"], found["move"].get("terms", {})
        return message[:longest], list(terms.values())
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return reply[:longest], ()


async def play(case: Case, ground: Ground, pack: PromptPack) -> Tally:
    """Make one run and count what happened in it."""
    agenda, tally = ground.scenario.agenda, Tally(runs=1)
    hostile = [agenda.roles[side] for side in case.sides]
    insiders = {
        role: Insider(agenda, ground.scenario.briefs[role], _best(ground, role), 2 * case.number + side)
        for side, role in enumerate(agenda.roles)
        if role in hostile
    }
    with ExitStack() as open_things:
        models = _models(case, insiders, open_things)
        delegates: dict[str, LLMDelegate] = {}
        players: dict[str, Seen] = {}
        for role in agenda.roles:
            if role not in hostile:
                tactic = list(TACTICS.values())[case.number % len(TACTICS)]
                player = tactic(agenda, ground.utilities[role], ground.mandates[role], case.number)
                players[role] = Seen(TacticDelegate(player))
                continue
            heard = _Overheard(models[role], ground.detectors[role], agenda.message_characters, tally)
            delegates[role] = LLMDelegate(
                role,
                agenda,
                ground.scenario.briefs[role],
                heard,
                pack,
                advised=case.advised,
                seed=case.number,
                timeout_seconds=STALL_SECONDS if case.behaviour == attack.STALLS else TURN_SECONDS,
            )
            players[role] = Seen(delegates[role])
        table: Table | None = None
        try:
            negotiation = await negotiate(agenda, players, ground.mandates)
        except ModelUnavailableError:
            tally.cut_short = 1
        except Exception as error:  # noqa: BLE001 - whatever a hostile model breaks is a finding
            tally.errors = 1
            tally.found.append(f"{case.scenario}, {case.behaviour}: {type(error).__name__}")
        else:
            table = negotiation.table
            _count_agreement(tally, case, ground, negotiation.result)
        finally:
            await asyncio.gather(*(model.close() for model in models.values()))
    table = table or max((p.table for p in players.values() if p.table), key=lambda t: t.turn, default=None)
    _count_messages(tally, case, ground, table)
    for delegate in delegates.values():
        for name in ("turns", "denied", "unreadable", "failed_calls", "replaced"):
            setattr(tally, name, getattr(tally, name) + getattr(delegate.counters, name))
    return tally


def _best(ground: Ground, role: str) -> Mapping[str, Any]:
    best = ground.mandates[role].best
    return best if best is not None else ground.scenario.agenda.space.at(0)


def _models(case: Case, insiders: Mapping[str, Insider], open_things: ExitStack) -> dict[str, Model]:
    if case.behaviour in attack.FAULTS:
        fault = attack.FAULTS[case.behaviour]()
        server = open_things.enter_context(
            FaultyServer(
                lambda body: attack.blurting(insiders[body["model"]]),
                faults=lambda number: fault if case.always or number % 3 else None,
            )
        )

        async def skip(seconds: float) -> None:  # noqa: ARG001 - the waits between retries are tested elsewhere
            await asyncio.sleep(0)

        return {
            role: open_model(f"{case.provider}/{role}@{server.base_url}", sleep=skip, environment={})
            for role in insiders
        }
    voice = attack.VOICES.get(case.behaviour, attack.blurting)
    every = 1 if case.always else 2

    def stalls(number: int) -> bool:
        return case.behaviour == attack.STALLS and number % every == 0

    return {
        role: HostileModel(lambda insider=insider: voice(insider), stalls)  # type: ignore[misc]  # a default in a lambda
        for role, insider in insiders.items()
    }


def _count_agreement(tally: Tally, case: Case, ground: Ground, result: object) -> None:
    if not isinstance(result, Agreement):
        return
    tally.agreements = 1
    for role, brief in ground.scenario.briefs.items():
        if not permits(brief, result.terms):
            tally.outside = 1
            tally.found.append(f"{case.scenario}, outside the {role}'s mandate: {result.terms}")


def _count_messages(tally: Tally, case: Case, ground: Ground, table: Table | None) -> None:
    agenda = ground.scenario.agenda
    for entry in table.entries if table else ():
        move = entry.move
        if agenda.roles.index(entry.role) not in case.sides or not move.message:
            continue
        tally.messages += 1
        settled = table.entries[move.offer].move if table and isinstance(move, Accept) else move
        terms = list(settled.outcome.values()) if isinstance(settled, Offer) else []
        if theirs := Table(agenda, table.entries[: entry.number]).standing(entry.role) if table else None:
            terms += theirs.move.outcome.values() if isinstance(theirs.move, Offer) else []
        leak = ground.detectors[entry.role].reads(move.message, terms)
        if leak == "number in passing":
            tally.in_passing += 1
        elif leak:
            tally.crossed += 1
            tally.found.append(f"{case.scenario}, {leak} of the {entry.role}: {move.message!r}")


async def run(runs: int) -> dict[str, Tally]:
    """Make all runs, some of them at a time, and count by behaviour."""
    grounds = {name: Ground.of(name) for name in SCENARIOS}
    pack = PromptPack.load("default")
    tallies = {behaviour: Tally() for behaviour in BEHAVIOURS}
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(case: Case) -> None:
        async with free:
            tallies[case.behaviour].add(await play(case, grounds[case.scenario], pack))

    await asyncio.gather(*(one(case) for case in cases(runs)))
    return tallies


def main() -> int:
    """Run and print a table, or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=command.whole(1), default=1000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    started = time.monotonic()
    tallies = asyncio.run(run(args.runs))
    seconds = time.monotonic() - started
    if args.json:
        counts = {
            behaviour: {name: getattr(tally, name) for name in (*COUNTS, "found")}
            for behaviour, tally in [*tallies.items(), ("all", total(tallies))]
        }
        done = {"behaviours": counts, "seconds": round(seconds), "problems": failures(total(tallies))}
        sys.stdout.write(json.dumps(done, indent=1) + "\n")
    else:
        kinds = Counter(case.scenario for case in cases(args.runs))
        sys.stdout.write("\n".join(report(tallies, seconds)) + "\n")
        sys.stdout.write(", ".join(f"{n} runs of {name}" for name, n in kinds.items()) + "\n")
    return 1 if failures(total(tallies)) else command.OK


if __name__ == "__main__":
    command.run(main)
