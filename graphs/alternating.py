"""Alternating offers: the sides take turns to offer, accept or walk away, until the deadline.

Nothing is checkpointed, streamed or traced, whatever the environment says and whoever runs it (`graphs.apart`).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal
from bargaining.mandate import BoundMandate
from bargaining.table import Table
from delegates.delegate import Delegate
from graphs import nodes
from graphs.apart import quiet, run
from graphs.referee import Referee
from graphs.routing import REFUSALS
from graphs.state import Context, Ending, Progress, State


@dataclass(frozen=True, slots=True)
class Negotiation:
    """A finished negotiation, as known at the table. Only `result` may leave."""

    result: Agreement | NoDeal
    ending: Ending
    table: Table


@cache
def build() -> CompiledStateGraph[State, Context, State, State]:
    """The compiled state machine: turns, then the settlement. A step costs 0.2 ms, so a move is one step."""
    graph = StateGraph(State, context_schema=Context)
    graph.add_node("turn", quiet(nodes.turn))
    graph.add_node("settle", quiet(nodes.settle))
    graph.add_edge(START, "turn")
    graph.add_edge("settle", END)
    return graph.compile(checkpointer=False)


def mermaid() -> str:
    """The state machine as a Mermaid diagram."""
    return build().get_graph().draw_mermaid()


def unobserved(progress: Progress) -> None:
    """Take no note of progress."""


async def negotiate(
    agenda: Agenda,
    delegates: Mapping[str, Delegate],
    mandates: Mapping[str, BoundMandate],
    *,
    observe: Callable[[Progress], None] = unobserved,
    clock: Callable[[], float] = time.monotonic,
) -> Negotiation:
    """Run one negotiation to an agreement or no deal.

    Args:
        agenda: The public part.
        delegates: Who acts for each role.
        mandates: What each delegate is allowed to settle on; enforced here whatever the delegate does.
        observe: Called before each turn with counts.
        clock: Monotonic seconds, for the agenda's deadline by time.

    Raises:
        ModelError: A model is of no use any more.
        LimitReachedError: A budget is used up.
    """
    deadline = None if agenda.seconds is None else clock() + agenda.seconds
    context = Context(delegates, Referee(agenda, mandates), clock, deadline, observe)
    start: State = {"table": Table(agenda), "refusals": (), "ending": None, "result": None}
    # each turn takes a step, and each refusal one more
    steps = len(agenda.roles) * agenda.rounds * REFUSALS + 8
    end = await run(build(), start, context, steps)
    assert end["result"] is not None
    assert end["ending"] is not None
    return Negotiation(end["result"], end["ending"], end["table"])
