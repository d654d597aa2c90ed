"""What happens at the table: a turn, which the referee checks, and the settlement."""

import asyncio
from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Command

from bargaining.agreement import Agreement, NoDeal
from bargaining.move import Accept, Move, Pass, WalkAway
from bargaining.table import Table, View
from graphs.apart import apart
from graphs.referee import Legal
from graphs.routing import REFUSALS, after_turn
from graphs.state import Context, Ending, Progress, State


async def turn(state: State, runtime: Runtime[Context]) -> Command[Literal["turn", "settle"]]:
    """Ask the delegate whose turn it is, and put on the table what the referee allows.

    A refused move never enters the state: it did not happen. After too many refusals the turn passes.
    """
    context, table = runtime.context, state["table"]
    proposed = await _decide(context, table, state["refusals"])
    after = state
    if context.seconds_left() == 0.0:  # also for a delegate that never waits, which no timeout interrupts
        after = {**state, "ending": "time over"}
    else:
        verdict = context.referee.check(proposed, table)
        if isinstance(verdict, Legal):
            after = {**state, "table": table.add(verdict.move), "refusals": ()}
        elif len(state["refusals"]) + 1 < REFUSALS:
            after = {**state, "refusals": (*state["refusals"], verdict.code)}
        else:
            after = {**state, "table": table.add(Pass()), "refusals": ()}
    return Command(goto=after_turn(after), update=_changes(state, after))


async def _decide(context: Context, table: Table, refusals: tuple[str, ...]) -> Move | None:
    """What the delegate hands over, or None if the time ran out. It sees the table, its role and the time left."""
    role, left = table.to_move, context.seconds_left()
    context.observe(Progress(table.turn, table.round, table.rounds, role))
    limit = asyncio.timeout(left)
    try:
        async with limit:
            view = View(table, role, left, refusals)
            return await apart(context.delegates[role].decide(view)) if left != 0.0 else None
    except TimeoutError:
        if not limit.expired():
            raise  # the delegate's own affair, not the deadline
    return None


async def settle(state: State, runtime: Runtime[Context]) -> State:
    """Turn the table into the result. An agreement is checked against both mandates once more."""
    agreed = state["table"].agreed if state["ending"] is None else None
    outcome = runtime.context.referee.settle(agreed) if agreed is not None else None
    if outcome is None:
        return {**state, "ending": state["ending"] or _ending(state["table"]), "result": NoDeal()}
    return {**state, "ending": "agreed", "result": Agreement(terms=dict(outcome))}


def _changes(before: State, after: State) -> dict[str, object]:
    """What is new in a state: LangGraph takes its time for each value that it is given."""
    return {key: value for key, value in after.items() if value is not before[key]}  # type: ignore[literal-required]


def _ending(table: Table) -> Ending:
    match table.entries[-1].move if table.entries else None:
        case WalkAway():
            return "walked away"
        case Accept():
            return "rounds over"
        case _:
            return "deadlock" if table.last_round else "rounds over"
