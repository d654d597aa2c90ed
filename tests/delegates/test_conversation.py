"""Conversations: who waits for whom, and whose silence counts."""

import asyncio

import pytest

from bargaining.errors import ModelUnavailableError
from delegates.conversation import SILENT_TURNS, Conversation, Counters
from delegates.models.interface import Request
from delegates.models.scripted import Reply, ScriptedModel

PATIENCE = 0.05


def conversation(
    reply: Reply, *, queue: asyncio.Lock | None = None, timeout: float = PATIENCE
) -> tuple[Conversation, Counters]:
    counters, model = Counters(), ScriptedModel([reply], cycle=True)
    if queue is None:
        return Conversation(model, "", {}, 1, counters, timeout), counters
    return Conversation(model, "", {}, 1, counters, timeout, queue), counters


async def hang(_request: Request) -> str:
    await asyncio.Event().wait()
    raise AssertionError("never")


async def ask(side: Conversation, seconds_left: float | None = None) -> str | None:
    side.begin("and now?")
    return await side.ask(seconds_left)


def test_a_model_that_hangs_is_silent_and_in_the_end_unavailable() -> None:
    async def go() -> None:
        side, counters = conversation(hang)
        for _ in range(SILENT_TURNS - 1):
            assert await ask(side) is None
        with pytest.raises(ModelUnavailableError):
            await ask(side)
        assert counters.failed_calls == SILENT_TURNS

    asyncio.run(go())


def test_waiting_for_the_other_side_is_not_ones_own_silence() -> None:
    async def go() -> None:
        queue = asyncio.Lock()
        hung, silent = conversation(hang, queue=queue, timeout=4 * PATIENCE)
        well, counters = conversation("yes", queue=queue)
        assert tuple(await asyncio.gather(ask(hung), ask(well))) == (None, "yes")
        assert (silent.failed_calls, counters.failed_calls) == (1, 0)

    asyncio.run(go())


def test_waiting_in_the_queue_ends_with_the_clock() -> None:
    async def go() -> None:
        queue = asyncio.Lock()
        async with queue:
            side, _ = conversation("yes", queue=queue)
            assert await ask(side, seconds_left=PATIENCE) is None
        assert not queue.locked()

    asyncio.run(go())


def test_in_one_queue_one_is_asked_after_the_other() -> None:
    busy, most = 0, 0

    async def slow(_request: Request) -> str:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0)
        busy -= 1
        return "yes"

    async def go(queue: asyncio.Lock | None) -> int:
        nonlocal most
        most = 0
        await asyncio.gather(*(ask(conversation(slow, queue=queue)[0]) for _ in range(3)))
        return most

    assert asyncio.run(go(None)) == 3
    assert asyncio.run(go(asyncio.Lock())) == 1
