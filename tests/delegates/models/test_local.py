"""The embedded engine's parent side, against a child that speaks the protocol without a model."""

import asyncio
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bargaining.errors import (
    InvalidModelError,
    ModelReplyError,
    ModelTransientError,
    ModelUnavailableError,
)
from delegates.models.interface import Request, Turn, Usage
from delegates.models.local import STREAMS, LocalModel

FAKE_ENGINE = """
import json, os, signal, socket, struct, sys, time
connection = socket.socket(fileno=int(sys.argv[1]))
stream = connection.makefile("rb")
def receive():
    header = stream.read(4)
    if len(header) < 4:
        os._exit(0)
    return json.loads(stream.read(struct.unpack(">I", header)[0]))
def send(body):
    connection.sendall(struct.pack(">I", len(body)) + body)
load = receive()
fault = os.path.basename(load["path"]).partition(".")[0]
if fault == "hang":
    time.sleep(3600)
send(json.dumps({"fault": fault[6:]} if fault.startswith("fault-") else {"context": 2048}).encode())
while True:
    order = receive()
    said = order["messages"][-1]["content"]
    if said == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if said == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if said == "leave":
        os._exit(3)
    if said == "stall":
        time.sleep(3600)
    if said == "garbage":
        send(b"CANARY not JSON")
        continue
    if said == "list":
        send(b"[1]")
        continue
    if said == "hollow":
        send(b'{"text": "CANARY"}')
        continue
    if said.startswith("fault "):
        send(json.dumps({"fault": said[6:]}).encode())
        continue
    reply = {"order": order, "load": load, "environment": dict(os.environ),
             "directory": os.getcwd(), "pid": os.getpid(),
             "session": os.getsid(0), "streams": [os.readlink(f"/proc/self/fd/{n}") for n in range(3)]}
    send(json.dumps({"text": json.dumps(reply), "input_tokens": 9, "cached_tokens": 4, "output_tokens": 2}).encode())
"""
SCHEMA = {"type": "object", "properties": {"move": {"enum": ["offer"]}}, "required": ["move"]}


def request(text: str) -> Request:
    return Request(system="S", turns=(Turn("user", text),), schema=SCHEMA, max_tokens=50)


@pytest.fixture
def engine(tmp_path: Path) -> tuple[str, str]:
    path = tmp_path / "fake_engine.py"
    path.write_text(textwrap.dedent(FAKE_ENGINE))
    return sys.executable, str(path)


@pytest.fixture
def gguf(tmp_path: Path) -> str:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"GGUF....")
    return str(path)


@pytest.fixture(autouse=True)
def leave_no_child() -> Iterator[None]:
    """Whatever a test does, no child of it is left: neither running nor as a zombie."""
    before = children()
    yield
    assert children() <= before


def children() -> set[str]:
    """Of all threads of this process, by number."""
    tasks = Path("/proc/self/task").iterdir()
    return {pid for task in tasks for pid in (task / "children").read_text().split()}


