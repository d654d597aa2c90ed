"""What a party's strength is worth: values that weigh what each coalition could do against the rest.

Covered: the Shapley value, the same value as an average of confrontations (Kohlberg and Neyman, "Games of
threats", 2018), and for two players the cooperative-competitive value (Kalai and Kalai, "Cooperation in
strategic games revisited", 2013).
Not covered: which threats deserve to count. All of these pay for threats, the cooperative-competitive value
openly so; use them to measure that, not to divide anything.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from math import factorial

Worth = Callable[[frozenset[str]], Fraction]
"""What a coalition can secure for itself. Nobody secures nothing."""


def shapley(players: Collection[str], worth: Worth) -> dict[str, Fraction]:
    """Each player's average marginal contribution, over all orders of arrival."""
    return {
        player: sum(
            (
                weight * (worth(joined) - worth(joined - {player}))
                for joined, weight in _with(player, players)
            ),
            Fraction(0),
        )
        for player in players
    }


def confrontation(players: Collection[str], worth: Worth) -> dict[str, Fraction]:
    """Each player's average, over all coalitions that it is in, of what these have over those left out.

    It equals the Shapley value: a coalition without the player is left out with the same weight with which it
    is there when the player arrives.
    """
    everyone = frozenset(players)
    return {
        player: sum(
            (
                weight * (worth(joined) - worth(everyone - joined))
                for joined, weight in _with(player, players)
            ),
            Fraction(0),
        )
        for player in players
    }


def cooperative_competitive(
    first: Sequence[Sequence[float]], second: Sequence[Sequence[float]]
) -> tuple[float, float]:
    """Both players' values of a game: half of the best joint payoff, and half of what a contest would decide.

    Args:
        first: The first player's payoffs: a row for each of its actions, a column for each of the other's.
        second: The second player's payoffs, in the same places.
    """
    cells = [list(zip(mine, yours, strict=True)) for mine, yours in zip(first, second, strict=True)]
    joint = max(mine + yours for row in cells for mine, yours in row)
    advantage = zero_sum([[mine - yours for mine, yours in row] for row in cells])
    return (joint + advantage) / 2, (joint - advantage) / 2


def zero_sum(payoffs: Sequence[Sequence[float]]) -> float:
    """What the row player of a zero-sum game can secure by mixing its actions, by linear programming."""
    # most runs do not need these imports
    from scipy.optimize import linprog  # type: ignore[import-untyped]  # noqa: PLC0415  # has no stubs

    rows, columns = len(payoffs), len(payoffs[0])
    # the unknowns are the probability of each row and the value; the value is at most what each column leaves
    found = linprog(
        c=[0.0] * rows + [-1.0],
        A_ub=[[-payoffs[row][column] for row in range(rows)] + [1.0] for column in range(columns)],
        b_ub=[0.0] * columns,
        A_eq=[[1.0] * rows + [0.0]],
        b_eq=[1.0],
        bounds=[(0, 1)] * rows + [(None, None)],
    )
    assert found.success, "a matrix game always has a value"
    return float(-found.fun)


def _with(player: str, players: Collection[str]) -> Iterator[tuple[frozenset[str], Fraction]]:
    """The coalitions that a player is in, and how likely each is the one that its arrival completes."""
    others = sorted(set(players) - {player})
    count = len(others) + 1
    for size in range(count):
        weight = Fraction(factorial(size) * factorial(count - size - 1), factorial(count))
        for joined in combinations(others, size):
            yield frozenset({player, *joined}), weight
