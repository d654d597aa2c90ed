"""Ctrl-C and a request to end, at any moment: quick, a no deal, nothing left."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from app import exits
from evals.server import Fault, FaultyServer, stall
from institutions import keys
from tests.app.command import CANARY, COMMAND, OFFER, ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
HERE = ("--isolation", "none")
"""In the process of the command: what is put into it for a test would not reach a box."""
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])


def longest_seconds() -> float:
    """A second, or more while other programs keep the machine's cores busy."""
    return max(1.0, 1.5 * os.getloadavg()[0] / (os.cpu_count() or 1))


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "this never came about"
        time.sleep(0.005)


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Place:
    """Where a command runs, and all that it may leave behind."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("cwd", "tmp", "home"):
            (root / name).mkdir()
        self.out = root / "out"

    def start(self, *arguments: str | Path, command: tuple[str, ...] = COMMAND) -> "subprocess.Popen[str]":
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(self.root / "tmp"),
            "HOME": str(self.root / "home"),
            "XDG_CONFIG_HOME": str(self.root / "home" / ".config"),
        }
        return subprocess.Popen(
            [*command, *map(str, arguments)],
            cwd=self.root / "cwd",
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def left(self) -> list[Path]:
        """Every file in it, the results and the host's key apart: that is made once."""
        key = self.root / "home" / ".config" / "negbox" / keys.FILE
        known = {key, *key.parents}
        found = [file for name in ("cwd", "tmp", "home") for file in (self.root / name).rglob("*")]
        return [file for file in found if file not in known]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@contextmanager