async def talk(model: LocalModel, *texts: str) -> list[str]:
    try:
        return [(await model.complete(request(text))).text for text in texts]
    finally:
        await model.close()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone_within(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not alive(pid)


def test_a_request_reaches_the_engine_whole_and_the_reply_comes_back(
    gguf: str, engine: tuple[str, str]
) -> None:
    import json

    async def run() -> None:
        model = LocalModel(gguf, seed=STREAMS + 5, command=engine)
        turns = (Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c"))
        try:
            completion = await model.complete(Request("S", turns, SCHEMA, 50))
        finally:
            await model.close()
        assert completion.usage == Usage(input_tokens=9, cached_tokens=4, output_tokens=2)
        assert completion.structure == "schema"
        reply = json.loads(completion.text)
        assert [m["content"] for m in reply["order"]["messages"]] == ["S", "a", "b", "c"]
        assert reply["order"]["max_tokens"] == 50
        assert reply["order"]["schema"]["required"] == ["move"]
        assert reply["load"]["skip"] == 11
        assert model.spec == f"local/{gguf}"

    asyncio.run(run())


def test_the_engine_inherits_nothing_but_the_socket(
    gguf: str, engine: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    monkeypatch.setenv("OPENAI_API_KEY", "CANARY")
    monkeypatch.setenv("HTTPS_PROXY", "http://canary.invalid")
    monkeypatch.setenv("PYTHONPATH", "/canary")
    (text,) = asyncio.run(talk(LocalModel(gguf, command=engine), "hello"))
    reply = json.loads(text)
    told = reply["environment"]
    assert (told.pop("HOME"), told.pop("HF_HOME")) == ("/nonexistent", "/nonexistent")
    assert set(told) <= {"HF_HUB_OFFLINE", "LANG", "RAYON_NUM_THREADS", "LC_CTYPE"}
    assert reply["streams"] == ["/dev/null"] * 3
    assert reply["directory"] == "/"
    assert reply["session"] == reply["pid"]


def test_the_engine_starts_once_and_lazily(gguf: str, engine: tuple[str, str]) -> None:
    async def run() -> None:
        model = LocalModel(gguf, command=engine)
        assert model.pid is None
        try:
            await model.start()
            first = model.pid
            assert model.context == 2048
            await asyncio.gather(*(model.complete(request(str(k))) for k in range(5)))
            assert model.pid == first
        finally:
            await model.close()

    asyncio.run(run())


def test_a_long_conversation_crosses_in_both_directions(gguf: str, engine: tuple[str, str]) -> None:
    (text,) = asyncio.run(talk(LocalModel(gguf, command=engine), "x" * 3_000_000))
    assert len(text) > 3_000_000


@pytest.mark.parametrize("text", ["die", "crash", "leave"])
def test_a_dead_engine_is_named_and_the_next_request_starts_another(
    gguf: str, engine: tuple[str, str], text: str
) -> None:
    async def run() -> None:
        model = LocalModel(gguf, command=engine)
        try:
            with pytest.raises(ModelUnavailableError, match="memory"):
                await model.complete(request(text))
            assert model.pid is None
            assert (await model.complete(request("hello"))).text
        finally:
            await model.close()

    asyncio.run(run())


def test_a_reply_that_takes_too_long_is_transient_and_ends_the_engine(
    gguf: str, engine: tuple[str, str]
) -> None:
    async def run() -> None:
        model = LocalModel(gguf, command=engine, timeout_seconds=0.2)
        try:
            await model.start()
            pid = model.pid
            with pytest.raises(ModelTransientError, match="longer than"):
                await model.complete(request("stall"))
            assert pid
            assert not alive(pid)
        finally:
            await model.close()

    asyncio.run(run())


def test_loading_that_takes_too_long_is_transient(tmp_path: Path, engine: tuple[str, str]) -> None:
    path = tmp_path / "hang.gguf"
    path.write_bytes(b"GGUF")
    with pytest.raises(ModelTransientError):
        asyncio.run(talk(LocalModel(str(path), command=engine, start_timeout_seconds=0.5), "hello"))


def test_cancelling_a_request_ends_the_engine_at_once(gguf: str, engine: tuple[str, str]) -> None:
    async def run() -> None:
        model = LocalModel(gguf, command=engine)
        await model.start()
        pid = model.pid
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(model.complete(request("stall")), 0.1)
        assert pid
        assert not alive(pid)
        assert (await model.complete(request("hello"))).text
        await model.close()

    asyncio.run(run())


def test_closing_ends_a_pending_request_and_is_safe_twice(gguf: str, engine: tuple[str, str]) -> None:
    async def run() -> None:
        model = LocalModel(gguf, command=engine)
        await model.start()
        pending = asyncio.create_task(model.complete(request("stall")))
        await asyncio.sleep(0.05)
        started = time.perf_counter()
        await model.close()
        assert time.perf_counter() - started < 0.2
        with pytest.raises(ModelUnavailableError, match="closed"):
            await asyncio.wait_for(pending, 5)
        await model.close()
        with pytest.raises(ModelUnavailableError, match="closed"):
            await model.complete(request("hello"))

    asyncio.run(run())


def test_closing_a_model_that_never_started_does_nothing(gguf: str) -> None:
    asyncio.run(LocalModel(gguf).close())


def test_one_model_serves_one_event_loop_after_another(gguf: str, engine: tuple[str, str]) -> None:
    model = LocalModel(gguf, command=engine)
    asyncio.run(model.start())
    asyncio.run(talk(model, "hello"))


@pytest.mark.parametrize("text", ["garbage", "list"])
def test_an_engine_that_breaks_the_protocol_is_unavailable(
    gguf: str, engine: tuple[str, str], text: str
) -> None:
    with pytest.raises(ModelUnavailableError) as caught:
        asyncio.run(talk(LocalModel(gguf, command=engine), text))
    assert "CANARY" not in str(caught.value)


def test_a_reply_without_counts_is_refused_without_repeating_it(gguf: str, engine: tuple[str, str]) -> None:
    with pytest.raises(ModelReplyError) as caught:
        asyncio.run(talk(LocalModel(gguf, command=engine), "hollow"))
    assert "CANARY" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("fault", "kind", "advice"),
    [
        ("context", ModelUnavailableError, "too long"),
        ("grammar", ModelUnavailableError, "agenda's schema"),
        ("memory", ModelUnavailableError, "smaller weights"),
        ("engine", ModelReplyError, "failed"),
        ("something new", ModelReplyError, "failed"),
    ],
)
def test_each_fault_of_a_request_has_its_error(
    gguf: str, engine: tuple[str, str], fault: str, kind: type[Exception], advice: str
) -> None:
    with pytest.raises(kind, match=advice):
        asyncio.run(talk(LocalModel(gguf, command=engine), f"fault {fault}"))


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ("missing", "mistralrs"),
        ("architecture", "architecture"),
        ("load", "models check"),
        ("memory", "memory"),
        ("template", "instruction"),
    ],
)
def test_each_fault_of_loading_has_its_error_and_leaves_no_engine(
    tmp_path: Path, engine: tuple[str, str], fault: str, advice: str
) -> None:
    path = tmp_path / f"fault-{fault}.gguf"
    path.write_bytes(b"GGUF")

    async def run() -> None:
        model = LocalModel(str(path), command=engine)
        with pytest.raises(ModelUnavailableError, match=advice):
            await model.start()
        assert model.pid is None

    asyncio.run(run())


