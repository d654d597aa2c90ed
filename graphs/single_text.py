"""Single negotiating text: a mediator proposes, both sides say in private whether they would sign, to the deadline.

The state holds the texts, which both sides read, and no answer: a checkpoint, a stream or a trace of the state
would show nothing that only one side or the mediator may know. (Nothing is checkpointed, streamed or traced either,
whatever the environment says and whoever runs it: `graphs.apart`.) Answers are kept in the runtime context, from
which a node makes each side a view with its own answers only. What the mediator's next texts tell indirectly
remains: see `bargaining.text`.

When the rounds or the time are over, the best text that both have signed (`Signatures.draft`) is the agreement,
checked against both mandates once more. A text that only one side has answered when the time ends counts for
nothing. All texts are settled at the end, so a discount per round is the same for each.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal
from bargaining.mandate import BoundMandate
from bargaining.outcome import Outcome
from bargaining.text import Ballot, MediatorView, Signatures, TextView
from delegates.mediator import Mediator
from delegates.responder import Responder
from graphs.alternating import unobserved
from graphs.apart import apart, quiet, run
from graphs.referee import Referee
from graphs.state import Ending, Progress

_NOTES = 25
"""How often at most progress is noted: rounds can be over in no time."""


class State(TypedDict):
    """What is passed from node to node: what both sides may read."""

    round: int
    """The current one, counted from 1."""
    texts: tuple[Outcome, ...]
    """What was put before the sides, oldest first."""
    ending: Ending | None
    result: Agreement | NoDeal | None


@dataclass(frozen=True, slots=True, repr=False)
class Context:
    """What nodes need and state must not hold."""

    agenda: Agenda
    mediator: Mediator
    responders: Mapping[str, Responder]
    referee: Referee
    clock: Callable[[], float]
    deadline: float | None
    """When the time is over, by the clock."""
    observe: Callable[[Progress], None]
    ballots: list[Ballot] = field(default_factory=list)
    """All answers so far, for the mediator's view."""
    answers: defaultdict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    """Each side's own answers, for its view."""
    faults: list[Exception] = field(default_factory=list)
    """What went wrong in a node."""

    def seconds_left(self) -> float | None:
        """The time left, at least 0. None without a deadline."""
        return None if self.deadline is None else max(0.0, self.deadline - self.clock())


@dataclass(frozen=True, slots=True)
class Mediated:
    """A finished mediation. Only `result` may leave."""

    result: Agreement | NoDeal
    ending: Ending
    texts: tuple[Outcome, ...] = field(repr=False)


