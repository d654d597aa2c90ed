"""A sweep: all cases of some suites, many at a time, each row kept as soon as it is there.

Covered: as many at a time as a provider takes: half as many after it was busy, one more after so many that went
well; a limit on money; Ctrl-C, which ends what is running and keeps what is done.
Not covered: cases that other processes run.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeAlias

from bargaining.errors import NegboxError
from evals.case import Case, Row
from evals.store import Store
from evals.suite import Request, Suite

Runner: TypeAlias = Callable[[Case], Awaitable[Row]]
"""Holds one negotiation. What goes wrong in it is `Row.missing`."""

RAISE_AFTER = 8
"""After so many in a row without trouble, a provider gets one more at a time."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a sweep is."""

    done: int
    missing: int
    """Of these, without a result."""
    total: int
    usd: float | None
    """None: somebody's price is not known."""
    seconds: float
    fresh: int
    """How many were done in this time; the rest was there before."""

    @property
    def rate(self) -> float:
        """Negotiations a second."""
        return self.fresh / self.seconds if self.seconds else 0.0

    @property
    def left_seconds(self) -> float | None:
        """How long the rest takes at this rate. None: nobody knows yet."""
        return (self.total - self.done) / self.rate if self.rate else None


@dataclass(slots=True)
class Count:
    """What rows come to, one after the other."""

    done: int = 0
    missing: int = 0
    usd: float | None = 0.0

    def add(self, row: Row) -> None:
        """Count a row in."""
        self.done += 1
        self.missing += row.missing is not None
        self.usd = None if self.usd is None or row.usd is None else self.usd + row.usd


class Lanes:
    """How many negotiations with a provider may run at a time.

    Args:
        most: Of any.
        embedded: Of negotiations with an embedded engine: each takes gigabytes, and all cores.
    """

    def __init__(self, most: int, embedded: int = 1) -> None:
        self._most = most
        self._width: defaultdict[str, int] = defaultdict(lambda: most)
        self._width["local"] = embedded
        self._in_use: defaultdict[str, int] = defaultdict(int)
        self._well: defaultdict[str, int] = defaultdict(int)
        self._changed = asyncio.Condition()

    def width(self, provider: str) -> int:
        """How many may run at a time now."""
        return self._width[provider]

    async def enter(self, provider: str) -> None:
        """Wait for a place."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._in_use[provider] < self._width[provider])
            self._in_use[provider] += 1

    async def leave(self, provider: str, *, busy: bool) -> None:
        """Give a place back.

        Args:
            provider: Whose.
            busy: Whether it had too much to do.
        """
        async with self._changed:
            self._in_use[provider] -= 1
            if busy:
                self._width[provider] = max(1, self._width[provider] // 2)
                self._well[provider] = 0
            else:
                self._well[provider] += 1
                free = provider != "local" and self._width[provider] < self._most
                if free and self._well[provider] >= RAISE_AFTER:
                    self._width[provider] += 1
                    self._well[provider] = 0
            self._changed.notify_all()


def here(suites: Mapping[str, Suite], request: Request) -> Runner:
    """Holds negotiations in this process. What a suite did not foresee is a row without a result, and ends no sweep.

    Args:
        suites: By name.
        request: What the user asked for.
    """

    async def run(case: Case) -> Row:
        try:
            return await suites[case.suite].run(case, request)
        except NegboxError:  # of ours, with words for the user: a scenario or a file that cannot be used
            raise
        except Exception:  # noqa: BLE001 - its text and its frames may hold a brief
            return Row(case=case, missing="unforeseen", usd=None)

    return run


def providers_of(case: Case) -> Sequence[str]:
    """Whom a negotiation asks, always in the same order."""
    asked = {spec.partition("/")[0] for spec in (case.model, case.against)}
    return sorted(asked - {"", "scripted", "tactic"})


async def _held(case: Case, run: Runner, lanes: Lanes) -> Row:
    """Hold a negotiation once there is a place with everybody whom it asks."""
    row: Row | None = None
    async with AsyncExitStack() as places:
        for provider in providers_of(case):
            await lanes.enter(provider)

            async def leave(provider: str = provider) -> None:
                await lanes.leave(provider, busy=row is not None and _was_busy(row))

            places.push_async_callback(leave)
        row = await run(case)
    return row


def _was_busy(row: Row) -> bool:
    """Whether a provider was busy or failed, as far as a row tells: not which of two."""
    return bool(row.numbers.get("count.failed_calls"))


async def sweep(
    cases: Sequence[Case],
    run: Runner,
    store: Store,
    *,
    concurrency: int,
    embedded: int = 1,
    most_usd: float | None = None,
    observe: Callable[[Standing], None] = lambda _: None,
) -> Standing:
    """Run what is not done yet.

    Args:
        cases: All of them.
        run: Holds one.
        store: Where rows are kept.
        concurrency: How many at a time at most.
        embedded: How many of these with an embedded engine.
        most_usd: No case is begun once so much is spent.
        observe: Called after each row.
    """
    began = time.monotonic()
    before = len(store.rows)
    lanes = Lanes(concurrency, embedded)
    # by seed, since a box serves one: see `evals.boxed`
    waiting = sorted((case for case in cases if not store.has(case.key)), key=lambda case: case.seed)
    waiting.reverse()

    count = Count()
    for row in store.rows:
        count.add(row)

    def standing() -> Standing:
        seconds = time.monotonic() - began
        return Standing(count.done, count.missing, len(cases), count.usd, seconds, count.done - before)

    def may_go_on() -> bool:
        if most_usd is None:
            return True
        spent = standing().usd
        return spent is not None and spent < most_usd

    async def work() -> None:
        while waiting and may_go_on():
            case = waiting.pop()
            row = await _held(case, run, lanes)
            store.add(row)
            count.add(row)
            observe(standing())

    workers = [asyncio.ensure_future(work()) for _ in range(max(1, min(concurrency, len(waiting))))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return standing()
