"""Plain LangGraph with the OpenAI SDK, as both document themselves: a node for each side, conditional edges."""

import json
import operator
from collections.abc import Callable
from typing import Annotated, Any, TypedDict, cast

from langgraph.graph import END, START, StateGraph
from openai import AsyncOpenAI

from benchmarks.orchestration.job import (
    KEY,
    MODEL,
    MOST_MOVES,
    OPENING,
    RESPONSE_FORMAT,
    SIDES,
    Result,
    Side,
    instructions,
)
from benchmarks.orchestration.peers.interface import OneByOne


class Said(TypedDict):
    """One reply."""

    side: Side
    text: str


class State(TypedDict):
    """What the nodes share."""

    case: str
    said: Annotated[list[Said], operator.add]


class Peer(OneByOne):
    """One compiled graph and one client for everything."""

    def __init__(self, address: str) -> None:
        self._client = AsyncOpenAI(base_url=address, api_key=KEY, timeout=120)
        first, second = SIDES
        graph = StateGraph(State)
        graph.add_node(first, self._turn(first))
        graph.add_node(second, self._turn(second))
        graph.add_edge(START, first)
        graph.add_conditional_edges(first, _next_after(first), [second, END])
        graph.add_conditional_edges(second, _next_after(second), [first, END])
        self._graph = graph.compile()

    async def negotiate(self, case: str) -> Result:
        """Invoke the graph."""
        end = await self._graph.ainvoke({"case": case, "said": []}, {"recursion_limit": MOST_MOVES + 2})
        return Result(_accepted(end["said"][-1]), len(end["said"]))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _turn(self, side: Side) -> Any:  # the type that LangGraph wants cannot be written down
        async def turn(state: State) -> dict[str, Any]:
            messages = [{"role": "system", "content": instructions(state["case"], side)}]
            if side == SIDES[0]:
                messages.append({"role": "user", "content": OPENING})
            for said in state["said"]:
                role = "assistant" if said["side"] == side else "user"
                messages.append({"role": role, "content": said["text"]})
            completion = await self._client.chat.completions.create(
                model=MODEL,
                messages=cast("Any", messages),
                response_format=cast("Any", RESPONSE_FORMAT),
            )
            return {"said": [{"side": side, "text": completion.choices[0].message.content}]}

        return turn


def _next_after(side: Side) -> Callable[[State], str]:
    other = SIDES[1 - SIDES.index(side)]

    def route(state: State) -> str:
        return END if _accepted(state["said"][-1]) or len(state["said"]) >= MOST_MOVES else other

    return route


def _accepted(said: Said) -> bool:
    return bool(json.loads(said["text"])["action"] == "accept")
