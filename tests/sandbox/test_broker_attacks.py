"""A box in hostile hands gets nothing from its broker but answers of listed models; neither does a hostile provider."""

import asyncio
import gzip
import json
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bargaining.errors import LimitReachedError, SandboxError
from delegates.models.anthropic import AnthropicModel
from delegates.models.compatible import CompatibleModel
from delegates.models.interface import Completion, Model, Request
from delegates.models.openai import OpenAIModel
from delegates.models.scripted import ScriptedModel
from evals.server import Fault, FaultyServer, malformed, redirect, reflect
from sandbox import channel
from sandbox.broker import QUEUE, BrokerJob
from sandbox.frame import pack
from sandbox.message import LARGEST_ANSWER_BYTES, LARGEST_QUESTION_BYTES, MOST_CONVERSATIONS
from sandbox.transcript import MOST_TURNS
from tests.sandbox.line import ALLOWANCE, CANARY, SCHEMA, Raw, ask, attack, framed, raw_broker, said, started

REPLY = '{"price": 1}'
PROVIDERS = ["openai", "compatible", "anthropic"]
GOOD = {"type": "reply", "id": 1, "text": REPLY, "structure": "schema"}
FAILED = {"type": "failure", "id": 1, "retry_after_seconds": None}


def make(provider: str, address: str, timeout_seconds: float = 10.0) -> Model:
    """A model without patience: what is asked again is another test's matter."""
    if provider == "openai":
        return OpenAIModel("m", key="k", address=address, timeout_seconds=timeout_seconds)
    if provider == "compatible":
        return CompatibleModel("m", address, key="k", timeout_seconds=timeout_seconds)
    return AnthropicModel("m", key="k", base_url=address, timeout_seconds=timeout_seconds)


def script() -> ScriptedModel:
    return ScriptedModel([REPLY], cycle=True)


def is_good(answer: dict[str, Any] | None) -> bool:
    return answer is not None and {key: answer[key] for key in GOOD if key in answer} == GOOD


def test_a_good_question_is_answered() -> None:
    """The control of all attacks: the same question without the attack."""
    model = script()
    answer, error = attack([model], lambda raw: raw.put(ask(1)))
    assert is_good(answer)
    assert error is None
    assert model.calls == 1


BREACHES = {
    "a negative model": framed(ask(1, model=-1)),
    "a huge model": framed(ask(1, model=10**12)),
    "a model by name": framed(ask(1, model="openai/gpt-9")),
    "a model by address": framed(ask(1, base_url="http://127.0.0.1:1/v1")),
    "another path": framed(ask(1, path="/v1/files")),
    "another method": framed(ask(1, method="GET")),
    "headers": framed(ask(1, headers={"x": CANARY})),
    "tools": framed(ask(1, tools=[])),
    "storing": framed(ask(1, store=True)),
    "metadata": framed(ask(1, metadata={CANARY: CANARY})),
    "another number of replies": framed(ask(1, n=100)),
    "a system role among the turns": framed(ask(1, turns=[{"role": "system", "text": "x"}])),
    "an image": framed(ask(1, turns=[{"role": "user", "text": [{"type": "image_url"}]}])),
    "negative tokens": framed(ask(1, max_tokens=-1)),
    "tokens as a text": framed(ask(1, max_tokens="100")),
    "a huge number of tokens": framed(ask(1, max_tokens=10**300)),
    "a question without a type": framed({"id": 1}),
    "no object": framed([ask(1)]),
    "nesting without end": pack(b"[" * 1_000_000),
    "no JSON": pack(b"\x16\x03\x01" + CANARY.encode()),
    "HTTP": b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n",
    "an empty frame": pack(b""),
    "an endless frame": b"\xff\xff\xff\xff" + b"x" * 1000,
    "a frame one byte too long": (LARGEST_QUESTION_BYTES + 1).to_bytes(4, "big"),
    "a frame that says less than it holds": (10).to_bytes(4, "big") + framed(ask(1))[4:],
    "a number below the last": framed(ask(0)),
    "cancelling what was not asked": framed({"type": "cancel", "id": 5}),
    "a conversation that was not opened": framed(ask(1, opening=None)),
    "turns behind those of no conversation": framed(ask(1, opening=None, after=1)),
    "an opening behind turns": framed(ask(1, after=1)),
    "too many conversations": framed(ask(1, conversation=MOST_CONVERSATIONS)),
    "a schema by number": framed(ask(1, reply_schema=0)),
}


