"""What is said piece by piece arrives whole, whatever is answered, repeated or dropped in between."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining.errors import ModelTransientError, SandboxError
from delegates.models.interface import Request, Turn
from delegates.models.scripted import ScriptedModel
from sandbox.broker import Broker
from sandbox.channel import ChannelModel
from sandbox.message import MOST_CONVERSATIONS, QUESTIONS, Ask, decode, encode
from sandbox.transcript import Heard, Told
from tests.sandbox.line import ALLOWANCE, REQUEST, broker, pair

SCHEMAS = ({"type": "object"}, {"a": [1, None, "ü"]})
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


def arrived(ask: Ask) -> Ask:
    """A question after its way through the channel."""
    found = decode(encode(ask)[4:], QUESTIONS)
    assert isinstance(found, Ask)
    return found


def extended(request: Request, *texts: str) -> Request:
    """A request with more turns behind it."""
    begun = len(request.turns)
    more = tuple(Turn("assistant" if (begun + i) % 2 else "user", text) for i, text in enumerate(texts))
    return replace(request, turns=request.turns + more)


STEP = st.tuples(
    st.integers(0, MOST_CONVERSATIONS + 2),  # whose turn it is
    st.sampled_from(["goes on", "again", "longer", "anew", "goes back"]),
    st.sampled_from(["answered", "answered late", "not answered", "refused"]),
    TEXTS,
)


@given(st.lists(STEP, max_size=60))
@settings(deadline=None)
def test_every_question_arrives_whole(steps: Sequence[tuple[int, str, str, str]]) -> None:
    """More conversations than are followed, on two models, with any of them going on or beginning anew.

    Some share all but the model, some all but the schema.
    """
    told, heard = Told(), Heard()
    requests = [
        Request(f"system {i // 4}", (Turn("user", "begin"),), SCHEMAS[i // 2 % 2], 9)
        for i in range(MOST_CONVERSATIONS + 3)
    ]
    late: list[Ask] = []
    for number, (who, how, outcome, text) in enumerate(steps, start=1):
        request = requests[who]
        last = request.turns[-1].text if request.turns else ""
        match how:
            case "goes on":
                request = extended(request, text, text[::-1])
            case "longer":
                request = replace(request, turns=(*request.turns[:-1], Turn("user", f"{last}\n{text}")))
            case "anew":
                request = replace(request, turns=(Turn("user", text),))
            case "goes back":
                request = replace(request, turns=request.turns[:-2])
        requests[who] = request
        ask = told.ask(number, who % 2, request)
        while late:  # the next question had been asked before
            told.answered(late.pop())
        transcript = heard.extended(arrived(ask))
        assert transcript.request == request
        assert transcript.model == who % 2
        assert transcript.turns_bytes == sum(len(turn.text.encode()) for turn in request.turns)
        assert transcript.opening_bytes == len(request.system) + len(json.dumps(request.schema))
        if outcome != "refused":
            heard.keep(ask.conversation, transcript)
        if outcome == "answered":
            told.answered(ask)
        if outcome == "answered late":
            late.append(ask)


@given(st.lists(TEXTS, min_size=1, max_size=12))
def test_a_conversation_is_said_once(texts: list[str]) -> None:
    told, request = Told(), Request("system", (Turn("user", "begin"),), SCHEMAS[0], 9)
    said = []
    for number, text in enumerate(texts, start=1):
        ask = told.ask(number, 0, request)
        told.answered(ask)
        said += [turn.text for turn in ask.turns]
        assert (ask.opening is None) == (number > 1)
        assert said == [turn.text for turn in request.turns]
        request = extended(request, text, text)


def test_what_was_not_answered_is_said_again_and_not_twice() -> None:
    """As `Conversation` does it: the turn that went unanswered comes again with more behind it."""
    model = ScriptedModel(
        ["one", ModelTransientError(""), ModelTransientError(""), "two"], keep_requests=True
    )
    begun = Request("system", (Turn("user", "begin"),), SCHEMAS[0], 9)
    asked = [
        begun,
        extended(begun, "one", "go on"),
        extended(begun, "one", "go on\n\nplease"),
        extended(begun, "one", "go on\n\nplease\n\nnow"),
    ]

    async def run() -> None:
        async with broker([model]) as connection, asyncio.timeout(10):
            channel = ChannelModel(connection, 0, "m")
            assert (await channel.complete(asked[0])).text == "one"
            for request in asked[1:3]:
                with pytest.raises(ModelTransientError):
                    await channel.complete(request)
            assert (await channel.complete(asked[3])).text == "two"

    asyncio.run(run())
    assert model.requests == asked


def test_an_answer_that_crosses_a_cancel_leaves_the_conversation_whole() -> None:
    """The broker has kept the question, the box has given it up: the next one takes its place."""

    asked = asyncio.Event()

    def tell(request: Request) -> str:
        if len(request.turns) > 1:
            asked.set()  # the answer is on its way when the box hears of this
        return "x"

    model = ScriptedModel([tell], cycle=True, keep_requests=True)
    begun = Request("system", (Turn("user", "begin"),), SCHEMAS[0], 9)
    later = extended(begun, "x", "later")

    async def run() -> None:
        async with pair() as (box, other), asyncio.timeout(10):
            serving = asyncio.create_task(Broker([model], ALLOWANCE).serve(other))
            channel = ChannelModel(box, 0, "m")
            await channel.complete(begun)
            asking = asyncio.create_task(channel.complete(later))
            await asked.wait()
            asking.cancel()
            await asyncio.wait([asking])
            assert (await channel.complete(extended(begun, "x", "later\nagain"))).text == "x"
            assert (await channel.complete(extended(begun, "x", "later\nagain", "x", "on"))).text == "x"
            await box.close()
            await serving

    asyncio.run(run())
    assert [turn.text for turn in model.requests[-1].turns] == ["begin", "x", "later\nagain", "x", "on"]


def test_two_sides_of_one_model_do_not_mix() -> None:
    """They may even say the same at first."""
    model = ScriptedModel(["r"], cycle=True, keep_requests=True)
    one, two = REQUEST, replace(REQUEST, turns=(Turn("user", "other"),))

    async def run() -> list[Request]:
        asked = []
        async with broker([model]) as connection, asyncio.timeout(10):
            channel = ChannelModel(connection, 0, "m")
            nonlocal one, two
            for number in range(4):
                await asyncio.gather(channel.complete(one), channel.complete(two))
                asked += [one, two]
                one, two = (extended(each, "r", f"{number}") for each in (one, two))
        return asked

    asked = asyncio.run(run())
    assert model.requests == asked


def test_more_conversations_than_are_followed_begin_anew() -> None:
    told, heard = Told(), Heard()
    requests = [replace(REQUEST, system=f"{i}") for i in range(2 * MOST_CONVERSATIONS)]
    number = 0
    for _ in range(2):
        for place, request in enumerate(requests):
            number += 1
            ask = told.ask(number, 0, request)
            transcript = heard.extended(arrived(ask))
            assert transcript.request == request
            heard.keep(ask.conversation, transcript)
            told.answered(ask)
            requests[place] = extended(request, "a", "b")


def test_a_question_of_no_conversation_is_refused_without_a_word_of_it() -> None:
    ask = Told().ask(1, 0, REQUEST).model_copy(update={"opening": None, "after": 1})
    with pytest.raises(SandboxError) as caught:
        Heard().extended(ask)
    assert REQUEST.system not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("model", "request_"),
    [
        (1, REQUEST),
        (0, replace(REQUEST, system="You buy.")),
        (0, replace(REQUEST, schema=SCHEMAS[1])),
        (0, replace(REQUEST, turns=(Turn("user", "other"),))),
    ],
    ids=["model", "system", "schema", "turns"],
)
def test_conversations_that_differ_in_one_thing_are_kept_apart(model: int, request_: Request) -> None:
    told, heard = Told(), Heard()
    one, other = REQUEST, request_
    for number in range(1, 8, 2):
        for place, (index, request) in enumerate([(0, one), (model, other)]):
            ask = told.ask(number + place, index, request)
            transcript = heard.extended(arrived(ask))
            assert (transcript.model, transcript.request) == (index, request)
            assert len(ask.turns) == min(len(request.turns), 2)
            heard.keep(ask.conversation, transcript)
            told.answered(ask)
        one, other = (extended(each, "a", "b") for each in (one, other))
