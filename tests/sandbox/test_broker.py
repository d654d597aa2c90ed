"""The broker asks listed models within what the run is allowed, and ends with everything closed."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from bargaining.errors import (
    InvalidInputError,
    LimitReachedError,
    ModelReplyError,
    ModelTransientError,
    ModelUnavailableError,
    NegboxError,
    PurgeError,
)
from delegates.models.interface import Completion, Model, Request, Turn, Usage
from delegates.models.local import LocalModel
from delegates.models.metered import upper_estimate
from delegates.models.scripted import Reply, ScriptedModel
from delegates.models.spec import open_model
from evals.server import FaultyServer, reset, status
from sandbox.broker import QUEUE, Allowance, Broker, BrokerJob
from sandbox.channel import ChannelModel, Connection
from tests.sandbox.line import (
    ALLOWANCE,
    BROKER,
    CANARY,
    REQUEST,
    Raw,
    ask,
    attack,
    broker,
    framed,
    pair,
    said,
    started,
)

REPLY = '{"price": 1}'


def scripted(*replies: Reply, cycle: bool = True) -> ScriptedModel:
    return ScriptedModel(replies or (REPLY,), cycle=cycle, keep_requests=True)


def through(
    models: Sequence[Model],
    act: Callable[[Sequence[ChannelModel]], Awaitable[object]],
    allowance: Allowance = ALLOWANCE,
) -> object:
    """Act on models through a broker in this process."""

    async def run() -> object:
        async with broker(models, allowance) as connection, asyncio.timeout(10):
            return await act([ChannelModel(connection, index, "m") for index in range(len(models) + 1)])

    return asyncio.run(run())


class HeldModel:
    """A model that replies when it is told to."""

    spec = "scripted/held"

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.asked = asyncio.Event()
        self.most = self.now = self.cancelled = self.calls = 0
        self.closed = False

    async def complete(self, request: Request) -> Completion:
        self.calls += 1
        self.now += 1
        self.most = max(self.most, self.now)
        self.asked.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.now -= 1
        return Completion(REPLY, Usage(1, 0, 1))

    async def close(self) -> None:
        self.closed = True


def test_each_model_of_the_list_is_asked_by_its_place() -> None:
    one, two = scripted("one"), scripted("two")

    async def act(models: Sequence[ChannelModel]) -> list[str]:
        return [(await models[index].complete(REQUEST)).text for index in (1, 0, 1)]

    assert through([one, two], act) == ["two", "one", "two"]
    assert one.requests == [REQUEST]
    assert two.requests == [REQUEST] * 2
    assert one.closed
    assert two.closed


def test_a_completion_arrives_whole() -> None:
    class Whole(HeldModel):
        async def complete(self, request: Request) -> Completion:
            return Completion("a \ud800 b", Usage(10**30, 3, 2), "prompt")

    async def act(models: Sequence[ChannelModel]) -> Completion:
        return await models[0].complete(REQUEST)

    assert through([Whole()], act) == Completion("a ? b", Usage(2**53 - 1, 3, 2), "prompt")


@pytest.mark.parametrize(
    ("raised", "kind", "wait"),
    [
        (ModelUnavailableError(CANARY), "ModelUnavailableError", None),
        (ModelTransientError(CANARY, 3.2), "ModelTransientError", 4.0),
        (ModelTransientError(CANARY, 1e300), "ModelTransientError", 3600.0),
        (ModelTransientError(CANARY, float("nan")), "ModelTransientError", None),
        (ModelTransientError(CANARY), "ModelTransientError", None),
        (ModelReplyError(CANARY), "ModelReplyError", None),
        (LimitReachedError(CANARY), "LimitReachedError", None),
        (KeyError(CANARY), "ModelUnavailableError", None),
        (TimeoutError(CANARY), "ModelUnavailableError", None),
        (RecursionError(CANARY), "ModelUnavailableError", None),
    ],
)
def test_an_error_comes_back_as_a_kind(raised: Exception, kind: str, wait: float | None) -> None:
    async def act(raw: Raw) -> tuple[object, object]:
        return await raw.put(ask(1)), await raw.put(ask(2))

    (failed, then), error = attack([scripted(raised, REPLY)], act)
    assert failed == {"type": "failure", "id": 1, "kind": kind, "retry_after_seconds": wait}
    assert isinstance(then, dict)
    assert then["text"] == REPLY
    assert error is None


def test_a_panic_in_a_library_is_a_failure_too(capfd: pytest.CaptureFixture[str]) -> None:
    class Panic(BaseException):
        pass

    class Panicking(HeldModel):
        async def complete(self, request: Request) -> Completion:
            raise Panic(CANARY)

    answer, _ = attack([Panicking()], lambda raw: raw.put(ask(1)))
    assert answer
    assert answer["kind"] == "ModelUnavailableError"
    assert CANARY not in "".join(capfd.readouterr())


def test_a_busy_model_is_asked_again_here_and_not_by_the_box() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def act(raw: Raw) -> object:
        return await raw.put(ask(1))

    with FaultyServer(REPLY, faults=[status(429, retry_after="7"), reset(), status(503)]) as server:
        model = open_model(f"openai/any@{server.base_url}", sleep=sleep, environment={})
        answer, _ = attack([model], act)
    assert isinstance(answer, dict)
    assert answer["text"] == REPLY
    assert len(server.received) == 4
    assert len(waits) == 3
    assert waits[0] >= 7


def test_one_question_at_a_time_for_each_model_and_all_models_at_once() -> None:
    async def run() -> None:
        slow, other = HeldModel(), scripted()
        async with broker([slow, other]) as connection, asyncio.timeout(10):
            one, two = (ChannelModel(connection, index, "m") for index in range(2))
            asking = [asyncio.create_task(one.complete(REQUEST)) for _ in range(3)]
            await slow.asked.wait()
            assert (await two.complete(REQUEST)).text == REPLY  # all three have arrived before
            assert slow.now == 1
            slow.go.set()
            await asyncio.gather(*asking)
        assert (slow.most, slow.calls) == (1, 3)

    asyncio.run(run())


def test_the_queue_for_a_model_is_short() -> None:
    async def run() -> None:
        slow = HeldModel()
        async with broker([slow], ALLOWANCE) as connection, asyncio.timeout(10):
            model = ChannelModel(connection, 0, "m")
            asking = [asyncio.create_task(model.complete(REQUEST)) for _ in range(1 + QUEUE)]
            await slow.asked.wait()
            with pytest.raises(ModelTransientError):
                await model.complete(REQUEST)
            slow.go.set()
            await asyncio.gather(*asking)
            assert (await model.complete(REQUEST)).text == REPLY

    asyncio.run(run())


def test_a_cancelled_question_frees_its_model() -> None:
    async def run() -> None:
        model = HeldModel()
        async with broker([model]) as connection, asyncio.timeout(10):
            asking = asyncio.create_task(ChannelModel(connection, 0, "m").complete(REQUEST))
            await model.asked.wait()
            asking.cancel()
            await asyncio.wait([asking])
            model.go.set()
            assert (await ChannelModel(connection, 0, "m").complete(REQUEST)).text == REPLY
        assert (model.calls, model.cancelled) == (2, 1)

    asyncio.run(run())


def test_when_the_box_hangs_up_open_questions_end_and_models_are_closed() -> None:
    async def run() -> None:
        model = HeldModel()
        async with broker([model]) as connection:
            asking = asyncio.create_task(ChannelModel(connection, 0, "m").complete(REQUEST))
            await model.asked.wait()
            await connection.close()
            with pytest.raises(ModelUnavailableError):
                await asking
        assert (model.cancelled, model.closed) == (1, True)

    asyncio.run(run())


def test_the_run_ends_when_its_time_is_over() -> None:
    async def run() -> None:
        model = HeldModel()
        async with pair() as (box, other), asyncio.timeout(10):
            asking = asyncio.create_task(ChannelModel(box, 0, "m").complete(REQUEST))
            with pytest.raises(LimitReachedError):
                await Broker([model], ALLOWANCE.model_copy(update={"seconds": 0.2})).serve(other)
            with pytest.raises(ModelUnavailableError):
                await asking
        assert (model.cancelled, model.closed) == (1, True)

    asyncio.run(run())


def test_a_model_that_cannot_be_closed_is_an_error_and_the_others_are_closed() -> None:
    class Stuck(HeldModel):
        async def close(self) -> None:
            raise OSError

    async def act(raw: Raw) -> object:
        return await raw.put(ask(1, model=1))

    other = scripted()
    answer, error = attack([Stuck(), other], act)
    assert isinstance(answer, dict)
    assert answer["text"] == REPLY
    assert isinstance(error, PurgeError)
    assert other.closed


def outcomes(models: Sequence[Model], allowance: Allowance, times: int) -> list[str]:
    async def act(channels: Sequence[ChannelModel]) -> list[str]:
        found = []
        for _ in range(times):
            try:
                found.append((await channels[0].complete(REQUEST)).text)
            except NegboxError as error:
                found.append(type(error).__name__)
        return found

    found = through(models, act, allowance)
    assert isinstance(found, list)
    return found


def test_only_so_many_requests_are_made() -> None:
    model = scripted()
    found = outcomes([model], ALLOWANCE.model_copy(update={"requests": 2}), 4)
    assert found == [REPLY, REPLY, "LimitReachedError", "LimitReachedError"]
    assert model.calls == 2


class Counting(HeldModel):
    """A model that reports what it is told to."""

    def __init__(self, usage: Usage | Exception | None) -> None:
        super().__init__()
        self.usage = usage

    async def complete(self, request: Request) -> Completion:
        self.calls += 1
        if isinstance(self.usage, Exception):
            raise self.usage
        return Completion(REPLY, self.usage)


MOST = upper_estimate(REQUEST).tokens


@pytest.mark.parametrize(
    ("usage", "calls"),
    [
        (Usage(10, 5, 5), 10),
        (None, 3),
        (Usage(3 * MOST, 0, 0), 1),
        (Usage(10**30, 0, 0), 1),
        (ModelReplyError(""), 3),
        (KeyError(""), 3),
        (ModelTransientError(""), 10),
        (ModelUnavailableError(""), 10),
    ],
    ids=["reported", "estimated", "all", "absurd", "unusable", "unforeseen", "transient", "unavailable"],
)
def test_only_so_many_tokens_are_used(usage: Usage | Exception | None, calls: int) -> None:
    model = Counting(usage)
    found = outcomes([model], ALLOWANCE.model_copy(update={"tokens": 3 * MOST + 1}), 10)
    assert model.calls == calls
    assert found[calls:] == ["LimitReachedError"] * (10 - calls)


def test_questions_to_several_models_at_once_cannot_pass_the_limit_together() -> None:
    async def run() -> None:
        one, two = HeldModel(), scripted()
        async with broker([one, two], ALLOWANCE.model_copy(update={"tokens": 2 * MOST - 1})) as connection:
            first, second = (ChannelModel(connection, index, "m") for index in range(2))
            asking = asyncio.create_task(first.complete(REQUEST))
            await one.asked.wait()
            with pytest.raises(LimitReachedError):
                await second.complete(REQUEST)
            one.go.set()
            await asking
            assert (await second.complete(REQUEST)).text == REPLY  # the first took less than it could

    asyncio.run(run())


def test_a_cancelled_question_is_charged_as_the_most_that_it_could_take() -> None:
    async def run() -> None:
        model = HeldModel()
        async with broker([model], ALLOWANCE.model_copy(update={"tokens": 2 * MOST - 1})) as connection:
            asking = asyncio.create_task(ChannelModel(connection, 0, "m").complete(REQUEST))
            await model.asked.wait()
            asking.cancel()
            await asyncio.wait([asking])
            with pytest.raises(LimitReachedError):
                await ChannelModel(connection, 0, "m").complete(REQUEST)

    asyncio.run(run())


ENGINE = """
import json, socket, struct, sys
connection = socket.socket(fileno=int(sys.argv[1]))
stream = connection.makefile("rb")
for answer in ({"context": 2048}, {"text": "{}", "input_tokens": 1, "cached_tokens": 0, "output_tokens": 1}):
    json.loads(stream.read(struct.unpack(">I", stream.read(4))[0]))
    body = json.dumps(answer).encode()
    connection.sendall(struct.pack(">I", len(body)) + body)