async def mediate(state: State, runtime: Runtime[Context]) -> Command[Literal["mediate", "answer", "settle"]]:
    """Let the mediator propose a text. One that is not on the agenda is put before nobody and costs its round."""
    context, number = runtime.context, state["round"]
    rounds = context.agenda.rounds
    if (number - 1) % max(1, rounds // _NOTES) == 0:
        context.observe(Progress(number - 1, number, rounds, "both sides"))
    left = context.seconds_left()
    limit = asyncio.timeout(left)
    proposed: Outcome | None = None
    try:
        async with limit:
            view = MediatorView(context.agenda, number, tuple(context.ballots), left)
            proposed = await apart(context.mediator.propose(view)) if left != 0.0 else None
    except TimeoutError:
        if not limit.expired():
            raise  # the mediator's own affair, not the deadline
    if limit.expired() or context.seconds_left() == 0.0:
        return Command(goto="settle", update={"ending": "time over"})
    if proposed is None:
        return Command(goto="settle", update={"ending": "rounds over"})
    text = context.referee.admits(proposed)
    if text is None:
        goto, update = _onward(state, rounds)
        return Command(goto=goto, update=update)
    return Command(goto="answer", update={"texts": (*state["texts"], text)})


async def answer(state: State, runtime: Runtime[Context]) -> Command[Literal["mediate", "settle"]]:
    """Ask both sides at once whether they would sign the text. A yes outside the own mandate counts as a no."""
    context, number = runtime.context, state["round"]
    left = context.seconds_left()
    asked = {
        role: apart(responder.answer(_view(context, role, state, left)))
        for role, responder in context.responders.items()
    }
    limit = asyncio.timeout(left)
    try:
        async with limit:
            await asyncio.gather(*asked.values())
    except TimeoutError:
        if not limit.expired():
            raise  # a responder's own affair, not the deadline
    finally:
        for waiting in asked.values():
            waiting.cancel()
        await asyncio.gather(*asked.values(), return_exceptions=True)
    if limit.expired() or context.seconds_left() == 0.0:  # also for a side that never waits
        return Command(goto="settle", update={"ending": "time over"})
    text = state["texts"][-1]
    signed = {role: context.referee.counts(said.result(), role, text) for role, said in asked.items()}
    context.ballots.append(Ballot(number, text, frozenset(role for role, yes in signed.items() if yes)))
    for role, yes in signed.items():
        context.answers[role].append(yes)
    goto, update = _onward(state, context.agenda.rounds)
    return Command(goto=goto, update=update)


async def settle(state: State, runtime: Runtime[Context]) -> State:
    """Turn the answers into the result. An agreement is checked against both mandates once more."""
    context = runtime.context
    draft = Signatures(context.agenda, context.ballots).draft
    outcome = None if draft is None else context.referee.settle(context.agenda.space.at(draft))
    if outcome is None:
        return {**state, "ending": state["ending"] or "rounds over", "result": NoDeal()}
    return {**state, "ending": "agreed", "result": Agreement(terms=dict(outcome))}


def _onward(state: State, rounds: int) -> tuple[Literal["mediate", "settle"], dict[str, int]]:
    following = state["round"] + 1
    return "mediate" if following <= rounds else "settle", {"round": following}


def _view(context: Context, role: str, state: State, left: float | None) -> TextView:
    return TextView(context.agenda, role, state["round"], state["texts"], tuple(context.answers[role]), left)


@cache
def build() -> CompiledStateGraph[State, Context, State, State]:
    """The compiled state machine: mediate, answer, settle."""
    graph = StateGraph(State, context_schema=Context)
    graph.add_node("mediate", quiet(mediate))
    graph.add_node("answer", quiet(answer))
    graph.add_node("settle", quiet(settle))
    graph.add_edge(START, "mediate")
    graph.add_edge("settle", END)
    return graph.compile(checkpointer=False)


def mermaid() -> str:
    """The state machine as a Mermaid diagram."""
    return build().get_graph().draw_mermaid()


async def negotiate(
    agenda: Agenda,
    mediator: Mediator,
    responders: Mapping[str, Responder],
    mandates: Mapping[str, BoundMandate],
    *,
    observe: Callable[[Progress], None] = unobserved,
    clock: Callable[[], float] = time.monotonic,
) -> Mediated:
    """Run one mediation to an agreement or no deal.

    Args:
        agenda: The public part. Its `rounds` are the most texts that are proposed.
        mediator: Who proposes.
        responders: Who answers for each role.
        mandates: What each side's answers may settle on; enforced here whatever is answered.
        observe: Called with counts, `_NOTES` times at most or a few more.
        clock: Monotonic seconds, for the agenda's deadline by time.

    Raises:
        ModelError: A model is of no use any more.
        LimitReachedError: A budget is used up.
    """
    deadline = None if agenda.seconds is None else clock() + agenda.seconds
    sides = {role: responders[role] for role in agenda.roles}
    context = Context(agenda, mediator, sides, Referee(agenda, mandates), clock, deadline, observe)
    start: State = {"round": 1, "texts": (), "ending": None, "result": None}
    steps = 2 * agenda.rounds + 8
    end = await run(build(), start, context, steps)
    assert end["result"] is not None
    assert end["ending"] is not None
    return Mediated(end["result"], end["ending"], end["texts"])
