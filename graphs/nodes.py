"""What happens at the table: a turn, the referee's check, the settlement."""

import asyncio
from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Command

from bargaining.agreement import Agreement, NoDeal
from bargaining.move import Accept, Move, Pass, WalkAway
from bargaining.table import Table, View
from graphs.referee import Legal
from graphs.routing import REFUSALS, after_referee, after_turn
from graphs.state import Context, Ending, Progress, State


async def turn(state: State, runtime: Runtime[Context]) -> Command[Literal["referee", "settle"]]:
    """Ask the delegate whose turn it is. It sees the table, its role and the time left."""
    context, table = runtime.context, state["table"]
    role, left = table.to_move, context.seconds_left()
    context.observe(Progress(table.turn, table.round, table.rounds, role))
    view = View(table, role, left, state["refusals"])
    limit = asyncio.timeout(left)
    proposed: Move | None = None
    try:
        async with limit:
            proposed = await context.delegates[role].decide(view) if left != 0.0 else None
    except TimeoutError:
        if not limit.expired():
            raise  # the delegate's own affair, not the deadline
    if context.seconds_left() == 0.0:  # also for a delegate that never waits, which no timeout interrupts
        state = {**state, "proposed": None, "ending": "time over"}
    else:
        state = {**state, "proposed": proposed}
    return Command(goto=after_turn(state), update=state)


async def referee(state: State, runtime: Runtime[Context]) -> Command[Literal["turn", "settle"]]:
    """Put the proposed move on the table, or refuse it; after too many refusals the turn passes."""
    table = state["table"]
    verdict = runtime.context.referee.check(state["proposed"], table)
    if isinstance(verdict, Legal):
        state = {**state, "table": table.add(verdict.move), "proposed": None, "refusals": ()}
    elif len(state["refusals"]) + 1 < REFUSALS:
        state = {**state, "proposed": None, "refusals": (*state["refusals"], verdict.code)}
    else:
        state = {**state, "table": table.add(Pass()), "proposed": None, "refusals": ()}
    return Command(goto=after_referee(state), update=state)


async def settle(state: State, runtime: Runtime[Context]) -> State:
    """Turn the table into the result. An agreement is checked against both mandates once more."""
    outcome = state["table"].agreed if state["ending"] is None else None
    if outcome is None or not runtime.context.referee.approves(outcome):
        return {**state, "ending": state["ending"] or _ending(state["table"]), "result": NoDeal()}
    return {**state, "ending": "agreed", "result": Agreement(terms=dict(outcome))}


def _ending(table: Table) -> Ending:
    match table.entries[-1].move if table.entries else None:
        case WalkAway():
            return "walked away"
        case Accept():
            return "rounds over"
        case _:
            return "deadlock" if table.last_round else "rounds over"
