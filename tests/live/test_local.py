"""The embedded engine with real weights: fetch 'smollm2-135m' and the default first, or set NEGBOX_WEIGHTS."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from bargaining.errors import ModelUnavailableError
from delegates.models import weights
from delegates.models.interface import Completion, Request, Turn
from delegates.models.local import LocalModel

pytestmark = pytest.mark.live

SMALL = "smollm2-135m"
SCHEMA = {
    "type": "object",
    "properties": {
        "price": {"type": "integer", "minimum": 8000, "maximum": 15000, "multipleOf": 100},
        "delivery": {"enum": ["pickup", "delivered"]},
        "message": {"type": "string", "maxLength": 80},
    },
    "required": ["price", "delivery", "message"],
    "additionalProperties": False,
}


@pytest.fixture(params=[SMALL, weights.DEFAULT_ALIAS])
def alias(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if not weights.installed(weights.entry(name)):
        pytest.skip(f"needs 'negbox models pull {name}'")
    return name


def request(role: str, *turns: Turn) -> Request:
    system = f"You are the {role} of a used truck. " + "The papers are complete and it runs well. " * 20
    return Request(system, (*turns, Turn("user", "Make your next offer as JSON.")), SCHEMA, 80)


async def asked(model: LocalModel, *requests: Request) -> list[Completion]:
    try:
        return [await model.complete(each) for each in requests]
    finally:
        await model.close()


def test_replies_keep_to_the_schema(alias: str) -> None:
    for completion in asyncio.run(asked(LocalModel(alias), request("seller"), request("buyer"))):
        reply = json.loads(completion.text)
        assert set(reply) == {"price", "delivery", "message"}
        assert reply["price"] in range(8000, 15001, 100)
        assert "\n" not in completion.text


def test_a_seed_gives_the_same_replies_again_and_another_seed_others(alias: str) -> None:
    def replies(seed: int) -> list[str]:
        model = LocalModel(alias, seed, temperature=1.0)
        return [c.text for c in asyncio.run(asked(model, request("seller"), request("buyer")))]

    first = replies(1)
    assert replies(1) == first
    assert replies(2) != first


def test_interleaved_conversations_both_keep_their_prefix(alias: str) -> None:
    async def run() -> None:
        model = LocalModel(alias)
        talks: dict[str, tuple[Turn, ...]] = {"seller": (), "buyer": ()}
        try:
            for round_ in range(3):
                for role, turns in talks.items():
                    completion = await model.complete(request(role, *turns))
                    assert completion.usage
                    if round_:
                        assert completion.usage.cached_tokens > completion.usage.input_tokens // 2
                    asked_for = Turn("user", "Make your next offer as JSON.")
                    talks[role] = (*turns, asked_for, Turn("assistant", completion.text))
        finally:
            await model.close()

    asyncio.run(run())


def test_closing_in_the_middle_of_a_reply_is_quick(alias: str) -> None:
    async def run() -> None:
        model = LocalModel(alias)
        await model.start()
        pending = asyncio.create_task(model.complete(request("seller")))
        await asyncio.sleep(0.5)
        started = time.perf_counter()
        await model.close()
        assert time.perf_counter() - started < 0.5
        with pytest.raises(ModelUnavailableError):
            await pending

    asyncio.run(run())


def test_a_schema_that_the_engine_cannot_enforce_is_named() -> None:
    odd = Request("S", (Turn("user", "x"),), {"type": "object", "not": {"type": "string"}}, 9)
    with pytest.raises(ModelUnavailableError, match="schema"):
        asyncio.run(asked(LocalModel(SMALL), odd))


def test_a_conversation_that_is_too_long_is_named() -> None:
    endless = Request("S", (Turn("user", "word " * 20_000),), SCHEMA, 9)
    with pytest.raises(ModelUnavailableError, match="too long"):
        asyncio.run(asked(LocalModel(SMALL), endless))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    whole = weights.find(SMALL).read_bytes()
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelUnavailableError):
        asyncio.run(asked(LocalModel(str(damaged)), request("seller")))


def test_an_unknown_architecture_is_named(tmp_path: Path) -> None:
    whole = weights.find(SMALL).read_bytes()
    strange = tmp_path / "strange.gguf"
    strange.write_bytes(whole.replace(b"llama", b"lamma"))
    with pytest.raises(ModelUnavailableError, match="architecture"):
        asyncio.run(asked(LocalModel(str(strange)), request("seller")))