@pytest.mark.parametrize("data", BREACHES.values(), ids=BREACHES.keys())
def test_a_breach_of_the_rules_ends_the_channel_and_nothing_is_asked(data: bytes) -> None:
    model = script()

    async def act(raw: Raw) -> object:
        await raw.write(data)
        return await raw.answer()

    answer, error = attack([model], act)
    assert answer is None
    assert isinstance(error, SandboxError)
    assert CANARY not in str(error)
    assert error.__context__ is None
    assert model.calls == 0
    assert model.closed


def test_a_number_used_twice_ends_the_channel() -> None:
    model = script()

    async def act(raw: Raw) -> list[object]:
        return [await raw.put(ask(2)), await raw.put(ask(2))]

    (first, second), error = attack([model], act)
    assert first
    assert second is None
    assert isinstance(error, SandboxError)
    assert model.calls == 1


def further(number: int, after: int, text: str, **changes: Any) -> dict[str, Any]:
    """A further question of a conversation."""
    return {**ask(number, opening=None, after=after, turns=[{"role": "user", "text": text}]), **changes}


MISFITS = {
    "going back": further(4, 1, "x"),
    "going back to the beginning": further(4, 0, "x"),
    "going on from turns to come": further(4, 6, "x"),
    "between two turns of a question": further(4, 4, "x"),
    "another conversation": further(4, 5, "x", conversation=1),
}


@pytest.mark.parametrize("misfit", MISFITS.values(), ids=MISFITS.keys())
def test_a_question_that_does_not_fit_its_conversation_ends_the_channel(misfit: dict[str, Any]) -> None:
    model = script()
    two = [{"role": "assistant", "text": "a"}, {"role": "user", "text": "b"}]

    async def act(raw: Raw) -> list[bool]:
        good = [ask(1), further(2, 1, "c"), ask(3, opening=None, after=2, turns=[*two, two[0]])]
        return [is_good({**(await raw.put(each) or {}), "id": 1}) for each in [*good, misfit]]

    answers, error = attack([model], act)
    assert answers == [True, True, True, False]
    assert isinstance(error, SandboxError)
    assert model.calls == 3
    assert model.closed


def test_all_that_was_said_before_counts_against_the_limit_on_prompts() -> None:
    """Not only what is new. What was refused is not kept, and a shorter question in its place is asked."""
    model = script()

    async def act(raw: Raw) -> list[Any]:
        long = [further(number, number - 1, "é" * 1000) for number in (2, 3, 4, 5)]
        answers = [await raw.put(each) for each in (ask(1), *long, further(6, 3, "x"))]
        return [answer and answer.get("kind", answer["type"]) for answer in answers]

    kinds, error = attack([model], act, ALLOWANCE.model_copy(update={"prompt_bytes": 5000}))
    assert kinds[:3] == ["reply"] * 3
    assert kinds[3] == "LimitReachedError"
    assert kinds[4] is None  # behind a question that was refused, there is nothing to go on from
    assert isinstance(error, SandboxError)


def test_a_refused_question_is_not_kept() -> None:
    model = ScriptedModel([REPLY], cycle=True, keep_requests=True)

    async def act(raw: Raw) -> list[Any]:
        return [
            await raw.put(ask(1)),
            await raw.put(further(2, 1, "x" * 5000)),
            await raw.put(further(3, 1, "y")),
        ]

    answers, error = attack([model], act, ALLOWANCE.model_copy(update={"prompt_bytes": 5000}))
    assert [answer["type"] for answer in answers] == ["reply", "failure", "reply"]
    assert error is None
    assert [turn.text for turn in model.requests[-1].turns] == [f"begin {CANARY}", "y"]


