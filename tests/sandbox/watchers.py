"""Those who watch graphs: what LangGraph, LangChain and LangSmith offer to see what a program does.

Each runs something and tells all that it saw. Covered: streams of an outer graph in every mode, its checkpoints, its
events; callback handlers and tracers set for whoever calls; LangSmith switched on by a call or by the environment, to
a server on loopback; debugging output.
"""

import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from typing import Any, TypeAlias, TypedDict

import langsmith
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import set_debug
from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tracers.context import collect_runs, tracing_v2_enabled
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import StreamMode
from langsmith import run_trees, utils

Work: TypeAlias = Callable[[], Awaitable[object]]
MODES: tuple[StreamMode, ...] = (
    "values", "updates", "debug", "messages", "custom", "tasks", "checkpoints",
)  # fmt: skip


class Observer(BaseCallbackHandler):
    """Keeps all that it is told about chains."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def on_chain_start(self, *args: Any, **kwargs: Any) -> None:
        self.seen.append(("start", args, kwargs))

    def on_chain_end(self, *args: Any, **kwargs: Any) -> None:
        self.seen.append(("end", args, kwargs))

    def on_chain_error(self, *args: Any, **kwargs: Any) -> None:
        self.seen.append(("error", args, kwargs))

    def on_custom_event(self, *args: Any, **kwargs: Any) -> None:
        self.seen.append(("event", args, kwargs))


class Outer(TypedDict):
    """The state of an outer graph."""

    n: int


def _around(work: Work) -> Any:
    async def node(state: Outer) -> Outer:
        await work()
        return {"n": state["n"] + 1}

    graph = StateGraph(Outer)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    graph.add_edge("node", END)
    return graph


async def outer_streams(work: Work) -> list[object]:
    observer, saver = Observer(), InMemorySaver()
    graph = _around(work).compile(checkpointer=saver)
    config = {"callbacks": [observer], "configurable": {"thread_id": "1"}}
    with suppress(Exception):
        async for event in graph.astream({"n": 0}, config, stream_mode=list(MODES), subgraphs=True):
            observer.seen.append(event)
    return [*observer.seen, dict(saver.storage), dict(saver.blobs), dict(saver.writes)]


async def outer_events(work: Work) -> list[object]:
    seen: list[object] = []
    try:
        seen.extend([event async for event in _around(work).compile().astream_events({"n": 0}, version="v2")])
    except Exception as error:  # no event tells of it
        seen.append(repr(error))
    return seen


async def callback_handler(work: Work) -> list[object]:
    observer = Observer()
    token = var_child_runnable_config.set({"callbacks": [observer]})
    try:
        with suppress(Exception):
            await work()
    finally:
        var_child_runnable_config.reset(token)
    return observer.seen


async def collected_runs(work: Work) -> list[object]:
    with collect_runs() as collector, suppress(Exception):
        await work()
    return [run.model_dump() for run in collector.traced_runs]


async def tracer(work: Work) -> list[object]:
    with _smith() as (client, bodies), tracing_v2_enabled(client=client), suppress(Exception):
        await work()
    return list(bodies)


async def tracing_switched_on(work: Work) -> list[object]:
    with (
        _smith() as (client, bodies),
        langsmith.tracing_context(enabled=True, client=client),
        suppress(Exception),
    ):
        await work()
    return list(bodies)


async def environment(work: Work) -> list[object]:
    with pytest.MonkeyPatch.context() as patch, _smith() as (client, bodies):
        for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING_V2"):
            patch.setenv(name, "true")
        patch.setattr(run_trees, "_CLIENT", client)
        utils.get_env_var.cache_clear()  # type: ignore[attr-defined]  # its overloads hide it
        with suppress(Exception):
            await work()
    utils.get_env_var.cache_clear()  # type: ignore[attr-defined]  # its overloads hide it
    return list(bodies)


async def debugging(work: Work) -> list[object]:
    shown = StringIO()
    set_debug(True)
    try:
        with redirect_stdout(shown), suppress(Exception):
            await work()
    finally:
        set_debug(False)
    return [shown.getvalue()]


Watcher: TypeAlias = Callable[[Work], Coroutine[Any, Any, list[object]]]
FOR_THE_CALLER: Mapping[str, Watcher] = {
    watcher.__name__: watcher
    for watcher in (
        outer_streams, outer_events, callback_handler, collected_runs, tracer, tracing_switched_on, environment,
    )
}  # fmt: skip
"""Those set for whoever calls, or by the environment."""
WATCHERS: Mapping[str, Watcher] = {**FOR_THE_CALLER, "debugging": debugging}
"""And those set for the whole process."""


@contextmanager
def _smith() -> Iterator[tuple[langsmith.Client, list[bytes]]]:
    """A client of LangSmith, and what arrives at its server."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_PATCH = do_POST  # noqa: N815  (the base class names them)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_address[1]}"
            client = langsmith.Client(api_url=address, api_key="none", auto_batch_tracing=False)
            yield client, bodies
            client.session.close()
        finally:
            server.shutdown()
            thread.join()
