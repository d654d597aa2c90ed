"""Ours, as a user has it: a box for each negotiation, two models, guard and referee on."""

from benchmarks.orchestration import scenario
from benchmarks.orchestration.job import MODEL, Result
from benchmarks.orchestration.peers.interface import OneByOne
from delegates.budget import Budget
from delegates.models.spec import parse
from delegates.prompt import PromptPack
from sandbox.box import Box, Seat


class Peer(OneByOne):
    """With the advisor."""

    advised = True

    def __init__(self, address: str) -> None:
        model, pack = parse(f"openai/{MODEL}@{address}"), PromptPack.load("default")
        self._seats = {role: Seat(model, pack, self.advised) for role in scenario.agenda().roles}

    async def negotiate(self, case: str) -> Result:
        """Open a box, run it, and look at what it released."""
        released = await Box(self._seats, Budget()).run(scenario.agenda(), scenario.briefs(case))
        if released.error is not None:
            raise released.error
        counters = released.counters.values()
        assert not sum(
            c.denied + c.unreadable + c.failed_calls + c.replaced + c.unstructured for c in counters
        )
        return Result(released.ending == "agreed", sum(c.turns for c in counters))
