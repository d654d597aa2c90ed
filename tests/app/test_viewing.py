"""`negbox view` shows a sweep on this machine, and nothing else of it."""

import http.client
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from app import viewing
from app.viewing import Server, Watched
from tests.app.command import COMMAND, ROOT, Terminal
from tests.evals.made_up import controls, leaks, sweep


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    with Server(Watched(folder)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def asked(
    server: Server, path: str = "/", *, host: str | None = None, method: str = "GET"
) -> tuple[int, str, Mapping[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), dict(answer.getheaders())
    connection.close()
    return found


def test_the_report_and_its_data_are_served_to_this_machine_only(tmp_path: Path) -> None:
    with served(sweep(tmp_path, controls(), leaks({"m": 0.5}))) as server:
        assert server.server_address[0] == "127.0.0.1"
        code, text, headers = asked(server)
        assert (code, "both controls landed" in text) == (200, True)
        assert "connect-src 'self'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in headers
        assert json.loads(asked(server, "/report.json")[1])["negotiations"] == 30
        assert asked(server, host=f"localhost:{server.server_port}")[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/rows.jsonl", "/transcripts/", "/../rows.jsonl", "/%2e%2e/rows.jsonl", "//rows.jsonl", "/plan.json", "/?", "/./",
     "/report.html"],
)  # fmt: skip
def test_no_file_is_served(tmp_path: Path, path: str) -> None:
    folder = sweep(tmp_path, controls(), leaks({"m": 0.5}))
    with served(folder) as server:
        code, text, _ = asked(server, path)
        assert (code, "suite" in text) == (404, False)


@pytest.mark.parametrize("host", ["", "evil.example", "127.0.0.1", "evil.example:{port}", "127.0.0.1:1"])
def test_another_name_for_this_machine_is_refused(tmp_path: Path, host: str) -> None:
    """A page of another site may have its own name point here (DNS rebinding)."""
    with served(sweep(tmp_path, controls(), leaks({"m": 0.5}))) as server:
        for path in ("/", "/progress.json", "/report.json"):
            code, text, _ = asked(server, path, host=host.format(port=server.server_port))
            assert (code, "leaks" in text) == (403, False)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_it_answers_nothing_but_get(tmp_path: Path, method: str) -> None:
    with served(sweep(tmp_path, controls(), leaks({"m": 0.5}))) as server:
        assert asked(server, method=method)[0] == 501


def test_a_running_sweep_shows_how_far_it_is_and_what_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewing, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(viewing, "_SHARE", 0)
    folder = sweep(tmp_path, controls(), leaks({"m": 0.5}, seeds=1))
    (folder / "progress.json").write_text(
        json.dumps({"total": 30, "done": 9, "missing": 0, "left_seconds": 7})
    )
    with served(folder) as server:
        assert "Not complete: </strong>" not in asked(server)[1]
        first = json.loads(asked(server, "/progress.json")[1])
        assert (first["total"], first["done"], first["ended"], first["left_seconds"]) == (30, 9, False, 7)
        sweep(folder, controls(), leaks({"m": 0.5}))
        (folder / "progress.json").write_text(json.dumps({"total": 30, "done": 30, "missing": 0}))
        second = json.loads(asked(server, "/progress.json")[1])
        assert (second["done"], second["ended"], second["rate"] > 0) == (30, True, True)
        assert second["version"] != first["version"]
        assert json.loads(asked(server, "/report.json")[1])["negotiations"] == 30


def test_a_report_is_not_made_anew_for_everybody_who_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sweep(tmp_path, controls(), leaks({"m": 0.5}, seeds=1))
    watched = Watched(folder)
    before = watched.page("report.json")
    version = watched.progress()["version"]
    sweep(folder, controls(), leaks({"m": 0.5}))
    assert watched.page("report.json") is before
    assert watched.progress()["version"] == version
    monkeypatch.setattr(viewing, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(viewing, "_SHARE", 0)
    assert watched.page("report.json") != before


def test_rows_that_cannot_be_read_any_more_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewing, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(viewing, "_SHARE", 0)
    folder = sweep(tmp_path, controls(), leaks({"m": 0.5}))
    with served(folder) as server:
        (folder / "rows.jsonl").write_text("{}\n{}\n")
        code, text, _ = asked(server)
        assert (code, "is no row of this version" in text) == (503, True)
        assert asked(server, "/progress.json")[0] == 200


def test_ctrl_c_ends_it_as_it_ends_other_commands(tmp_path: Path) -> None:
    folder = sweep(tmp_path, controls(), leaks({"m": 0.5}))
    with subprocess.Popen(
        [*COMMAND, "view", str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline()
        assert url.startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in said


def test_a_folder_without_results_and_a_port_in_use_are_bad_input(negbox: Terminal, tmp_path: Path) -> None:
    ended = negbox("view", tmp_path)
    assert (ended.code, "negbox eval run --out" in ended.err) == (2, True)
    folder = sweep(tmp_path, controls(), leaks({"m": 0.5}))
    with served(folder) as server:
        ended = negbox("view", folder, "--port", str(server.server_port))
        assert (ended.code, "leave it out" in ended.err) == (2, True)
