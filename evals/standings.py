"""What a tournament came to, by player and opponent: rates and means with 95 % intervals.

Covered: what `evals.statistics` does for negotiations taken as independent.
Not covered: correction for comparing many pairs at once; that negotiations of a scenario depend on each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.statistics import Figure, mean, proportion

if TYPE_CHECKING:
    from evals.tournament import Row

EVERYONE = "everyone"
"""The opponent in a standing over all opponents."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a player did against an opponent, on both sides together."""

    player: str
    opponent: str
    games: int
    failed: int
    """Runs cut short by an error: in none of the figures."""
    agreement: Figure
    own: Figure
    """Own utility; no deal is 0."""
    capture: Figure
    nash_distance: Figure
    frontier: Figure
    """The share of agreements that are efficient."""
    rounds: Figure
    tokens: Figure
    """Of both sides together."""


def standings(rows: Sequence[Row]) -> list[Standing]:
    """For each player its standing against everyone, then against each opponent."""
    groups: defaultdict[tuple[str, str], list[tuple[Row, float]]] = defaultdict(list)
    for row in rows:
        sides = [(row.first, row.second, row.shares[0]), (row.second, row.first, row.shares[1])]
        if row.first == row.second:  # one negotiation is one trial
            sides = [(row.first, row.second, sum(row.shares) / 2)]
        for player, opponent, own in sides:
            groups[player, EVERYONE].append((row, own))
            groups[player, opponent].append((row, own))
    order = sorted(groups, key=lambda pair: (pair[0], pair[1] != EVERYONE, pair[1]))
    return [_standing(player, opponent, groups[player, opponent]) for player, opponent in order]


def _standing(player: str, opponent: str, games: Sequence[tuple[Row, float]]) -> Standing:
    counted = [(row, own) for row, own in games if not row.failed]
    rows = [row for row, _ in counted]
    agreed = [row for row in rows if row.agreed]
    return Standing(
        player=player,
        opponent=opponent,
        games=len(games),
        failed=len(games) - len(rows),
        agreement=proportion(len(agreed), len(rows)),
        own=mean([own for _, own in counted]),
        capture=mean([row.capture for row in rows]),
        nash_distance=mean([row.nash_distance for row in rows]),
        frontier=proportion(sum(row.efficient for row in agreed), len(agreed)),
        rounds=mean([float(row.rounds) for row in rows]),
        tokens=mean([float(row.tokens) for row in rows]),
    )


def report(found: Sequence[Standing]) -> Iterator[str]:
    """A line for each standing."""
    names = ("agreement", "own", "capture", "nash_distance", "frontier", "rounds", "tokens")
    width = max((len(standing.player) for standing in found), default=6)
    yield f"{'player':{width}}  {'against':{width}} games failed  " + "  ".join(f"{n:20}" for n in names)
    for standing in found:
        figures = "  ".join(f"{getattr(standing, name)!s:20}" for name in names)
        yield (
            f"{standing.player:{width}}  {standing.opponent:{width}} {standing.games:5} {standing.failed:6}  {figures}"
        )
