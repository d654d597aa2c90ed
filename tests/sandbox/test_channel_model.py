"""A box asks its broker one question at a time, and is not confused by whatever comes back."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine

import pytest

from bargaining.errors import (
    LimitReachedError,
    ModelReplyError,
    ModelTransientError,
    ModelUnavailableError,
    NegboxError,
)
from delegates.models.interface import Completion, Request, Turn, Usage
from sandbox.channel_model import ChannelModel, Line
from sandbox.frame import pack
from sandbox.message import (
    LARGEST_ANSWER_BYTES,
    LARGEST_QUESTION_BYTES,
    QUESTIONS,
    Ask,
    Failure,
    Kind,
    encode,
)
from tests.sandbox.line import CANARY, REQUEST, ROOT, Raw, ask, framed, pair, replying


def exchange(
    work: Callable[[Line, Raw], Coroutine[object, object, None]], at_once_seconds: float = 0
) -> None:
    """Work on the box's end of a channel, against a raw socket."""

    async def run() -> None:
        ours, theirs = socket.socketpair()
        line, raw = Line.open(ours.detach(), at_once_seconds), await Raw.over(theirs)
        try:
            async with asyncio.timeout(10):
                await work(line, raw)
        finally:
            line.close()
            raw.hang_up()

    asyncio.run(run())


def test_a_model_answers_through_the_channel() -> None:
    async def work(line: Line, raw: Raw) -> None:
        model = ChannelModel(line, 3, "openai/any")
        asking = asyncio.create_task(model.complete(REQUEST))
        question = await raw.answer()
        assert question == ask(1, model=3)
        await raw.write(encode(replying(1, "{}")))
        assert await asking == Completion("{}", Usage(5, 1, 2), "schema")

    exchange(work)


def test_questions_go_one_after_the_other() -> None:
    async def work(line: Line, raw: Raw) -> None:
        models = [ChannelModel(line, index, "m") for index in range(3)]
        asking = [asyncio.create_task(model.complete(REQUEST)) for model in models]
        for index in range(3):
            question = await raw.answer()
            assert question
            assert question["opening"]["model"] == index
            await raw.write(encode(replying(question["id"], f"from {index}")))
        assert [(await each).text for each in asking] == ["from 0", "from 1", "from 2"]

    exchange(work)


def test_a_cancelled_question_does_not_confuse_a_later_one() -> None:
    """The broker is told. Its answer, which may be on its way, reaches nobody."""

    async def work(line: Line, raw: Raw) -> None:
        model = ChannelModel(line, 0, "m")
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
    async def work(line: Line, raw: Raw) -> None:
        models = [ChannelModel(line, index, "m") for index in range(2)]
        asking = [asyncio.create_task(model.complete(REQUEST)) for model in models]
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
    async def work(line: Line, raw: Raw) -> None:
        asking = asyncio.create_task(ChannelModel(line, 0, "openai/any").complete(REQUEST))
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
    async def work(line: Line, raw: Raw) -> None:
        model = ChannelModel(line, 0, "m")
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
    async def work(line: Line, raw: Raw) -> None:
        request = Request("a \ud800", (Turn("user", "\udc00 b"),), {}, 9)
        asking = asyncio.create_task(ChannelModel(line, 0, "m").complete(request))
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


def test_whoever_waits_is_released_when_the_line_is_closed() -> None:
    async def work(line: Line, raw: Raw) -> None:
        asking = asyncio.create_task(ChannelModel(line, 0, "m").complete(REQUEST))
        await raw.answer()
        line.close()
        line.close()
        with pytest.raises(ModelUnavailableError):
            await asking

    exchange(work)


def test_a_time_limit_ends_the_wait_for_an_answer() -> None:
    """The first moments of a wait hold up everything else, and no more than those."""

    async def work(line: Line, raw: Raw) -> None:
        asking = ChannelModel(line, 0, "m").complete(REQUEST)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await asking
        assert await raw.answer() == ask(1)
        assert await raw.answer() == {"type": "cancel", "id": 1}

    exchange(work, at_once_seconds=0.01)


@pytest.mark.parametrize("late", [False, True], ids=["at once", "later"])
def test_an_answer_in_pieces_is_one(late: bool) -> None:
    async def work(line: Line, raw: Raw) -> None:
        asking = asyncio.create_task(ChannelModel(line, 0, "m").complete(REQUEST))
        await raw.answer()
        data = encode(replying(1, "x" * 200_000))
        for piece in (data[:2], data[2:70_000], data[70_000:]):
            await raw.write(piece)
            await asyncio.sleep(0.02 * late)
        assert (await asking).text == "x" * 200_000

    exchange(work)


def test_a_broker_that_does_not_read_keeps_nobody_waiting_for_ever() -> None:
    """Half a question cannot be withdrawn: then the line has ended."""

    async def work(line: Line, _: Raw) -> None:
        model = ChannelModel(line, 0, "m")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await model.complete(Request("x" * (LARGEST_QUESTION_BYTES - 1000), (), {}, 9))
        with pytest.raises(ModelUnavailableError):
            await model.complete(REQUEST)

    exchange(work)


CLOSED = """
import asyncio, socket, sys
from delegates.models.interface import Request, Turn
from sandbox.channel import Connection
from sandbox.channel_model import ChannelModel, Line
from sandbox.message import QUESTIONS, Reply

async def main():
    ours, theirs = socket.socketpair()
    box, broker = Line.open(ours.detach(), at_once_seconds=0), await Connection.open(theirs.detach())

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
    box.close()
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
