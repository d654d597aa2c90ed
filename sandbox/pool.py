"""A pool: boxes that are open before anybody asks for one. Each is good for one negotiation, and is then replaced.

A box takes more than a second to load what it needs, and nothing to hand out. No box is ever forked from another:
each has loaded everything for itself, and shares no layout, no randomness and no memory with the next.
Covered: what is open at the end of the block is wiped and ended.
Not covered: a box that ends while it waits; whoever takes it sees that when it negotiates.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import Self

from sandbox.open_box import OpenBox


class Pool:
    """Used as `async with Pool(lambda: box.open(agenda), 4) as pool: box = await pool.take()`.

    Args:
        opener: Opens one box, as `WalledBox.open` does.
        size: How many are kept ready.
    """

    def __init__(self, opener: Callable[[], AbstractAsyncContextManager[OpenBox]], size: int) -> None:
        self._opener = opener
        self._size = size
        self._ready: asyncio.Queue[OpenBox | BaseException] = asyncio.Queue()
        self._members: set[asyncio.Task[None]] = set()

    @property
    def ready(self) -> int:
        """How many boxes wait."""
        return self._ready.qsize()

    async def take(self) -> OpenBox:
        """An open box, at once if one waits. Another is opened in its place.

        Raises:
            NegboxError: No box could be opened: what `WalledBox.open` raised.
        """
        found = await self._ready.get()
        if isinstance(found, BaseException):
            raise found
        self._add()
        return found

    async def __aenter__(self) -> Self:
        for _ in range(self._size):
            self._add()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for member in self._members:
            member.cancel()
        members = list(self._members)
        while not all(member.done() for member in members):
            with suppress(asyncio.CancelledError):  # a second Ctrl-C must not hide what could not be wiped
                await asyncio.wait(members)
        outcomes = [None if member.cancelled() else member.exception() for member in members]
        failed = [one for one in outcomes if isinstance(one, Exception)]
        # such as a box that could not be wiped, after Ctrl-C too
        if failed and not isinstance(error, Exception):
            raise failed[0]

    def _add(self) -> None:
        member = asyncio.get_running_loop().create_task(self._keep())
        self._members.add(member)
        member.add_done_callback(self._members.discard)

    async def _keep(self) -> None:
        """One box, from its start to its end."""
        opened = False
        try:
            async with self._opener() as box:
                opened = True
                self._ready.put_nowait(box)
                await box.over.wait()
        except Exception as error:
            if opened:
                raise
            self._ready.put_nowait(error)