def test_all_that_was_said_before_counts_against_the_limit_on_tokens() -> None:
    async def act(raw: Raw) -> list[Any]:
        answers = [await raw.put(ask(1, turns=[{"role": "user", "text": "x" * 3000}]))]
        answers += [await raw.put(further(number, number - 1, "y", max_tokens=1)) for number in (2, 3)]
        return [answer and answer.get("kind", answer["type"]) for answer in answers]

    class Silent(ScriptedModel):
        async def complete(self, request: Request) -> Completion:
            self.calls += 1
            return Completion(REPLY, None)

    model = Silent([REPLY])
    kinds, _ = attack([model], act, ALLOWANCE.model_copy(update={"tokens": 3000}))
    assert kinds == ["reply", "reply", "LimitReachedError"]
    assert model.calls == 2


def test_turns_without_text_are_limited_too() -> None:
    """They take no bytes of a prompt, but memory."""

    async def act(raw: Raw) -> list[Any]:
        many = [{"role": "user", "text": ""}] * (MOST_TURNS - 1)
        answers = [await raw.put(ask(1, turns=many)), await raw.put(further(2, MOST_TURNS - 1, ""))]
        answers.append(await raw.put(further(3, MOST_TURNS, "")))
        return [answer and answer.get("kind", answer["type"]) for answer in answers]

    kinds, _ = attack([script()], act, ALLOWANCE.model_copy(update={"tokens": 10**9}))
    assert kinds == ["reply", "reply", "LimitReachedError"]


def test_a_conversation_does_not_change_its_model() -> None:
    """Nor its system text, nor its schema: who wants others opens another."""
    models = [script(), script()]

    async def act(raw: Raw) -> list[Any]:
        opened = [await raw.put(ask(1)), await raw.put(ask(2, model=1, conversation=1))]
        return [*opened, await raw.put(further(3, 1, "x")), await raw.put(further(4, 1, "x", model=1))]

    answers, error = attack(models, act)
    assert [answer and answer["type"] for answer in answers] == ["reply", "reply", "reply", None]
    assert isinstance(error, SandboxError)
    assert [model.calls for model in models] == [2, 1]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"model": 1}, "ModelUnavailableError"),
        ({"model": 255}, "ModelUnavailableError"),
        ({"max_tokens": 501}, "LimitReachedError"),
        ({"max_tokens": 10**9}, "LimitReachedError"),
        ({"system": "x" * 5001}, "LimitReachedError"),
        ({"turns": [{"role": "user", "text": "é" * 2501}]}, "LimitReachedError"),
        ({"reply_schema": {"description": "x" * 5001}}, "LimitReachedError"),
    ],
)
def test_what_the_run_is_not_allowed_is_refused_and_not_asked(changes: dict[str, Any], kind: str) -> None:
    model = script()

    async def act(raw: Raw) -> list[Any]:
        return [await raw.put(ask(1, **changes)), await raw.put(ask(2))]

    (refused, good), error = attack([model], act, ALLOWANCE.model_copy(update={"prompt_bytes": 5000}))
    assert refused == {**FAILED, "kind": kind}
    assert good["text"] == REPLY
    assert error is None
    assert model.calls == 1


def test_a_box_that_goes_on_after_its_last_question_is_hung_up_on() -> None:
    model = script()

    async def act(raw: Raw) -> list[Any]:
        return [await raw.put(ask(number)) for number in range(1, 10)]

    answers, error = attack([model], act, ALLOWANCE.model_copy(update={"requests": 2}))
    kinds = [answer and answer.get("kind", answer["type"]) for answer in answers]
    assert kinds == ["reply"] * 2 + ["LimitReachedError"] * 4 + [None] * 3
    assert isinstance(error, SandboxError)
    assert model.calls == 2


def test_cancelling_without_end_is_hung_up_on() -> None:
    async def act(raw: Raw) -> object:
        await raw.put(ask(1))
        await raw.write(framed({"type": "cancel", "id": 1}) * 1000)
        return await raw.answer()

    answer, error = attack([script()], act, ALLOWANCE.model_copy(update={"requests": 5}))
    assert answer is None
    assert isinstance(error, SandboxError)


