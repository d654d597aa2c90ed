"""The loop that everybody would write first: two lists of messages and a call. Subclasses say how to call."""

import json
from abc import abstractmethod
from typing import Any

from benchmarks.orchestration.job import MOST_MOVES, OPENING, SIDES, Result, instructions
from benchmarks.orchestration.peers.interface import OneByOne


class RawLoop(OneByOne):
    """Alternating offers without any framework and without any check."""

    async def negotiate(self, case: str) -> Result:
        """Each side's reply goes into both conversations."""
        first, second = SIDES
        talk: dict[str, list[dict[str, str]]] = {
            side: [{"role": "system", "content": instructions(case, side)}] for side in SIDES
        }
        talk[first].append({"role": "user", "content": OPENING})
        mover, other = first, second
        for number in range(1, MOST_MOVES + 1):
            text = await self.ask(talk[mover])
            talk[mover].append({"role": "assistant", "content": text})
            talk[other].append({"role": "user", "content": text})
            if self.read(text)["action"] == "accept":
                return Result(True, number)
            mover, other = other, mover
        return Result(False, MOST_MOVES)

    @abstractmethod
    async def ask(self, messages: list[dict[str, str]]) -> str:
        """The model's reply to a conversation."""

    def read(self, text: str) -> dict[str, Any]:
        """A reply as an object."""
        found: dict[str, Any] = json.loads(text)
        return found
