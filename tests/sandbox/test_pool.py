"""The pool: boxes that are open before anybody asks, one for each, all wiped and ended in the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from bargaining.errors import PurgeError, SandboxError
from delegates.budget import Budget
from sandbox.box import Released
from sandbox.briefing import OwnBriefs
from sandbox.open_box import OpenBox
from sandbox.pool import Pool
from sandbox.supervisor import WalledBox
from tests.sandbox.test_supervisor import LEVELS, TRUCK, Watched, seats


class Empty:
    """As much of an open box as a pool looks at."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.closed = False

    def end(self) -> None:
        self.closed = True
        self.over.set()


class Opener:
    """Opens empty boxes, or fails, and remembers them."""

    def __init__(self, *failures: BaseException, closing: Exception | None = None) -> None:
        self.boxes: list[Empty] = []
        self._failures = list(failures)
        self._closing = closing

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[OpenBox]:
        await asyncio.sleep(0)
        if self._failures:
            raise self._failures.pop(0)
        self.boxes.append(Empty())
        box = self.boxes[-1]
        try:
            yield cast(OpenBox, box)
        finally:
            was_open = not box.closed
            box.end()
            if was_open and self._closing:
                raise self._closing


async def filled(pool: Pool, count: int) -> None:
    async with asyncio.timeout(10):
        while pool.ready < count:  # noqa: ASYNC110 - a pool tells nobody that it is full
            await asyncio.sleep(0)


def test_a_warm_pool_gives_at_once_and_replaces_what_it_gave() -> None:
    async def go() -> None:
        opener = Opener()
        async with Pool(opener, 2) as pool:
            await filled(pool, 2)
            taken = [await pool.take() for _ in range(2)]
            await filled(pool, 2)
            taken += [await pool.take()]
            assert len({id(box) for box in taken}) == 3
            assert not any(box.closed for box in opener.boxes)
        assert len(opener.boxes) >= 4
        assert all(box.closed for box in opener.boxes)

    asyncio.run(go())


def test_a_box_that_is_over_leaves_the_pool() -> None:
    async def go() -> None:
        opener = Opener()
        async with Pool(opener, 1) as pool:
            cast(Empty, await pool.take()).over.set()
            await filled(pool, 1)
            assert opener.boxes[0].closed
            assert not opener.boxes[1].closed

    asyncio.run(go())


def test_whoever_takes_hears_that_none_could_be_opened() -> None:
    async def go() -> None:
        opener = Opener(SandboxError("no walls"))
        async with Pool(opener, 2) as pool:
            with pytest.raises(SandboxError, match="no walls"):
                await pool.take()
            await pool.take()
        assert all(box.closed for box in opener.boxes)

    asyncio.run(go())


def test_a_pool_that_is_cancelled_closes_all() -> None:
    async def hold(opener: Opener, started: asyncio.Event) -> None:
        async with Pool(opener, 3) as pool:
            await filled(pool, 3)
            started.set()
            await asyncio.Event().wait()

    async def go() -> None:
        opener, started = Opener(), asyncio.Event()
        holding = asyncio.ensure_future(hold(opener, started))
        await started.wait()
        holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holding
        assert [box.closed for box in opener.boxes] == [True] * 3

    asyncio.run(go())


@pytest.mark.parametrize("how", ["ended", "cancelled"])
def test_a_box_that_could_not_be_wiped_is_told_however_the_pool_ends(how: str) -> None:
    async def go() -> None:
        async with Pool(Opener(closing=PurgeError("something is left")), 2) as pool:
            await filled(pool, 2)
            if how == "cancelled":
                raise asyncio.CancelledError

    with pytest.raises(PurgeError, match="something is left"):
        asyncio.run(go())


def test_an_error_in_the_block_is_not_hidden_by_another() -> None:
    async def go() -> None:
        async with Pool(Opener(closing=PurgeError("something is left")), 1) as pool:
            await filled(pool, 1)
            raise SandboxError("the first")

    with pytest.raises(SandboxError, match="the first"):
        asyncio.run(go())


@pytest.mark.skipif(LEVELS[0] == "none", reason="this machine has neither namespaces nor Landlock")
def test_real_boxes_share_nothing_and_end_with_the_pool() -> None:
    walls = [Watched(LEVELS[0]) for _ in range(2)]
    rest = list(walls)

    def opener() -> WalledBox:
        return WalledBox(seats("tactic/steady", "tactic/steady"), Budget(), rest.pop(), environment={})

    async def go() -> Released:
        async with Pool(lambda: opener().open(TRUCK.agenda), 1) as pool:
            first = await pool.take()
            released = await first.negotiate(OwnBriefs(TRUCK.briefs))
            second = await pool.take()
            assert (first.job.run, first.key) != (second.job.run, second.key)
            rest.append(Watched(LEVELS[0]))  # for the one that is opened in its place
            with pytest.raises(SandboxError, match="has had its negotiation"):
                await first.negotiate(OwnBriefs(TRUCK.briefs))
            return released

    released = asyncio.run(go())
    assert released.error is None
    assert all(each.all_gone for each in walls)


def test_a_second_interruption_does_not_hide_what_was_not_wiped() -> None:
    class Slow(Opener):
        @asynccontextmanager
        async def __call__(self) -> AsyncIterator[OpenBox]:
            try:
                yield cast(OpenBox, Empty())
            finally:
                await asyncio.sleep(0.05)
                raise PurgeError("not wiped")

    async def go() -> None:
        async def hold() -> None:
            async with Pool(Slow(), 1) as pool:
                await filled(pool, 1)
                await asyncio.Event().wait()

        holding = asyncio.ensure_future(hold())
        await asyncio.sleep(0.02)
        for _ in range(2):
            holding.cancel()
            await asyncio.sleep(0.01)
        await holding

    with pytest.raises(PurgeError, match="not wiped"):
        asyncio.run(go())