def test_all_tokens_together_are_limited() -> None:
    model = script()

    async def act(raw: Raw) -> list[Any]:
        return [await raw.put(ask(number)) for number in range(1, 10)]

    answers, _ = attack([model], act, ALLOWANCE.model_copy(update={"tokens": 200}))
    kinds = [answer.get("kind", answer["type"]) for answer in answers]
    assert kinds[0] == "reply"
    assert kinds[-1] == "LimitReachedError"
    assert model.calls == kinds.count("reply")


@pytest.mark.parametrize("sent", [1, 4, 200])
def test_half_a_frame_and_silence_lasts_as_long_as_the_run_may(sent: int) -> None:
    async def act(raw: Raw) -> object:
        await raw.write(framed(ask(1))[:sent])
        return await raw.answer()

    model = script()
    answer, error = attack([model], act, ALLOWANCE.model_copy(update={"seconds": 0.2}))
    assert answer is None
    assert isinstance(error, LimitReachedError)
    assert model.closed


def test_a_frame_that_drips_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "FRAME_SECONDS", 0.1)

    async def act(raw: Raw) -> int:
        data = framed(ask(1))
        for at in range(len(data) - 1):
            try:
                await raw.write(data[at : at + 1])
            except ConnectionError:
                return at
            await asyncio.sleep(0.01)
        return -1

    sent, error = attack([script()], act)
    assert 0 < sent < 100
    assert isinstance(error, SandboxError)


def test_a_box_that_never_reads_is_soon_not_listened_to() -> None:
    class Talker(ScriptedModel):
        async def complete(self, request: Request) -> Completion:
            self.calls += 1
            return Completion("x" * 200_000, None)

    model = Talker([REPLY])

    async def act(raw: Raw) -> None:
        for number in range(1, 2000):
            try:
                async with asyncio.timeout(0.2):
                    await raw.write(framed(ask(number, system="x" * 10_000)))
            except (TimeoutError, ConnectionError):
                return

    limits = {"requests": 10_000, "tokens": 10**9, "seconds": 1.0}
    _, error = attack([model], act, ALLOWANCE.model_copy(update=limits))
    assert model.calls <= 2 * QUEUE
    # out of time, or hung up on in the middle of a frame
    assert isinstance(error, LimitReachedError | SandboxError)


CRLF = f"a\r\n\r\nPOST /v1/files HTTP/1.1\r\nX-Leak: {CANARY}\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_line_ends_in_a_prompt_stay_in_the_body(provider: str) -> None:
    turns = [
        {"role": "user", "text": CRLF},
        {"role": "assistant", "text": CRLF},
        {"role": "user", "text": "b"},
    ]
    schema = {**SCHEMA, "description": CRLF}

    with FaultyServer(REPLY) as server:
        answer, _ = attack(
            [make(provider, server.base_url)],
            lambda raw: raw.put(ask(1, system=CRLF, turns=turns, reply_schema=schema)),
        )
    assert is_good(answer)
    (received,) = server.received
    assert received.path in {"/v1/chat/completions", "/v1/messages"}
    assert "x-leak" not in received.headers
    said_ = [received.body["system"]] if "system" in received.body else []
    said_ += [message["content"] for message in received.body["messages"]]
    assert said_ == [CRLF, CRLF, CRLF, "b"]


def test_two_frames_in_one_write_are_two_questions_under_the_same_limits() -> None:
    model = script()

    async def act(raw: Raw) -> list[Any]:
        inner = framed(ask(7)).decode("latin-1")
        await raw.write(framed(ask(1, system=inner)) + framed(ask(2, max_tokens=501)) + framed(ask(3)))
        found = [await raw.answer() for _ in range(3)]
        return sorted((answer["id"], answer["type"]) for answer in found if answer)

    answers, error = attack([model], act)
    assert answers == [(1, "reply"), (2, "failure"), (3, "reply")]
    assert error is None
    assert model.calls == 2


