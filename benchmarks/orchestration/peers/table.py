"""Ours, one layer below the box: two delegates at the table, one model for all negotiations, nothing released."""

from benchmarks.orchestration import scenario
from benchmarks.orchestration.job import MODEL, Result
from benchmarks.orchestration.peers.interface import OneByOne
from delegates.delegate import LLMDelegate
from delegates.models.spec import open_model
from delegates.prompt import PromptPack
from graphs.alternating import negotiate


class Peer(OneByOne):
    """With the advisor, guard and referee on."""

    def __init__(self, address: str) -> None:
        self._model = open_model(f"openai/{MODEL}@{address}", environment={})
        self._pack = PromptPack.load("default")

    async def negotiate(self, case: str) -> Result:
        """Seat two delegates and let them negotiate."""
        agenda, briefs = scenario.agenda(), scenario.briefs(case)
        delegates = {
            role: LLMDelegate(role, agenda, brief, self._model, self._pack) for role, brief in briefs.items()
        }
        mandates = {role: brief.bind(agenda)[1] for role, brief in briefs.items()}
        ended = await negotiate(agenda, delegates, mandates)
        return Result(ended.ending == "agreed", ended.table.turn)

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()
