"""The channel carries questions and answers, and nothing that a hostile end makes up."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining.errors import (
    LimitReachedError,
    ModelReplyError,
    ModelTransientError,
    ModelUnavailableError,
    NegboxError,
    SandboxError,
)
from delegates.models.interface import Completion, Request, Turn, Usage
from sandbox import channel
from sandbox.channel import ChannelModel, Connection
from sandbox.frame import pack
from sandbox.message import (
    ANSWERS,
    LARGEST_ANSWER_BYTES,
    LARGEST_QUESTION_BYTES,
    MOST_CONVERSATIONS,
    QUESTIONS,
    Ask,
    Cancel,
    Failure,
    Kind,
    Opening,
    Reply,
    Said,
    Used,
    decode,
    encode,
)
from sandbox.transcript import Heard, Told
from tests.sandbox.line import CANARY, REQUEST, ROOT, Raw, ask, framed, pair

ASK = Ask(
    id=1,
    conversation=0,
    opening=Opening(model=0, system=CANARY, reply_schema={"type": "object"}),
    after=0,
    turns=(Said(role="user", text=CANARY),),
    max_tokens=9,
)
USED = Used(input_tokens=5, cached_tokens=1, output_tokens=2)


def replying(number: int, text: str = CANARY) -> Reply:
    return Reply(id=number, text=text, usage=USED, structure="schema")


def good(**changes: object) -> bytes:
    return framed(ask(**changes))[4:]  # type: ignore[arg-type]


def replaced(old: str, new: str) -> bytes:
    text = good().decode()
    assert old in text
    return text.replace(old, new, 1).encode()


HOSTILE = {
    "nothing": b"",
    "no JSON": CANARY.encode(),
    "not UTF-8": b'"\xff"',
    "UTF-16": good().decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + good(),
    "two messages in one frame": good() + good(),
    "a list": b"[" + good() + b"]",
    "arrays without end": b"[" * 4_000_000,
    "objects without end": b'{"a":' * 600_000,
    "nesting in the schema": good(reply_schema={}).replace(
        b'"reply_schema": {}', b'"reply_schema": {"a": ' + b"[" * 70 + b"]" * 70 + b"}"
    ),
    "a million values": good(reply_schema={"enum": [0] * 1_000_000}),
    "NaN": good(reply_schema={"a": float("nan")}),
    "infinity": good(reply_schema={"a": float("-inf")}),
    "infinity by exponent": replaced('"max_tokens": 100', '"max_tokens": 1e999'),
    "infinity in the schema": replaced('"type": "integer"', '"minimum": 1e999'),
    "a huge number": replaced('"max_tokens": 100', '"max_tokens": ' + "9" * 4000),
    "a huge number in the schema": replaced('"type": "integer"', '"minimum": ' + "9" * 4000),
    "a key twice": replaced('"max_tokens": 100', '"max_tokens": 100, "max_tokens": 101'),
    "a key twice in the schema": replaced('"type": "integer"', '"type": "integer", "type": "string"'),
    "half a surrogate pair": replaced('"begin ', '"begin \\ud800 '),
    "half a surrogate pair in a key": replaced('"price"', '"price\\udfff"'),
    "an unknown field": good(metadata={"user": CANARY}),
    "a canary for a field": good(**{CANARY: 1}),
    "an unknown field in a turn": good(turns=[{"role": "user", "text": "a", "name": "x"}]),
    "an unknown role": good(turns=[{"role": "system", "text": "a"}]),
    "turns that are an object": good(turns={"role": "user", "text": "a"}),
    "a schema that is a text": good(reply_schema="{}"),
    "a system that is a list": good(system=[CANARY]),
    "no system": good(system=None),
    "a text for a model": good(model="gpt-9"),
    "a fraction of a model": good(model=0.0),
    "true for a model": good(model=True),
    "a negative model": good(model=-1),
    "a model beyond all lists": good(model=2**31),
    "no tokens": good(max_tokens=0),
    "negative tokens": good(max_tokens=-100),
    "a negative number": good(id=-1),
    "an unknown field in the opening": good(opening={**ask()["opening"], "tools": []}),
    "an opening that is a list": good(opening=[0, "", {}]),
    "an opening without a schema": good(opening={"model": 0, "system": CANARY}),
    "no word of an opening": good().replace(b'"opening"', b'"begins"'),
    "a conversation beyond all": good(conversation=MOST_CONVERSATIONS),
    "a negative conversation": good(conversation=-1),
    "a conversation by name": good(conversation="0"),
    "true for a conversation": good(conversation=True),
    "a negative place": good(after=-1),
    "a fraction of a place": good(after=0.5),
    "a huge place": good(after=2**31),
    "a number as a text": good(id="1"),
    "an unknown type": good(type="tool"),
    "an answer for a question": framed(replying(1).model_dump())[4:],
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_question_is_refused_without_a_word_of_it(data: bytes) -> None:
    with pytest.raises(SandboxError) as caught:
        decode(data, QUESTIONS)
    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_a_good_question_is_understood() -> None:
    found = decode(good(), QUESTIONS)
    assert isinstance(found, Ask)
    assert Heard().extended(found).request == REQUEST


ANSWER = '{"type": "reply", "id": 1, "text": "x", "usage": null, "structure": "schema"}'


@pytest.mark.parametrize(
    "text",
    [
        ANSWER.replace("null", '{"input_tokens": -1, "cached_tokens": 0, "output_tokens": 0}'),
        ANSWER.replace("null", '{"input_tokens": 1, "cached_tokens": 0}'),
        ANSWER.replace('"schema"', '"tool"'),
        ANSWER.replace('"x"', '"\\ud800"'),
        ANSWER.replace('"x"', "null"),
        ANSWER.replace("}", ', "reason": "why"}'),
        '{"type": "failure", "id": 1, "kind": "KeyError"}',
        '{"type": "failure", "id": 1, "kind": "ModelReplyError", "text": "why"}',
        '{"type": "failure", "id": 1, "kind": "ModelTransientError", "retry_after_seconds": -1}',
        '{"type": "failure", "id": 1, "kind": "ModelTransientError", "retry_after_seconds": 1e99}',
        good().decode(),
    ],
)
def test_a_hostile_answer_is_refused(text: str) -> None:
    assert decode(ANSWER.encode(), ANSWERS) == Reply(id=1, text="x", usage=None, structure="schema")
    with pytest.raises(SandboxError):
        decode(text.encode(), ANSWERS)


@given(
    st.text(),
    st.text(max_size=5),
    st.recursive(st.none() | st.integers(-(10**30), 10**30) | st.text(), st.lists),
)
def test_what_is_sent_arrives(text: str, key: str, value: object) -> None:
    opening = Opening(model=0, system=text, reply_schema={key: value})
    question = ASK.model_copy(update={"opening": opening})
    assert decode(encode(question)[4:], QUESTIONS) == question


def test_a_representation_shows_no_content() -> None:
    told, heard = Told(), Heard().extended(ASK)
    told.ask(1, 0, REQUEST)
    shown = [repr(each) + str(each) for each in (ASK, ASK.opening, ASK.turns[0], replying(1), told, heard)]
    assert not any(CANARY in text for text in shown)


def exchange(work: Callable[[Connection, Raw], Coroutine[object, object, None]]) -> None:
    """Work on one end of a channel, against a raw socket."""

    async def run() -> None:
        ours, theirs = socket.socketpair()
        connection, raw = await Connection.open(ours.detach()), await Raw.over(theirs)
        try:
            async with asyncio.timeout(10):
                await work(connection, raw)
        finally:
            await connection.close()
            raw.hang_up()

    asyncio.run(run())


def received(*pieces: bytes, ends: bool = False) -> list[Ask | Cancel | SandboxError | None]:
    """What a connection makes of bytes; None at the end, or the error."""
    found: list[Ask | Cancel | SandboxError | None] = []

    async def work(connection: Connection, raw: Raw) -> None:
        for piece in pieces:
            await raw.write(piece)
            await asyncio.sleep(0)
        if ends:
            raw.hang_up()
        while not found or isinstance(found[-1], Ask):
            try:
                message = await connection.receive(QUESTIONS, LARGEST_QUESTION_BYTES)
                found.append(message)
            except SandboxError as error:
                found.append(error)

    exchange(work)
    return found


def test_frames_may_come_together_or_in_pieces() -> None:
    both = framed(ask(1)) + framed(ask(2))
    for pieces in ([both], [both[i : i + 1] for i in range(len(both))]):
        one, two, end = received(*pieces, ends=True)
        assert isinstance(one, Ask)
        assert isinstance(two, Ask)
        assert (one.id, two.id, end) == (1, 2, None)


def test_a_frame_inside_a_text_is_text() -> None:
    inner = framed(ask(7)).decode("latin-1")
    one, end = received(framed(ask(1, system=inner)), ends=True)
    assert isinstance(one, Ask)
    assert one.opening
    assert one.opening.system == inner
    assert end is None


@pytest.mark.parametrize("length", [LARGEST_QUESTION_BYTES + 1, 2**31, 2**32 - 1])
def test_a_frame_that_is_too_long_is_refused_before_it_is_read(length: int) -> None:
    assert isinstance(received(length.to_bytes(4, "big"))[0], SandboxError)


def test_a_length_that_is_too_small_breaks_the_channel() -> None:
    data = framed(ask(1))[4:]
    assert isinstance(received((len(data) - 5).to_bytes(4, "big") + data)[0], SandboxError)


def test_a_frame_that_stops_in_the_middle_is_no_end() -> None:
    for cut in (1, 3, 4, 50):
        assert isinstance(received(framed(ask(1))[:cut], ends=True)[0], SandboxError)


@pytest.mark.parametrize("sent", [1, 4, 40])
def test_a_frame_that_has_begun_must_end_in_time(sent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "FRAME_SECONDS", 0.05)
    assert isinstance(received(framed(ask(1))[:sent])[0], SandboxError)


def test_only_a_connected_local_stream_socket_is_a_channel() -> None:
    async def run() -> None:
        reading, writing = os.pipe()
        one, other = socket.socketpair(type=socket.SOCK_DGRAM)
        alone = socket.socket(socket.AF_INET)
        for fd in (reading, one.detach(), alone.detach(), socket.socket(socket.AF_UNIX).detach(), 987):
            with pytest.raises(SandboxError):
                await Connection.open(fd)
        os.close(writing)
        other.close()

    asyncio.run(run())


def test_a_model_answers_through_the_channel() -> None:
    async def work(connection: Connection, raw: Raw) -> None:
        model = ChannelModel(connection, 3, "openai/any")
        asking = asyncio.create_task(model.complete(REQUEST))
        question = await raw.answer()
        assert question == ask(1, model=3)
        await raw.write(encode(replying(1, "{}")))
        assert await asking == Completion("{}", Usage(5, 1, 2), "schema")

    exchange(work)


def test_answers_may_come_in_any_order() -> None:
    async def work(connection: Connection, raw: Raw) -> None:
        models = [ChannelModel(connection, index, "m") for index in range(3)]
        asking = [asyncio.create_task(model.complete(REQUEST)) for model in models]
        numbers = {}
        for _ in models:
            question = await raw.answer()
            assert question
            numbers[question["opening"]["model"]] = question["id"]
        for index in (2, 0, 1):
            await raw.write(encode(replying(numbers[index], f"from {index}")))
        assert [(await each).text for each in asking] == ["from 0", "from 1", "from 2"]

    exchange(work)


def test_a_cancelled_question_does_not_confuse_a_later_one() -> None:
    """The broker is told. Its answer, which may be on its way, reaches nobody."""

    async def work(connection: Connection, raw: Raw) -> None:
        model = ChannelModel(connection, 0, "m")
        asking = asyncio.create_task(model.complete(REQUEST))
        assert await raw.answer() == ask(1)
        asking.cancel()
        await asyncio.wait([asking])
        assert await raw.answer() == {"type": "cancel", "id": 1}
        again = asyncio.create_task(model.complete(REQUEST))
        assert await raw.answer() == ask(2)
        await raw.write(encode(replying(1, "late")) + encode(replying(2, "right")))
        assert (await again).text == "right"

    exchange(work)


@pytest.mark.parametrize(
    "data",
    [
        encode(replying(99)),
        encode(replying(1)) * 2,
        b"\xff\xff\xff\xff",
        framed(ask(1)),
        (LARGEST_ANSWER_BYTES + 1).to_bytes(4, "big"),
        pack(CANARY.encode()),
        None,
    ],
    ids=["never asked", "twice", "length", "a question", "too long", "no JSON", "hung up"],
)
def test_a_broken_channel_makes_every_model_unavailable(data: bytes | None) -> None:
    async def work(connection: Connection, raw: Raw) -> None:
        models = [ChannelModel(connection, index, "m") for index in range(2)]
        asking = [asyncio.create_task(model.complete(REQUEST)) for model in models]
        for _ in models:
            await raw.answer()
        if data is None:
            raw.hang_up()
        else:
            await raw.write(data)
        ended = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(ended[1], ModelUnavailableError)
        with pytest.raises(ModelUnavailableError) as caught:
            await models[0].complete(REQUEST)
        assert CANARY not in str(caught.value)

    exchange(work)


KINDS: dict[Kind, type[NegboxError]] = {
    "ModelUnavailableError": ModelUnavailableError,
    "ModelTransientError": ModelTransientError,
    "ModelReplyError": ModelReplyError,
    "LimitReachedError": LimitReachedError,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_is_the_error_of_its_kind(kind: Kind) -> None:
    async def work(connection: Connection, raw: Raw) -> None:
        asking = asyncio.create_task(ChannelModel(connection, 0, "openai/any").complete(REQUEST))
        await raw.answer()
        await raw.write(encode(Failure(id=1, kind=kind, retry_after_seconds=7)))
        with pytest.raises(KINDS[kind]) as caught:
            await asking
        assert getattr(caught.value, "retry_after_seconds", 7) == 7

    exchange(work)


@pytest.mark.parametrize(
    "request_",
    [
        Request("x" * LARGEST_QUESTION_BYTES, (), {}, 9),
        Request("x", (), {"a": float("nan")}, 9),
        Request("x", (), {"a": {1, 2}}, 9),
        Request("x", (), {}, 0),
    ],
    ids=["too long", "NaN", "no JSON", "no tokens"],
)
def test_a_request_that_cannot_be_sent_leaves_the_channel_whole(request_: Request) -> None:
    async def work(connection: Connection, raw: Raw) -> None:
        model = ChannelModel(connection, 0, "m")
        with pytest.raises(ModelUnavailableError) as caught:
            await model.complete(request_)
        assert caught.value.__context__ is None
        asking = asyncio.create_task(model.complete(REQUEST))
        question = await raw.answer()
        assert question
        await raw.write(encode(replying(question["id"], "{}")))
        assert (await asking).text == "{}"

    exchange(work)


def test_half_a_surrogate_pair_is_replaced() -> None:
    async def work(connection: Connection, raw: Raw) -> None:
        request = Request("a \ud800", (Turn("user", "\udc00 b"),), {}, 9)
        asking = asyncio.create_task(ChannelModel(connection, 0, "m").complete(request))
        question = await raw.answer()
        assert question
        assert (question["opening"]["system"], question["turns"][0]["text"]) == ("a ?", "? b")
        asking.cancel()
        await asyncio.wait([asking])

    exchange(work)


def test_a_closed_model_asks_no_more_and_leaves_the_others() -> None:
    async def run() -> None:
        async with pair() as (box, broker):
            one, other = ChannelModel(box, 0, "m"), ChannelModel(box, 1, "m")
            await one.close()
            await one.close()
            with pytest.raises(ModelUnavailableError):
                await one.complete(REQUEST)
            asking = asyncio.create_task(other.complete(REQUEST))
            question = await broker.receive(QUESTIONS, LARGEST_QUESTION_BYTES)
            assert isinstance(question, Ask)
            await broker.send(replying(question.id, "{}"))
            assert (await asking).text == "{}"

    asyncio.run(run())


def test_whoever_waits_is_released_when_the_connection_is_closed() -> None:
    async def work(connection: Connection, raw: Raw) -> None:
        asking = asyncio.create_task(ChannelModel(connection, 0, "m").complete(REQUEST))
        await raw.answer()
        await connection.close()
        await connection.close()
        with pytest.raises(ModelUnavailableError):
            await asking

    exchange(work)


def test_a_cancel_is_a_number_and_nothing_else() -> None:
    assert decode(encode(Cancel(id=3))[4:], QUESTIONS) == Cancel(id=3)
    with pytest.raises(SandboxError):
        decode(b'{"type": "cancel", "id": 3, "why": "x"}', QUESTIONS)


CLOSED = """
import asyncio, socket, sys
from delegates.models.interface import Request, Turn
from sandbox.channel import ChannelModel, Connection
from sandbox.message import QUESTIONS, Reply

async def main():
    ours, theirs = socket.socketpair()
    box, broker = await Connection.open(ours.detach()), await Connection.open(theirs.detach())

    async def talk():
        asking = asyncio.create_task(ChannelModel(box, 0, "m").complete(Request("s", (Turn("user", "u"),), {}, 9)))
        question = await broker.receive(QUESTIONS, 10**6)
        await broker.send(Reply(id=question.id, text="x" * 200_000, usage=None, structure="schema"))
        await asking

    seen = []
    sys.addaudithook(lambda event, _: seen.append(event))
    if sys.argv[1] == "closed":
        from sandbox.isolation.harden import harden
        harden()
        seen.clear()  # hardening may look around; the channel may not
    await talk()
    await box.close()
    sys.stdout.write(" ".join({"open", "import", "socket.__new__", "_thread.start_new_thread"} & set(seen)) or "done")

asyncio.run(main())
"""


def spoken(how: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", CLOSED, how], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )
    return done.stdout, done.stderr


def test_an_open_channel_needs_no_file_socket_or_thread() -> None:
    assert spoken("open") == ("done", "")


def test_an_open_channel_works_in_a_closed_process() -> None:
    assert spoken("closed") == ("done", "")