@pytest.mark.parametrize("code", [301, 303, 307])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_redirect_is_not_followed(provider: str, code: int) -> None:
    with FaultyServer(REPLY) as elsewhere:
        away = Fault(code, b"", {"Location": elsewhere.base_url + "/chat/completions"})
        with FaultyServer(REPLY, faults=[away, redirect(elsewhere.base_url)]) as server:

            async def act(raw: Raw) -> list[Any]:
                return [await raw.put(ask(number)) for number in (1, 2, 3)]

            answers, _ = attack([make(provider, server.base_url)], act)
    assert answers[0] == {**FAILED, "kind": "ModelUnavailableError"}
    assert answers[1]["kind"] == "ModelUnavailableError"
    assert answers[2]["text"] == REPLY
    assert len(server.received) == 3
    assert not elsewhere.received


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "fault",
    [
        Fault(body=b'{"choices": "' + b"x" * (17 * 2**20)),
        Fault(body=gzip.compress(b" " * (64 * 2**20)), headers={"Content-Encoding": "gzip"}),
        Fault(body=b"[" * 2_000_000),
        Fault(body=b'{"a":' * 200_000),
        Fault(headers={"Content-Length": "0"}, body=b""),
        malformed(),
    ],
    ids=["17 MiB", "compressed 64 MiB", "arrays without end", "objects without end", "nothing", "cut off"],
)
def test_a_monstrous_body_is_no_reply(provider: str, fault: Fault) -> None:
    with FaultyServer(REPLY, faults=[fault]) as server:

        async def act(raw: Raw) -> list[Any]:
            return [await raw.put(ask(1)), await raw.put(ask(2))]

        (failed, good), _ = attack([make(provider, server.base_url)], act)
    assert failed == {**FAILED, "kind": "ModelTransientError"}
    assert good["text"] == REPLY


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_reply_too_long_for_the_channel_is_no_reply(provider: str) -> None:
    replies = iter(["x" * LARGEST_ANSWER_BYTES, "x" * (LARGEST_ANSWER_BYTES - 1000)])
    with FaultyServer(lambda _: next(replies)) as server:

        async def act(raw: Raw) -> list[Any]:
            return [await raw.put(ask(1)), await raw.put(ask(2))]

        (failed, good), _ = attack([make(provider, server.base_url)], act, big())
    assert failed == {**FAILED, "kind": "ModelReplyError"}
    assert len(good["text"]) == LARGEST_ANSWER_BYTES - 1000


def big() -> Any:
    return ALLOWANCE.model_copy(update={"tokens": 10**9})


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("code", [400, 401, 429, 500])
def test_nothing_of_a_prompt_that_is_reflected_comes_back(
    provider: str, code: int, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    told = {"X-Prompt": CANARY, "Set-Cookie": f"a={CANARY}", "Location": f"http://{CANARY}/"}
    spelled = Fault(
        code, json.dumps({"error": {"message": CANARY}}).encode(), {**told, "Retry-After": CANARY}
    )
    with FaultyServer(REPLY, faults=[spelled] * 2 + [reflect(code)] * 2) as server, caplog.at_level(0):

        async def act(raw: Raw) -> list[Any]:
            answers = [await raw.put(ask(1))]
            while len(server.received) < 4:  # a refusal may be about the schema: it is then asked without one
                answers.append(await raw.put(ask(len(answers) + 1)))
            return [*answers, await raw.put(ask(len(answers) + 1))]

        answers, error = attack([make(provider, server.base_url)], act)
    assert CANARY in json.dumps(server.received[0].body)
    assert CANARY not in json.dumps(answers)
    for answer in answers[:-1]:
        assert answer.keys() == FAILED.keys() | {"kind"}
        assert answer["retry_after_seconds"] is None
    assert answers[-1]["text"] == REPLY
    assert error is None
    assert CANARY not in "".join((*capfd.readouterr(), caplog.text))


@asynccontextmanager
async def hostile_provider(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any],
) -> AsyncIterator[str]:
    """A server that says what it likes, and its address."""
    talking: set[asyncio.Task[Any] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.add(asyncio.current_task())
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        for task in filter(None, talking):
            task.cancel()
        await asyncio.gather(*filter(None, talking), return_exceptions=True)
        server.close()
        await server.wait_closed()


def completion(text: str) -> bytes:
    body = json.dumps(
        {"choices": [{"message": {"content": text}}], "content": [{"type": "text", "text": text}]}
    ).encode()
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    )