def test_an_engine_that_cannot_be_started_is_unavailable(gguf: str) -> None:
    with pytest.raises(ModelUnavailableError, match="cannot be started"):
        asyncio.run(talk(LocalModel(gguf, command=["/nonexistent/engine"]), "hello"))


def test_missing_weights_are_found_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(InvalidModelError):
        LocalModel(str(tmp_path / "nowhere.gguf"))


PARENT = """
import asyncio, sys
from delegates.models.interface import Request, Turn
from delegates.models.local import LocalModel
async def main():
    model = LocalModel(sys.argv[1], command=sys.argv[2:])
    await model.start()
    print(model.pid, flush=True)
    await model.complete(Request("S", (Turn("user", "stall"),), {"type": "object"}, 5))
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_real_engine_process_does_not_outlive_its_parent(gguf: str, tmp_path: Path, how: int) -> None:
    """The real engine file, with the part that would load a model replaced by one that sleeps."""
    patched = tmp_path / "sleeping_engine.py"
    patched.write_text(
        "import time\nfrom delegates.models import engine\n"
        "class Runner:\n    def max_sequence_length(self): return 1\n"
        "engine.load = lambda order: Runner()\nengine.ask = lambda runner, order: time.sleep(3600)\n"
        "engine.main()\n"
    )
    root = str(Path(__file__).parents[3])
    code = (
        f"import sys; sys.path.insert(0, {root!r}); sys.argv = sys.argv[1:]; exec(open(sys.argv[0]).read())"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, gguf, sys.executable, "-c", code, str(patched)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=root,
    )
    assert parent.stdout
    with parent.stdout:
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.send_signal(how)
        parent.wait(10)
    assert gone_within(pid, 5)
