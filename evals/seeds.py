"""One scenario, many seeds: how often a model reaches agreement, at what cost, and how often the guard steps in.

python -m evals.seeds SCENARIO [--model SPEC] [--prompts PACK] [--seeds 10] [--no-advisor] [--json]
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction

from bargaining.agreement import Agreement
from bargaining.utility import UtilityFunction
from delegates.budget import Budget
from delegates.models.spec import ModelSpec, parse
from delegates.models.weights import DEFAULT_ALIAS
from delegates.prompt import PromptPack
from delegates.scenario import Scenario, load
from evals import command
from sandbox.box import Box, Seat


@dataclass(frozen=True, slots=True)
class Row:
    """One run."""

    seed: int
    agreed: bool
    ending: str
    terms: dict[str, bool | int | str]
    shares: tuple[float | None, ...]
    """Each side's utility, as a share of its range from reservation value to best; None for no deal."""
    turns: int
    calls: int
    tokens: int
    seconds: float
    denied: int
    unreadable: int
    failed_calls: int
    replaced: int


def run(scenario: Scenario, model: ModelSpec, pack: PromptPack, seed: int, *, advised: bool) -> Row:
    """Run once, with the same model and prompts on both sides."""
    budget = Budget()
    seats = {role: Seat(model, pack, advised) for role in scenario.agenda.roles}
    started = time.monotonic()
    released = asyncio.run(Box(seats, budget, seed=seed).run(scenario.agenda, scenario.briefs))
    if isinstance(released.error, asyncio.CancelledError):
        raise KeyboardInterrupt  # asyncio makes a cancellation of Ctrl-C, and the box a no deal of that
    counters = list(released.counters.values())
    terms = released.result.terms if isinstance(released.result, Agreement) else {}
    return Row(
        seed=seed,
        agreed=bool(terms),
        ending=released.ending or f"cut short: {type(released.error).__name__}",
        terms=dict(terms),
        shares=tuple(_share(scenario, role, terms) for role in scenario.agenda.roles),
        turns=sum(c.turns for c in counters),
        calls=budget.spent.calls,
        tokens=budget.spent.tokens,
        seconds=round(time.monotonic() - started, 1),
        denied=sum(c.denied for c in counters),
        unreadable=sum(c.unreadable for c in counters),
        failed_calls=sum(c.failed_calls for c in counters),
        replaced=sum(c.replaced for c in counters),
    )


def _share(scenario: Scenario, role: str, terms: dict[str, bool | int | str]) -> float | None:
    brief = scenario.briefs[role]
    if not terms or brief.preferences is None:
        return None
    utility = UtilityFunction(brief.preferences, scenario.agenda)
    least = brief.mandate.reservation_value or Fraction(0)
    worth = utility.value(scenario.agenda.space.outcome(terms))
    return round(float((worth - least) / (utility.best - least or 1)), 3)


def table(rows: list[Row], roles: tuple[str, str]) -> Iterator[str]:
    """The rows as text, a line each, and what they come to."""
    first, second = roles
    yield f"seed  ending        turns calls  tokens seconds denied unreadable replaced  {first} / {second} share"
    for r in rows:
        shares = " / ".join("-" if share is None else f"{share:.2f}" for share in r.shares)
        yield (
            f"{r.seed:4}  {r.ending:12} {r.turns:6} {r.calls:5} {r.tokens:7} {r.seconds:7.1f} {r.denied:6} "
            f"{r.unreadable:10} {r.replaced:8}  {shares}"
        )
    if not rows:
        return
    agreed, runs, turns = sum(r.agreed for r in rows), len(rows), sum(r.turns for r in rows)
    middle = sorted(r.seconds for r in rows)[runs // 2]
    yield (
        f"{agreed} of {runs} agreed; median {middle:.0f} s; {sum(r.tokens for r in rows) // runs} tokens a run; "
        f"in {turns} turns the guard denied {sum(r.denied for r in rows)} moves, {sum(r.unreadable for r in rows)} "
        f"replies were unreadable, the advisor moved in place of the model {sum(r.replaced for r in rows)} times"
    )


def main() -> int:
    """Run all seeds and print a table, each line as it comes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenario")
    parser.add_argument("--model", default=f"local/{DEFAULT_ALIAS}")
    parser.add_argument("--prompts", default="default")
    parser.add_argument("--seeds", type=command.whole(1), default=10)
    parser.add_argument("--no-advisor", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    scenario, model, pack = load(args.scenario), parse(args.model), PromptPack.load(args.prompts)
    rows, code = command.gather(
        (run(scenario, model, pack, seed, advised=not args.no_advisor) for seed in range(args.seeds)),
        lambda _, row: f"seed {row.seed}: {row.ending}, {row.seconds:.0f} s",
    )
    if args.json:
        sys.stdout.write(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    else:
        sys.stdout.write("\n".join(table(rows, scenario.agenda.roles)) + "\n")
    return code


if __name__ == "__main__":
    command.run(main)
