"""The state of the graph: the public table, and nothing that only one side may read.

Briefs and conversations with models live in the delegates, which nodes reach through the runtime context.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypedDict

from bargaining.agreement import Agreement, NoDeal
from bargaining.table import Table
from delegates.delegate import Delegate
from graphs.referee import Referee

Ending: TypeAlias = Literal["agreed", "walked away", "rounds over", "deadlock", "time over"]
"""How a negotiation ended. Known at the table; it does not leave with the result."""


class State(TypedDict):
    """What is passed from node to node."""

    table: Table
    refusals: tuple[str, ...]
    """The referee's refusals in this turn."""
    ending: Ending | None
    result: Agreement | NoDeal | None


@dataclass(frozen=True, slots=True)
class Progress:
    """What may be shown while a negotiation runs: counts, never content."""

    turn: int
    round: int
    rounds: int
    to_move: str


@dataclass(frozen=True, slots=True, repr=False)
class Context:
    """What nodes need and state must not hold."""

    delegates: Mapping[str, Delegate]
    referee: Referee
    clock: Callable[[], float]
    deadline: float | None
    """When the time is over, by the clock."""
    observe: Callable[[Progress], None]
    faults: list[Exception] = field(default_factory=list)
    """What went wrong in a node."""

    def seconds_left(self) -> float | None:
        """The time left, at least 0. None without a deadline."""
        return None if self.deadline is None else max(0.0, self.deadline - self.clock())