async def one_request(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.lower().splitlines() if b"content-length" in line)
    await reader.readexactly(length)


class Twice:
    """A provider that answers the first question of each connection twice: at once, or once nothing is asked."""

    def __init__(self, *, late: bool) -> None:
        self.late = late
        self.connections = 0
        self.strayed = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        first = completion(f"first of {self.connections}")
        await one_request(reader)
        if self.late:
            writer.write(first)
            await asyncio.sleep(0.05)  # or else it is all read at once
            writer.write(completion("stray"))
        else:
            writer.write(first + completion("stray"))
        await writer.drain()
        self.strayed.set()
        await one_request(reader)
        writer.write(completion("another"))
        await writer.drain()


async def asked_twice(provider: str, *, late: bool, **then: Any) -> list[str]:
    """What a provider that answers twice makes of a question to model 0, and of another question."""
    twice = Twice(late=late)
    async with hostile_provider(twice) as address:
        models = [make(provider, address) for _ in range(2)]
        async with (
            raw_broker(models, again=lambda _: make(provider, address)) as (raw, _),
            asyncio.timeout(10),
        ):
            answers = [await raw.put(ask(1))]
            await twice.strayed.wait()
            answers.append(await raw.put(ask(2, conversation=1, **then)))
            return [str(answer and answer["text"]) for answer in answers]