stream.read(1)
import time; time.sleep(3600)
"""


def test_the_embedded_engine_dies_with_the_channel(tmp_path: Path) -> None:
    weights, script = tmp_path / "w.gguf", tmp_path / "engine.py"
    weights.write_bytes(b"GGUF")
    script.write_text(ENGINE)
    model = LocalModel(str(weights), command=[sys.executable, str(script)])
    pids: list[int | None] = []

    async def act(channels: Sequence[ChannelModel]) -> str:
        text = (await channels[0].complete(REQUEST)).text
        pids.append(model.pid)
        os.kill(model.pid or -1, 0)
        return text

    assert through([model], act) == "{}"
    assert pids[0]
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def job(tmp_path: Path, **changes: object) -> BrokerJob:
    """A job with one scripted model."""
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"replies": [REPLY], "cycle": True}))
    fields = {"models": (f"scripted/{path}",), "limits": ALLOWANCE, **changes}
    return BrokerJob.model_validate(fields)


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
def test_a_broker_process_serves_and_ends(tmp_path: Path, closed: bool) -> None:
    async def talk(fd: int) -> str:
        connection = await Connection.open(fd)
        try:
            return (await ChannelModel(connection, 0, "m").complete(REQUEST)).text
        finally:
            await connection.close()

    with started(job(tmp_path, harden=closed, keys={"OPENAI_API_KEY": CANARY})) as running:
        assert running.ready == b"ready\n"
        if not closed:  # nobody may look into a closed process
            seen = Path("/proc", str(running.process.pid))
            assert CANARY.encode() not in (seen / "cmdline").read_bytes() + (seen / "environ").read_bytes()
            assert {os.readlink(seen / "fd" / str(fd)) for fd in (0, 1, 2)} == {os.devnull}
        assert asyncio.run(talk(os.dup(running.channel.fileno()))) == REPLY
    assert running.process.returncode == 0
    assert running.stdout + running.stderr == b""


OPENAI_ITSELF = """
import sys
from delegates.models.openai import OpenAIModel
from sandbox import broker
OpenAIModel.__init__.__kwdefaults__["address"] = "ADDRESS"
broker.main(sys.argv[1:], broker._close_process)
"""


@pytest.mark.parametrize("kind", ["compatible", "openai", "anthropic"])
def test_a_closed_broker_reaches_its_server(tmp_path: Path, kind: str) -> None:
    """Everything that a hosted model loads at its first call is loaded before the process is closed."""
    with FaultyServer(REPLY, faults=[status(503, retry_after="0")]) as server:
        address = server.base_url.replace("127.0.0.1", "localhost")
        spec, program = f"{'anthropic' if kind == 'anthropic' else 'openai'}/any@{address}", BROKER
        if kind == "openai":  # it has no other address, and no other port: it is closed for that one too
            spec, program = "openai/any", ("-c", OPENAI_ITSELF.replace("ADDRESS", address))
        both = (spec, f"openai/warm@{address}")
        work = job(tmp_path, models=both, harden=True, keys={"OPENAI_API_KEY": "k"})
        with started(work, program=program) as running:
            assert running.ready == b"ready\n"
            assert "Seccomp:\t2" in Path(f"/proc/{running.process.pid}/status").read_text()
            answer = asyncio.run(said(running.channel, ask(1)))
            other = asyncio.run(said(running.channel, ask(2, conversation=1, system="the other side")))
    assert answer
    assert answer["text"] == REPLY
    assert other
    assert other["text"] == REPLY
    assert len(server.received) == 3
    assert running.stdout + running.stderr == b""


def test_a_broker_waits_to_be_wiped(tmp_path: Path) -> None:
    """It ends when the other end of its line is closed, not when the box hangs up."""
    with started(job(tmp_path)) as running:
        running.channel.close()
        with pytest.raises(subprocess.TimeoutExpired):
            running.process.wait(0.3)
    assert running.process.returncode == 0


LIMITS = ALLOWANCE.model_dump_json().encode()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        CANARY.encode(),
        b"[" * 100_000,
        b" " * (2**20 + 1),
        b'{"models": [], "limits": ' + LIMITS + b', "more": 1}',
        b'{"models": [], "limits": ' + LIMITS + b', "keys": {"lower": "x"}}',
        b'{"models": "openai/any", "limits": ' + LIMITS + b"}",
        b'{"models": [], "limits": ' + LIMITS.replace(b"20,", b"-1,") + b"}",
    ],
)
def test_a_job_that_cannot_be_read_is_refused_without_a_word_of_it(text: bytes) -> None:
    def given(content: bytes) -> BrokerJob:
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            return BrokerJob.read(os.dup(file.fileno()))

    assert given(b'{"models": [], "limits": ' + LIMITS + b"}").limits == ALLOWANCE
    with pytest.raises(InvalidInputError) as caught:
        given(text)
    assert caught.value.__context__ is None
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("model", ["openai/gpt-9", f"{CANARY}", "tactic/boulware"])
def test_a_job_that_cannot_be_used_ends_the_broker_in_silence(model: str) -> None:
    """A key that is missing, a spec that is none, and one that needs no broker."""
    with started(BrokerJob(models=(model,), limits=ALLOWANCE)) as running:
        assert running.ready == b""
    assert running.process.returncode == 2
    assert running.stdout + running.stderr == b""


def test_a_job_shows_no_keys() -> None:
    text = BrokerJob(models=(), keys={"OPENAI_API_KEY": CANARY}, limits=ALLOWANCE)
    assert CANARY not in repr(text) + str(text)


def test_a_frame_that_is_a_question_is_answered_after_one_that_was_refused() -> None:
    async def act(raw: Raw) -> list[object]:
        await raw.write(framed(ask(1, model=9)) + framed(ask(2)))
        return [await raw.answer(), await raw.answer()]

    (refused, answered), _ = attack([scripted()], act)
    assert isinstance(refused, dict)
    assert isinstance(answered, dict)
    assert (refused["kind"], answered["text"]) == ("ModelUnavailableError", REPLY)


def test_turns_keep_their_order_and_text() -> None:
    model = scripted()
    turns = (Turn("user", "a\r\nb\0c"), Turn("assistant", "{}"), Turn("user", "ü 漢 🙂"))
    request = Request("", turns, {"b": 1, "a": [0.1, None, {"x": 10**20}]}, 1)

    async def act(channels: Sequence[ChannelModel]) -> object:
        return await channels[0].complete(request)

    through([model], act)
    assert model.requests == [request]
    assert list(model.requests[0].schema) == ["b", "a"]
