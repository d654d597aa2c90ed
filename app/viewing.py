"""`negbox view`: shows the report of a sweep in a browser, and how far a running one is.

Covered: it listens on 127.0.0.1 only and answers GET for three addresses, from rows, which hold values only; a page of
another site that was pointed here by name (DNS rebinding) is refused by the Host it asks for; no file is served.
Not covered: other users of this machine can read it while it runs: the port is open to all of them.
"""

import json
import sys
import threading
import time
import webbrowser
from collections import deque
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from app import exits
from bargaining.errors import InvalidInputError, NegboxError
from evals import report, store
from evals.report.page import as_json, policy

ADDRESS = "127.0.0.1"
_LEAST_SECONDS = 3.0
"""Between two reports of a running sweep."""
_SHARE = 10
"""A report may take one part in so many of the time."""
_RATE_SECONDS = 60.0
"""Over how long negotiations a second are counted."""


class Watched:
    """A sweep's folder: its report, made again when rows have come, and its progress.

    Args:
        folder: Where rows are.

    Raises:
        InvalidInputError: No results are there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._seen: deque[tuple[float, int]] = deque()
        self._built = ""
        self._built_at = self._took = 0.0
        self._pages: Mapping[str, bytes] = {}
        self._build()

    def page(self, name: str) -> bytes:
        """The report as `report.PAGE` or `report.DATA`."""
        with self._lock:
            if self._due():
                self._build()
            return self._pages[name]

    def progress(self) -> Mapping[str, Any]:
        """How far the sweep is, and which report there is of it."""
        told = _json(self._folder / store.PROGRESS)
        with self._lock:
            version = self._rows() if self._due() else self._built
            done = told.get("done")
            if not isinstance(done, int):  # an older sweep: nobody wrote how far it is
                done = _lines(self._folder / store.ROWS)
            return {
                "total": told.get("total"),
                "done": done,
                "missing": told.get("missing", 0),
                "usd": told.get("usd"),
                "left_seconds": told.get("left_seconds"),
                "ended": not told or bool(told.get("ended")) or done == told.get("total"),
                "rate": self._rate(done),
                "version": version,
            }

    def _rows(self) -> str:
        try:
            found = (self._folder / store.ROWS).stat()
        except OSError:
            return self._built
        return f"{found.st_size}-{found.st_mtime_ns}"

    def _due(self) -> bool:
        waited = time.monotonic() - self._built_at
        return self._rows() != self._built and waited > max(_LEAST_SECONDS, _SHARE * self._took)

    def _build(self) -> None:
        began, version = time.monotonic(), self._rows()
        found = report.of(self._folder)
        self._pages = {
            report.PAGE: report.render(found, live=True).encode(),
            report.DATA: json.dumps(as_json(found)).encode(),
        }
        self._built, self._built_at = version, time.monotonic()
        self._took = self._built_at - began

    def _rate(self, done: int) -> float:
        now = time.monotonic()
        self._seen.append((now, done))
        while now - self._seen[0][0] > _RATE_SECONDS:
            self._seen.popleft()
        since, before = self._seen[0]
        return (done - before) / (now - since) if now > since else 0.0


class Server(ThreadingHTTPServer):
    """Serves a report on this machine.

    Args:
        watched: What it shows.
        port: 0: any that is free.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, watched: Watched, port: int = 0) -> None:
        super().__init__((ADDRESS, port), _Handler)
        self.watched = watched

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{ADDRESS}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: who breaks off is no failure, and a traceback could hold a path."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version, sys_version = "negbox", ""
    timeout = 10
    _PAGES: ClassVar[Mapping[str, tuple[str, str]]] = {
        "/": (report.PAGE, "text/html; charset=utf-8"),
        "/report.json": (report.DATA, "application/json"),
    }

    def do_GET(self) -> None:
        """Answer, or refuse."""
        names = {f"{name}:{self.server.server_port}" for name in (ADDRESS, "localhost")}
        if self.headers.get_all("Host") not in [[name] for name in names]:
            self._answer(403, b"open the address that negbox view has shown\n", "text/plain")
            return
        try:
            if self.path == "/progress.json":
                self._answer(200, json.dumps(self.server.watched.progress()).encode(), "application/json")
            elif self.path in self._PAGES:
                name, kind = self._PAGES[self.path]
                self._answer(200, self.server.watched.page(name), kind)
            else:
                self._answer(404, b"there is nothing of that name\n", "text/plain")
        except NegboxError as error:
            self._answer(503, f"{error}\n".encode(), "text/plain; charset=utf-8")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in http.server
        """Keep no log."""

    def _answer(self, code: int, body: bytes, kind: str) -> None:
        self.send_response(code)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": f"{policy(live=True)}; frame-ancestors 'none'",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def view(folder: Path, *, port: int, opened: bool) -> None:
    """Serve the report until Ctrl-C.

    Args:
        folder: Of the sweep.
        port: 0: any that is free.
        opened: Whether to open a browser.

    Raises:
        InvalidInputError: No results are there, or the port is taken.
    """
    with _bound(Watched(folder), port) as server:
        sys.stdout.write(server.url + "\n")
        sys.stdout.flush()
        exits.say("Ctrl-C ends it.")
        if opened:
            # a browser of the terminal would hold up the server
            threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
        server.serve_forever()


def _bound(watched: Watched, port: int) -> Server:
    try:
        return Server(watched, port)
    except OSError as error:
        problem = error.strerror or "unknown"
    raise InvalidInputError(f"--port {port}: cannot be used ({problem}); leave it out, for any that is free")


def _json(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _lines(file: Path) -> int:
    try:
        with file.open("rb") as stream:
            return sum(1 for _ in stream)
    except OSError:
        return 0
