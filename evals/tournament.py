"""A tournament: everyone against everyone, or a language model against chosen tactics, and what it came to.

    python -m evals.tournament [--scenarios NAME... | --random N] [--tactics NAME,...]
    python -m evals.tournament --model SPEC [--no-advisor] --against NAME,... [--sides both] [--runs N]
    python -m evals.tournament --model SPEC --against self     the same model on both sides

Covered: agreement rate, own utility, capture, distance to Nash, efficiency, rounds and tokens, each with a 95 %
interval (Wilson for rates, the bootstrap for means); every finished negotiation is written at once to `--out`, and
`--resume` goes on where an interrupted tournament stopped. What is agreed is settled as the scenario says, unless
`--settlement` does; with `improved` every agreement is efficient by construction, and `frontier` says nothing.
Not covered: dependence between negotiations on the same scenario; the intervals are too narrow for other scenarios.
Own utility is a share: 0 at the reservation value, 1 at the best individually rational outcome, 0 without a deal.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import product
from math import hypot
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bargaining.errors import InvalidInputError
from bargaining.problem import BargainingProblem
from bargaining.solution import capture, efficient, solutions
from bargaining.tactic import TACTICS
from delegates.models.spec import parse
from delegates.prompt import PromptPack
from delegates.scenario import Scenario, load, problem_of
from evals import command, domains, settlement
from evals.players import Game, LanguageModel, Player, check, play
from evals.standings import report, standings

SELF = "self"
"""Whom a language model meets that is to meet itself."""
_SHIPPED = ("job-offer", "saas-contract", "used-truck")
_BEGINNING = '{"scenario": "'
"""Of each line in a file of rows."""


@dataclass(frozen=True, slots=True)
class Match:
    """One negotiation to be held."""

    scenario: str
    first: Player
    second: Player
    seed: int
    settlement: str

    @property
    def key(self) -> tuple[str, str, str, int, str]:
        """What tells it from all others."""
        return self.scenario, str(self.first), str(self.second), self.seed, self.settlement


@dataclass(frozen=True, slots=True)
class Row:
    """One negotiation that was held, in numbers that tell nothing but how good it was."""

    scenario: str
    first: str
    second: str
    seed: int
    settlement: str
    agreed: bool
    ending: str
    shares: tuple[float, float]
    """What each side has of what it could gain."""
    capture: float
    """The share of the highest sum of gains."""
    nash_distance: float
    """From the Nash solution; both sides scaled as in `shares`."""
    efficient: bool
    rounds: int
    calls: int
    tokens: int
    denied: int
    unreadable: int
    replaced: int
    seconds: float
    failed: str
    """The type of the error that cut the run short. Such a row counts in no rate and no mean."""

    @property
    def key(self) -> tuple[str, str, str, int, str]:
        """The key of its match."""
        return self.scenario, self.first, self.second, self.seed, self.settlement


def hold(match: Match) -> Row:
    """Hold one negotiation and measure it.

    Raises:
        InvalidInputError: The scenario or a player does not exist, or the scenario has no room for a deal.
    """
    scenario, problem = _scenario(match.scenario)
    players = dict(zip(scenario.agenda.roles, (match.first, match.second), strict=True))
    started = time.monotonic()
    game = play(settlement.settled(scenario, match.settlement), players, match.seed)
    return _measured(match, game, problem, time.monotonic() - started, scenario)


def _measured(
    match: Match, game: Game, problem: BargainingProblem, seconds: float, scenario: Scenario
) -> Row:
    fair = solutions(problem)["nash"]
    assert fair is not None
    index = None if game.terms is None else scenario.agenda.space.index(game.terms)
    shares, wanted = _shares(problem, index), _shares(problem, fair)
    return Row(
        *match.key,
        agreed=index is not None,
        ending=game.ending,
        shares=shares,
        capture=0.0 if index is None else float(capture(problem, index)),
        nash_distance=hypot(shares[0] - wanted[0], shares[1] - wanted[1]),
        efficient=index is not None and efficient(problem, index),
        rounds=game.rounds,
        calls=game.calls,
        tokens=game.tokens,
        denied=game.denied,
        unreadable=game.unreadable,
        replaced=game.replaced,
        seconds=round(seconds, 3),
        failed=game.failed,
    )


def _shares(problem: BargainingProblem, index: int | None) -> tuple[float, float]:
    if index is None or problem.ideal is None:
        return 0.0, 0.0
    sides = zip(problem.value(index), problem.disagreement, problem.ideal, strict=True)
    # a side that can gain nothing has all of it
    first, second = (float((has - base) / (most - base)) if most > base else 1.0 for has, base, most in sides)
    return first, second


@lru_cache(maxsize=4)
def _scenario(name: str) -> tuple[Scenario, BargainingProblem]:
    seed = name.removeprefix("random:")
    scenario = domains.scenario(int(seed)) if seed != name else load(name)
    problem = problem_of(scenario)
    if not problem.rational:
        raise InvalidInputError(f"{name} has no outcome that both sides prefer to none; take another")
    return scenario, problem


# ── What is to be held ───────────────────────────────────────────────────────


def draw(options: argparse.Namespace) -> list[Match]:
    """All matches that the options ask for; those on the same scenario follow one another.

    Raises:
        InvalidInputError: A scenario, a player or the prompts cannot be used.
    """
    names = (
        [f"random:{options.seed + number}" for number in range(options.random)]
        if options.random
        else options.scenarios or _SHIPPED
    )
    tactics: list[str] = options.tactics.split(",") if options.tactics else sorted(TACTICS)
    pairs: list[tuple[Player, Player]] = list(product(tactics, tactics))
    seeds = [options.seed]
    if options.model:
        against = options.against.split(",") if options.against else tactics
        pairs = _meetings(_language_model(options), against, options.sides)
        seeds = [options.seed + number for number in range(options.runs)]
    elif options.against:
        raise InvalidInputError(
            "--against: is for a --model; tactics meet one another, name them in --tactics"
        )
    for pair in pairs:
        check(pair)
    settlements = {name: options.settlement or _scenario(name)[0].agenda.settlement for name in names}
    return [
        Match(name, first, second, seed, settlements[name])
        for name in names
        for seed in seeds
        for first, second in pairs
    ]


def _language_model(options: argparse.Namespace) -> LanguageModel:
    spec = parse(options.model)
    if spec.provider == "tactic":
        raise InvalidInputError("--model: a tactic is no model; name it in --tactics")
    return LanguageModel(spec, options.advisor, PromptPack.load(options.prompts))


def _meetings(model: LanguageModel, against: Sequence[str], sides: str) -> list[tuple[Player, Player]]:
    others = [name for name in against if name != SELF]
    pairs: list[tuple[Player, Player]] = [(model, model)] if SELF in against else []
    pairs += [(model, other) for other in others] if sides in {"both", "first"} else []
    pairs += [(other, model) for other in others] if sides in {"both", "second"} else []
    return pairs


def held(file: Path) -> list[Row]:
    """The rows of an earlier tournament. A line that was not written to its end is left out.

    Raises:
        InvalidInputError: The file holds something else.
    """
    rows = []
    reader = TypeAdapter(Row)
    strange = 0
    for number, line in enumerate(file.read_bytes().decode("utf-8", "replace").split("\n"), 1):
        try:
            rows.append(reader.validate_json(line))
        except ValidationError:
            begun = line.startswith(_BEGINNING) or _BEGINNING.startswith(line)
            cut_off = begun and not line.endswith("}")
            strange = strange or (0 if cut_off else number)
    if strange:
        raise InvalidInputError(
            f"{file}:{strange}: is not a row of a tournament of this version; choose another file"
        )
    return rows


def run(matches: Sequence[Match], out: Path | None, *, resume: bool) -> Iterator[Row]:
    """Hold all matches, each row as it comes; those that were held before come first.

    Raises:
        InvalidInputError: The file exists already and nothing was said about resuming, or holds something else.
        OSError: The file cannot be written. Nothing was held yet.
    """
    done = [] if out is None else _resumed(matches, out, resume=resume)
    yield from done
    known = {row.key for row in done}
    for match in matches:
        if match.key in known:
            continue
        row = hold(match)
        if out is not None:
            with out.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(asdict(row)) + "\n")
        yield row


def _resumed(matches: Sequence[Match], out: Path, *, resume: bool) -> list[Row]:
    """The rows in the file that need not be held again; the file is ready for more."""
    with out.open("a", encoding="utf-8") as stream:
        if not out.stat().st_size:
            return []
        if not resume:
            raise InvalidInputError(f"{out}: exists already; add --resume, or choose another file")
        rows = held(out)
        if not out.read_bytes().endswith(b"\n"):
            stream.write("\n")  # behind a line that was cut off
    wanted = {match.key for match in matches}
    return [row for row in rows if row.key in wanted and not row.failed]


def main() -> int:
    """Hold a tournament and print its table."""
    options = _options()
    matches = draw(options)

    def tell(number: int, row: Row) -> str:
        return (
            f"{number}/{len(matches)} {row.scenario}: {row.first} and {row.second}, seed {row.seed}: "
            f"{row.failed or row.ending} after {row.rounds} rounds, {row.seconds:.1f} s"
        )

    rows, code = command.gather(run(matches, options.out, resume=options.resume), tell)
    found = standings(rows)
    if options.json:
        sys.stdout.write(json.dumps([asdict(standing) for standing in found], indent=1) + "\n")
    else:
        heading = settlement.heading((match.scenario, match.settlement) for match in matches)
        sys.stdout.write("\n".join([heading, *report(found)]) + "\n")
    return code


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--scenarios", nargs="+", metavar="NAME", help="shipped names or files")
    where.add_argument("--random", type=command.whole(1), metavar="N", help="so many random scenarios")
    parser.add_argument("--tactics", help="names, separated by commas; also the stand-ins worst and random")
    parser.add_argument("--model", metavar="SPEC", help="who plays against tactics")
    parser.add_argument("--advisor", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--prompts", default="default")
    parser.add_argument("--against", help="tactics that the model meets, separated by commas; or self")
    parser.add_argument("--sides", choices=["both", "first", "second"], default="both")
    parser.add_argument("--runs", type=command.whole(1), default=1, help="seeds for each pair with a model")
    parser.add_argument("--seed", type=command.whole(0), default=0, help="the first seed")
    settlement.add_option(parser)
    parser.add_argument("--out", type=Path, help="a file for the rows, one JSON object a line")
    parser.add_argument("--resume", action="store_true", help="keep the rows that are in the file")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    command.run(main)
