"""A model server on loopback that misbehaves as told: OpenAI Chat Completions and Anthropic Messages.

Covered: both wire formats without streaming; busy, failing, slow, cut-off, redirecting and talkative servers,
and ones that refuse a schema or report no usage.
Not covered: TLS, keys (any will do), rate limits of its own. It binds to 127.0.0.1 and keeps what it is sent
in memory.

    with FaultyServer(reply='{"move": "accept"}', faults=[status(429, retry_after="1"), reset()]) as server:
        model = open_model(f"openai/any@{server.base_url}")   # fails twice, then replies
"""

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, TypeAlias

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """What to do instead of replying. Make one with the functions below."""

    status: int = 200
    body: bytes | None = None
    """None: the ordinary reply, with this status."""
    headers: Mapping[str, str] = field(default_factory=dict)
    stall_seconds: float = 0.0
    reset: bool = False
    reflect: bool = False
    """The body is what was sent, as a careless server's error message might be."""


Faults: TypeAlias = Sequence[Fault | None] | Callable[[int], Fault | None]
"""What to do at each request, in order; None, and the end of a sequence, mean an ordinary reply."""


def status(code: int, *, retry_after: str | None = None, error_code: str = "failed") -> Fault:
    """Answer with a status and an error object."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    body = {"type": "error", "error": {"type": error_code, "code": error_code, "message": "told to fail"}}
    return Fault(status=code, body=json.dumps(body).encode(), headers=headers)


def malformed() -> Fault:
    """Answer with JSON that is cut off."""
    return Fault(body=b'{"choices": [{"message": {"content": "{\\"mo')


def html() -> Fault:
    """Answer with a proxy's page."""
    return Fault(body=b"<html><body>Bad gateway</body></html>", headers={"Content-Type": "text/html"})


def empty() -> Fault:
    """Answer with nothing."""
    return Fault(body=b"")


def no_choices() -> Fault:
    """Answer with JSON that holds no completion."""
    return Fault(body=b'{"id": "x", "choices": []}')


def stall(seconds: float) -> Fault:
    """Reply, but late. Closing the server ends the wait."""
    return Fault(stall_seconds=seconds)


def reset() -> Fault:
    """Break the connection."""
    return Fault(reset=True)


def redirect(address: str) -> Fault:
    """Send the client elsewhere."""
    return Fault(status=307, body=b"", headers={"Location": address})


def reflect(code: int = 400) -> Fault:
    """Fail, with everything that was sent in the error."""
    return Fault(status=code, reflect=True)


@dataclass(frozen=True, slots=True)
class Received:
    """One request that came in."""

    path: str
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: Json = field(repr=False)


class FaultyServer:
    """A model server for one `with` block.

    Args:
        reply: What the model says: a text, or a function of the request's JSON.
        faults: What to do instead, and when.
        refuses_schema: Answer 400 to every request that wants a schema enforced.
        reports_usage: Count tokens (by characters, a quarter each).
    """

    def __init__(
        self,
        reply: str | Callable[[Json], str] = "{}",
        *,
        faults: Faults = (),
        refuses_schema: bool = False,
        reports_usage: bool = True,
    ) -> None:
        self.received: list[Received] = []
        """Every request, in order."""
        self._reply = reply
        self._faults = faults
        self._refuses_schema = refuses_schema
        self._reports_usage = reports_usage
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._connections: set[socket.socket] = set()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        """The address to put after '@' in a model spec, for either wire format."""
        assert self._server is not None, "the server is not running"
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        outer: FaultyServer = self

        class Handler(_Handler):
            server_of = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # Joined on closing, so that no thread and no socket outlives the block.
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        assert self._thread is not None
        self._closing.set()
        self._server.shutdown()
        with self._lock:
            for connection in self._connections:
                # A client's idle connection would keep its thread waiting for a next request.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.server_close()

    def answer(self, received: Received) -> Fault:
        """Decide what to do with a request; an ordinary reply is a Fault with a body and status 200."""
        with self._lock:
            number = len(self.received)
            self.received.append(received)
        body = received.body
        if self._refuses_schema and ("response_format" in body or "output_config" in body):
            return status(400, error_code="response_format is not supported")
        if callable(self._faults):
            fault = self._faults(number)
        else:
            fault = self._faults[number] if number < len(self._faults) else None
        fault = fault or Fault()
        if fault.stall_seconds:
            self._closing.wait(fault.stall_seconds)
        if fault.reflect:
            error = {"error": {"message": f"cannot do this: {json.dumps(body)}"}}
            return Fault(fault.status, json.dumps(error).encode(), fault.headers)
        if fault.body is not None or fault.reset:
            return fault
        return Fault(fault.status, json.dumps(self._completion(received)).encode(), fault.headers)

    def opened(self, connection: socket.socket) -> None:
        """Remember a connection, to break it off when the server is closed."""
        with self._lock:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._connections.discard(connection)

    def _completion(self, received: Received) -> Json:
        body = received.body
        text = self._reply(body) if callable(self._reply) else self._reply
        read, written = len(json.dumps(body)) // 4, len(text) // 4
        found: Json
        if received.path.endswith("/messages"):
            found = {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": body.get("model"),
                "content": [{"type": "text", "text": text}],
                "stop_reason": "end_turn",
                "usage": {"input_tokens": read, "output_tokens": written},
            }
        else:
            message = {"role": "assistant", "content": text, "refusal": None}
            found = {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "model": body.get("model"),
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {
                    "prompt_tokens": read,
                    "completion_tokens": written,
                    "total_tokens": read + written,
                },
            }
        if not self._reports_usage:
            del found["usage"]
        return found


class _Handler(BaseHTTPRequestHandler):
    server_of: FaultyServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart: the second would wait for the first

    def setup(self) -> None:
        super().setup()
        self.server_of.opened(self.connection)

    def finish(self) -> None:
        self.server_of.closed(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            body = json.loads(raw)
        except ValueError:
            body = {}
        headers = {name.lower(): value for name, value in self.headers.items()}
        fault = self.server_of.answer(Received(self.path, headers, body if isinstance(body, dict) else {}))
        self.close_connection = self.close_connection or fault.reset
        if fault.reset:
            # Lingering for zero seconds makes closing send a reset instead of an orderly end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        reply = fault.body or b""
        with contextlib.suppress(OSError):
            self.send_response(fault.status)
            for name, value in {"Content-Type": "application/json", **fault.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

    def handle(self) -> None:
        # A client that goes away is what some of these faults are for.
        with contextlib.suppress(OSError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class names it)
        """Say nothing: a request's path is all it could tell."""