def running(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    """No process that a test started outlives it, whatever happens."""
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def interrupt(process: "subprocess.Popen[str]", number: int) -> str:
    """Interrupt a command; what it showed."""
    started = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    seconds = time.monotonic() - started
    assert seconds < longest_seconds(), f"took {seconds:.2f} s"
    assert process.returncode == exits.INTERRUPTED, err
    assert "Traceback" not in err
    assert CANARY not in out + err
    return out + err


def has_ended_well(place: Place) -> None:
    """Either nothing was written, or a whole no deal with its statement."""
    assert place.left() == []
    written = sorted(path.name for path in place.out.iterdir()) if place.out.exists() else []
    assert written in ([], ["agreement.json", "statement.json"])
    if written:
        assert json.loads((place.out / "agreement.json").read_text())["result"] == "no_deal"


@BOTH
@pytest.mark.parametrize("module", ["delegates.scenario", "langgraph", "app.run"])
def test_while_it_imports(place: Place, boat: Path, number: int, module: str) -> None:
    """A signal that the process sends to itself, just when it begins to import a module."""
    hook = f"""
import os, sys
class Signal:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), {int(number)})
sys.meta_path.insert(0, Signal())
from app.cli import main
main()
"""
    command = (sys.executable, "-c", hook)
    with running(place.start("run", boat, "-q", "--out", place.out, command=command)) as process:
        _, err = process.communicate(timeout=30)
        assert process.returncode == exits.INTERRUPTED, err
        assert "Traceback" not in err
        has_ended_well(place)


@BOTH
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("answered", [0, 1])
def test_while_a_model_thinks(place: Place, boat: Path, number: int, provider: str, answered: int) -> None:
    """At the first call, and at a later turn."""

    def stall_later(request: int) -> Fault | None:
        return stall(60) if request >= answered else None

    with FaultyServer(json.dumps(OFFER), faults=stall_later) as server:
        spec = f"{provider}/m@{server.base_url}"
        with running(place.start("run", boat, "-q", "--model", spec, "--out", place.out)) as process:
            wait_for(lambda: len(server.received) > answered)
            assert "no deal" in interrupt(process, number)
    has_ended_well(place)


@BOTH
def test_while_a_judge_grades(place: Place, number: int) -> None:
    with FaultyServer(faults=lambda request: stall(60)) as server:
        spec = f"openai/m@{server.base_url}"
        with running(place.start("eval", "judge", spec, "-q")) as process:
            wait_for(lambda: bool(server.received))
            assert "nothing is kept" in interrupt(process, number)
    has_ended_well(place)


@BOTH
@pytest.mark.parametrize(("provider", "module"), [("openai", "aiohttp"), ("anthropic", "anthropic")])
def test_while_a_provider_is_imported_inside_the_run(
    place: Place, boat: Path, number: int, provider: str, module: str
) -> None:
    """The event loop does not turn meanwhile, so that a cancellation alone would come late."""
    with FaultyServer(faults=lambda request: stall(60)) as server:
        spec = f"{provider}/m@{server.base_url}"
        hook = f"""
import os, sys, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            print("importing", flush=True)
            for _ in range(3000):
                time.sleep(0.01)
sys.meta_path.insert(0, Slow())
from app.cli import main
main()
"""
        arguments = ("run", boat, "-q", "--model", spec, "--out", place.out, *HERE)
        with running(place.start(*arguments, command=(sys.executable, "-c", hook))) as process:
            assert process.stdout
            assert process.stdout.readline() == "importing\n"
            assert "no deal" in interrupt(process, number)
    has_ended_well(place)


ENGINE = """
import json, os, socket, struct, sys, time
connection = socket.socket(fileno=int(sys.argv[1]))
stream = connection.makefile("rb")
def receive():
    header = stream.read(4)
    if len(header) < 4:
        os._exit(0)
    return json.loads(stream.read(struct.unpack(">I", header)[0]))
receive()
body = json.dumps({"context": 2048}).encode()
connection.sendall(struct.pack(">I", len(body)) + body)
receive()
open(os.path.join(os.path.dirname(__file__), "asked"), "w").close()
receive()
"""


@pytest.fixture
def engine(tmp_path: Path) -> tuple[str, ...]:
    """The command, with an engine that is asked and never answers."""
    path = tmp_path / "engine.py"
    path.write_text(ENGINE)
    hook = (
        "from pathlib import Path\nfrom delegates.models import local\n"
        f"local._ENGINE = Path({str(path)!r})\nfrom app.cli import main\nmain()\n"
    )
    return sys.executable, "-c", hook


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_engine_outlives_the_command(
    place: Place, boat: Path, tmp_path: Path, engine: tuple[str, ...], number: int
) -> None:
    gguf = tmp_path / "tiny.gguf"
    gguf.write_bytes(b"GGUF....")
    arguments = ("run", boat, "-q", "--model", f"local/{gguf}", "--out", place.out, *HERE)
    with running(place.start(*arguments, command=engine)) as process:
        wait_for((tmp_path / "asked").exists)
        (child,) = children(process.pid)
        if number == signal.SIGKILL:
            process.kill()
            process.wait()
        else:
            assert "no deal" in interrupt(process, number)
        wait_for(lambda: not alive(child))
    has_ended_well(place)


def test_a_second_signal_changes_nothing(place: Place, boat: Path) -> None:
    with FaultyServer(faults=lambda request: stall(60)) as server:
        arguments = ("run", boat, "-q", "--model", f"openai/m@{server.base_url}", "--out", place.out)
        with running(place.start(*arguments)) as process:
            wait_for(lambda: bool(server.received))
            for _ in range(3):
                process.send_signal(signal.SIGINT)
            interrupt(process, signal.SIGTERM)
    has_ended_well(place)


def test_an_interrupt_that_is_swallowed_comes_again() -> None:
    """As pydantic does, which then calls the input invalid."""
    caught: list[Sequence[int]] = []

    def stubborn() -> None:
        with exits.interruptible() as received:
            try:
                os.kill(os.getpid(), signal.SIGINT)
                signal.pause()
            except KeyboardInterrupt:
                caught.append(received)
            while True:
                signal.pause()

    with pytest.raises(KeyboardInterrupt):
        stubborn()
    assert caught == [[signal.SIGINT]]


def test_what_follows_an_interrupt_counts_as_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        except KeyboardInterrupt:
            raise ValueError("what pydantic would say") from None

    assert exits.guarded(command) == exits.INTERRUPTED
    assert capsys.readouterr().err == "Interrupted.\n"


def test_handlers_are_put_back_and_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with exits.interruptible() as received:
            os.kill(os.getpid(), signal.SIGINT)
        assert list(received) == []
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, before)