@pytest.mark.parametrize("late", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_second_answer_to_a_question_never_reaches_another_model(provider: str, late: bool) -> None:
    """Not even one of the same name."""
    assert asyncio.run(asked_twice(provider, late=late, model=1)) == ["first of 1", "first of 2"]


@pytest.mark.parametrize("late", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_second_answer_to_one_side_never_reaches_the_other(provider: str, late: bool) -> None:
    """Who ask the same model, as the sides of a run do as a rule: they share no connection."""
    found = asyncio.run(asked_twice(provider, late=late, system="You buy."))
    assert found == ["first of 1", "first of 2"]


def test_too_many_sides_are_refused_and_all_their_models_are_closed() -> None:
    """A box cannot open connections without end."""
    opened = [script()]

    def again(_: int) -> Model:
        opened.append(script())
        return opened[-1]

    async def run() -> list[str]:
        async with raw_broker(opened[:1], again=again) as (raw, _):
            answers = [await raw.put(ask(1 + side, system=f"side {side}")) for side in range(15)]
            answers.append(await raw.put(ask(16, system="side 3")))
            return [answer.get("kind", "reply") for answer in answers if answer]

    kinds = asyncio.run(run())
    assert kinds == ["reply"] * MOST_CONVERSATIONS + ["LimitReachedError"] * (15 - MOST_CONVERSATIONS) + [
        "reply"
    ]
    assert len(opened) == MOST_CONVERSATIONS
    assert all(model.closed for model in opened)
    assert [model.calls for model in opened] == [1, 1, 1, 2, *[1] * (MOST_CONVERSATIONS - 4)]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_second_answer_at_once_is_nobodys(provider: str) -> None:
    assert asyncio.run(asked_twice(provider, late=False)) == ["first of 1", "first of 2"]


@pytest.mark.xfail(
    strict=True, reason="a connection is kept on which an answer waits for the next question of the same side"
)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_second_answer_that_comes_later_is_nobodys(provider: str) -> None:
    assert asyncio.run(asked_twice(provider, late=True)) == ["first of 1", "first of 2"]


@pytest.mark.parametrize("part", ["head", "body"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_that_drips_is_given_up_on_and_the_next_question_is_answered(
    provider: str, part: str
) -> None:
    calls = 0

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        await one_request(reader)
        if calls > 1:
            writer.write(completion(REPLY))
            await writer.drain()
            return
        begun = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n"
        writer.write(begun if part == "head" else begun + b"\r\n")
        while True:
            writer.write(b"x-drip: 1\r\n" if part == "head" else b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def run() -> list[Any]:
        async with (
            hostile_provider(drip) as address,
            raw_broker([make(provider, address, timeout_seconds=0.5)]) as (raw, _),
        ):
            return [await raw.put(ask(1)), await raw.put(ask(2))]

    failed, good = asyncio.run(run())
    assert failed == {**FAILED, "kind": "ModelTransientError"}
    assert good["text"] == REPLY


def test_a_hosted_provider_is_asked_to_store_nothing() -> None:
    with FaultyServer(REPLY) as server:
        answer, _ = attack([make("openai", server.base_url)], lambda raw: raw.put(ask(1)))
    assert is_good(answer)
    (received,) = server.received
    assert received.body["store"] is False
    assert received.body["max_completion_tokens"] == 100
    told = {name for name in received.headers if name.startswith(("x-stainless-", "openai-"))}
    assert told <= {"x-stainless-retry-count", "x-stainless-read-timeout"}  # nothing about this machine


LOUD = {
    "OPENAI_LOG": "debug",
    "ANTHROPIC_LOG": "debug",
    "ANTHROPIC_OPEN_TELEMETRY": "true",
    "LANGSMITH_TRACING": "true",
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONWARNINGS": "always",
    "PYTHONDEVMODE": "1",
    "OPENAI_ORG_ID": "org-of-somebody",
    "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
}


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_broker_process_says_nothing_whatever_happens(provider: str, tmp_path: Path) -> None:
    """Attacks from both sides, in an environment that asks every library to talk."""
    faults: Sequence[Fault | None] = [reflect(401), reflect(403), None]
    with FaultyServer(REPLY, faults=faults) as server:
        work = BrokerJob(
            models=(f"{provider}/any@{server.base_url}",),
            keys={"NEGBOX_COMPATIBLE_API_KEY": "key-" + CANARY},
            limits=ALLOWANCE,
        )
        keylog = tmp_path / "keys.log"
        with started(work, {**LOUD, "SSLKEYLOGFILE": str(keylog)}) as running:
            answers = asyncio.run(all_said(running.channel))
    assert [answer and answer.get("kind", answer["type"]) for answer in answers] == [
        "ModelUnavailableError",
        "ModelUnavailableError",
        "reply",
        "ModelUnavailableError",
        "LimitReachedError",
        None,
    ]
    assert CANARY not in json.dumps(answers)
    assert running.stdout + running.stderr == b""
    assert running.process.returncode == 5
    assert len(server.received) == 3
    assert not any("org-of-somebody" in str(received.headers) for received in server.received)
    assert not keylog.exists()


async def all_said(sock: socket.socket) -> list[dict[str, Any] | None]:
    raw = await Raw.over(sock.dup())
    found = [await raw.put(ask(number)) for number in (1, 2, 3)]
    found += [await raw.put(ask(4, model=7)), await raw.put(ask(5, max_tokens=501))]
    found.append(await raw.put(ask(6, leak=CANARY)))
    raw.hang_up()
    return found


def test_what_a_broker_process_prints_would_be_seen() -> None:
    """The control of the test above."""
    code = f"import sys; sys.stdout.write({CANARY!r}); sys.stderr.write({CANARY!r})"
    with started(b"", program=("-c", code)) as running:
        pass
    assert (running.stdout, running.stderr) == (CANARY.encode(),) * 2


def test_half_a_frame_and_silence_ends_a_broker_process(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps([REPLY]))
    limits = ALLOWANCE.model_copy(update={"seconds": 0.5})
    with started(BrokerJob(models=(f"scripted/{path}",), limits=limits)) as running:
        answer = asyncio.run(said(running.channel, ask(1)))
        assert answer
        assert answer["text"] == REPLY
        running.channel.sendall(framed(ask(2))[:100])
        running.channel.settimeout(10)
        assert running.channel.recv(1) == b""
    assert running.process.returncode == 4
    assert running.stdout + running.stderr == b""
