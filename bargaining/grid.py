"""Grids: which positions of each issue are looked at.

The full grid has every position. A reduced grid has one position from each *cell*: a run of neighbouring
positions that no condition and no combination tells apart. What is true of an outcome on the reduced grid is
true of all outcomes in its cells, so questions about huge spaces can be answered exactly on a small one.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import prod
from typing import TypeAlias

Grid: TypeAlias = tuple[Sequence[int], ...]
"""For each issue, in the agenda's order, the positions looked at."""


def full(lengths: Sequence[int]) -> Grid:
    """Every position of every issue."""
    return tuple(range(length) for length in lengths)


def size(grid: Grid) -> int:
    """How many outcomes a grid holds."""
    return prod(len(positions) for positions in grid)


def cells(length: int, cuts: Iterable[int]) -> list[range]:
    """The positions of one issue, cut in front of each of `cuts`."""
    edges = sorted({0, length, *(cut for cut in cuts if 0 < cut < length)})
    return [range(start, stop) for start, stop in pairwise(edges)]
