"""What keeps the sides apart while a graph runs, and keeps those who watch graphs away from both.

LangGraph hands its run to everything that it calls, in context variables, and tells every callback handler, tracer
and stream of whoever calls it what goes on, errors with their text included.

Covered: a side works where no context variable leads to the graph, whose context holds both sides; of a graph's run
nothing is known to handlers, tracers and outer graphs that are set for the caller; no error of a side passes through
LangGraph, so that those which are set for the whole process (`langchain_core.globals.set_debug`) see none either.
Not covered: what those see of the state, which holds what both sides read. Code that searches the interpreter, by
`gc`, frames or the event loop's tasks: both sides share one process.
"""

from asyncio import Task, create_task
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context as Variables
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

from langgraph.graph import END
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command
from langsmith import tracing_context

T = TypeVar("T")
S = TypeVar("S")
Node = TypeVar("Node", bound=Callable[..., Awaitable[Any]])


class Faulty(Protocol):
    """A runtime context that keeps what went wrong in a node."""

    @property
    def faults(self) -> list[Exception]:
        """One at most: the graph ends with it."""
        ...


def apart(work: Coroutine[Any, Any, T]) -> Task[T]:
    """Do something in an empty context: no variable that is set here is set there, or the other way round."""
    return create_task(work, context=Variables())


def quiet(node: Node) -> Node:
    """A node whose errors LangGraph does not hear of: the graph ends, and `run` raises them."""

    @wraps(node)  # LangGraph reads the edges from the annotations
    async def noted(state: Any, runtime: Runtime[Any]) -> Any:
        try:
            return await node(state, runtime)
        except Exception as error:  # noqa: BLE001 - whatever it is, `run` raises it
            runtime.context.faults.append(error)
        return Command(goto=END)

    return cast(Node, noted)


async def run(graph: CompiledStateGraph[Any, Any, Any, Any], start: S, context: Faulty, steps: int) -> S:
    """Run a graph of quiet nodes to its end, unwatched.

    Raises:
        Exception: What a node raised.
    """

    async def invoke() -> Any:
        with tracing_context(enabled=False):  # whatever the environment says
            return await graph.ainvoke(start, {"recursion_limit": steps}, context=context)

    end: S = await apart(invoke())
    if context.faults:
        raise context.faults.pop()
    return end
