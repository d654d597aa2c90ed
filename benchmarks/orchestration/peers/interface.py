"""What a way to run negotiations has to offer to be measured.

Each file here has a class `Peer`, made with the address of the mock server. It is imported by the interpreter of
its own environment, so it imports nothing of ours but `job` and this file, unless ours is what it measures.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from benchmarks.orchestration.job import Result


class Peer(Protocol):
    """One way to run negotiations."""

    async def run(self, cases: Sequence[str], at_once: int) -> Sequence[Result]:
        """Run one negotiation for each case, at most `at_once` at a time."""
        ...

    async def close(self) -> None:
        """Release what is held."""
        ...


class OneByOne(ABC):
    """A peer that knows how to run one negotiation; many are as many tasks in one event loop."""

    async def run(self, cases: Sequence[str], at_once: int) -> Sequence[Result]:
        """Run them in `at_once` lanes."""
        waiting = iter(cases)
        results: list[Result] = []

        async def lane() -> None:
            for case in waiting:
                results.append(await self.negotiate(case))  # noqa: PERF401  (a shared iterator)

        await asyncio.gather(*(lane() for _ in range(min(at_once, len(cases)))))
        return results

    @abstractmethod
    async def negotiate(self, case: str) -> Result:
        """Run one negotiation."""

    async def close(self) -> None:
        """Nothing to release, unless a subclass says so."""
        return
