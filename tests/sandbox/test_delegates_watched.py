"""Nobody who watches a negotiation sees a brief: not in the state, a stream, a checkpoint, a trace or an error.

Covered: a box run under every watcher that LangGraph, LangChain and LangSmith offer, while all goes well and while one
side fails with its brief in the error; the graphs themselves, compiled with a checkpointer and streamed in every mode.
Each watcher sees what a careless graph puts into its state or raises.
Not covered: watchers that search the interpreter (debuggers, `gc`), which see all that the process holds.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph

from bargaining.table import Table
from delegates.budget import Budget
from delegates.models.interface import Completion, Model, Request
from delegates.models.spec import ModelSpec
from graphs import alternating, single_text, state
from graphs.alternating import unobserved
from graphs.referee import Referee
from sandbox.box import Box, Released
from tests.sandbox.reach import objects
from tests.sandbox.sides import GREETING, Cast, Protocol, Side, Talker, agenda, delegates, is_second, sides
from tests.sandbox.watchers import FOR_THE_CALLER, MODES, WATCHERS, Observer

PROTOCOLS: tuple[Protocol, ...] = ("alternating_offers", "single_text")


def cast(protocol: Protocol) -> Cast:
    return Cast(protocol, {"seller": "model", "buyer": "advised"}, mediated=True)


class Failing(Talker):
    """In its second turn it fails, with all that it was told."""

    async def complete(self, request: Request) -> Completion:
        if is_second(request):
            raise ValueError(request.system)
        return await super().complete(request)


def told(both: Mapping[str, Side], seen: object) -> list[str]:
    """What somebody saw of either brief."""
    parts = objects(*(one.brief for one in both.values()))
    found = [
        f"the {role}'s {what}" for role, one in both.items() for what in one.secrets.reached(seen, repr(seen))
    ]
    return found + ["an object"] * bool(objects(seen) & parts)


@pytest.mark.parametrize("failing", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", WATCHERS)
def test_who_watches_a_box_sees_no_brief(name: str, protocol: Protocol, failing: bool) -> None:
    def opener(spec: ModelSpec, seed: int) -> Model:
        return (Failing if failing and spec.name == "seller" else Talker)(spec)

    async def run() -> None:
        box = Box(played.seats(both), Budget(), mediator=played.mediator, opener=opener)
        released.append(await box.run(agenda(protocol), {role: one.brief for role, one in both.items()}))

    played = cast(protocol)
    both = sides()
    released: list[Released] = []
    seen = asyncio.run(WATCHERS[name](run))
    assert (released[0].error is not None) == failing
    assert told(both, seen) == []
    if name in FOR_THE_CALLER:  # nor anything else
        assert GREETING not in repr(seen)
        assert "price" not in repr(seen)
    if failing:
        assert str(released[0].error) == "an unforeseen error of type ValueError"
        assert told(both, released) == []


class Note(TypedDict):
    """A careless state."""

    note: str


@pytest.mark.parametrize("name", WATCHERS)
@pytest.mark.parametrize("way", ["state", "error"])
def test_each_watcher_sees_what_a_careless_graph_gives_away(name: str, way: str) -> None:
    both = sides()
    secret = both["seller"].secrets.texts["narrative"]

    async def node(state: Note) -> Note:
        if way == "error":
            raise ValueError(secret)
        return {"note": secret}

    async def run() -> None:
        graph = StateGraph(Note)
        graph.add_node("careless", node)
        graph.add_edge(START, "careless")
        graph.add_edge("careless", END)
        await graph.compile().ainvoke({"note": ""})

    seen = asyncio.run(WATCHERS[name](run))
    assert told(both, seen)


# ---------------------------------------------------------------------------------- the graphs themselves


def parts(protocol: Protocol, sitting: Any) -> tuple[Any, Any, Any]:
    """A graph to compile, where it starts, and what its nodes need."""
    table = agenda(protocol)
    referee, seated = Referee(table, sitting._mandates), delegates(sitting)
    if protocol == "alternating_offers":
        begin: state.State = {"table": Table(table), "refusals": (), "ending": None, "result": None}
        context = state.Context(seated, referee, time.monotonic, None, unobserved)
        return alternating.build().builder, begin, context
    start: single_text.State = {"round": 1, "texts": (), "ending": None, "result": None}
    others = (seated, referee, time.monotonic, None, unobserved)
    return single_text.build().builder, start, single_text.Context(table, sitting._mediator, *others)


async def watch(
    protocol: Protocol, both: Mapping[str, Side], *, failing: bool
) -> tuple[list[object], list[Any]]:
    """All that can be seen of a graph, and what its nodes were given."""

    def opener(spec: ModelSpec) -> Model:
        return (Failing if failing and spec.name == "seller" else Talker)(spec)

    observer, saver = Observer(), InMemorySaver(serde=JsonPlusSerializer(pickle_fallback=True))
    for thread in ("streamed", "events"):
        builder, start, context = parts(protocol, cast(protocol).seat(both, opener))
        graph = builder.compile(checkpointer=saver)
        config = {
            "callbacks": [observer],
            "configurable": {"thread_id": thread},
            "recursion_limit": 100,
        }
        if thread == "streamed":
            events = graph.astream(start, config, context=context, stream_mode=list(MODES), subgraphs=True)
        else:
            events = graph.astream_events(start, config, context=context, version="v2")
        observer.seen += [event async for event in events]
        observer.seen += [kept async for kept in graph.aget_state_history(config)]
        assert bool(context.faults) == failing
    given = [seen[1][1] for seen in observer.seen if isinstance(seen, tuple) and seen[0] == "start"]
    return [*observer.seen, dict(saver.storage), dict(saver.blobs), dict(saver.writes)], given


@pytest.mark.parametrize("failing", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_state_holds_no_brief_wherever_it_is_kept_or_streamed(protocol: Protocol, failing: bool) -> None:
    both = sides()
    seen, given = asyncio.run(watch(protocol, both, failing=failing))
    assert told(both, seen) == []
    assert "price" in repr(seen)  # what both sides read is there
    public = {"alternating_offers": state.State, "single_text": single_text.State}[protocol]
    assert len(given) > 4
    assert {name for each in given for name in each} == set(public.__annotations__)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_brief_in_the_state_is_found(protocol: Protocol) -> None:
    both = sides()
    brief = both["seller"].brief
    key = {"alternating_offers": "refusals", "single_text": "ending"}[protocol]

    async def run() -> list[object]:
        builder, start, context = parts(protocol, cast(protocol).seat(both))
        start[key] = (brief.narrative,)
        events = builder.compile().astream(
            start, {"recursion_limit": 100}, context=context, stream_mode="values"
        )
        return [event async for event in events]

    assert told(both, asyncio.run(run()))
