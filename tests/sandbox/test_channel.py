"""The channel carries questions and answers, and nothing that a hostile end makes up."""

import asyncio
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining.errors import (
    SandboxError,
)
from sandbox import channel
from sandbox.channel import Connection
from sandbox.message import (
    ANSWERS,
    LARGEST_QUESTION_BYTES,
    MOST_CONVERSATIONS,
    QUESTIONS,
    Ask,
    Cancel,
    Opening,
    Reply,
    Said,
    decode,
    encode,
)
from sandbox.transcript import Heard, Told
from tests.sandbox.line import CANARY, REQUEST, Raw, ask, framed, replying

ASK = Ask(
    id=1,
    conversation=0,
    opening=Opening(model=0, system=CANARY, reply_schema={"type": "object"}),
    after=0,
    turns=(Said(role="user", text=CANARY),),
    max_tokens=9,
)


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


def received(*pieces: bytes, ends: bool = False) -> list[Ask | Cancel | SandboxError | None]:
    """What the broker's end makes of bytes; None at the end, or the error."""
    found: list[Ask | Cancel | SandboxError | None] = []

    async def run() -> None:
        ours, theirs = socket.socketpair()
        connection, raw = await Connection.open(ours.detach()), await Raw.over(theirs)
        try:
            async with asyncio.timeout(10):
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
        finally:
            connection.close()
            raw.hang_up()

    asyncio.run(run())
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


def test_a_cancel_is_a_number_and_nothing_else() -> None:
    assert decode(encode(Cancel(id=3))[4:], QUESTIONS) == Cancel(id=3)
    with pytest.raises(SandboxError):
        decode(b'{"type": "cancel", "id": 3, "why": "x"}', QUESTIONS)
