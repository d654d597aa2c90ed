"""CrewAI: an agent for each side, kicked off for each move with a response format. Telemetry off."""

# CrewAI lives in its own environment: mypy does not find it here.
# mypy: disable-error-code="import-not-found"

import os

from benchmarks.orchestration.job import KEY, MODEL, MOST_MOVES, OPENING, SIDES, Result, instructions
from benchmarks.orchestration.peers.interface import OneByOne
from benchmarks.orchestration.peers.offer import Offer

# before the import: it would send telemetry from there on
os.environ |= {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_DISABLE_TRACKING": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "CREWAI_TESTING": "true",
    "OTEL_SDK_DISABLED": "true",
    "OPENAI_API_KEY": KEY,
}

from crewai import LLM, Agent
from crewai.events.event_listener import event_listener


class Peer(OneByOne):
    """One model for everything, two agents for each negotiation."""

    def __init__(self, address: str) -> None:
        event_listener.formatter.verbose = False  # else it draws a panel for each event
        self._model = LLM(model=f"openai/{MODEL}", base_url=address, api_key=KEY, timeout=120)

    async def negotiate(self, case: str) -> Result:
        """Each side has its own list of messages."""
        agents = [
            Agent(
                role=side,
                goal="Reach the agreement that is best for your side",
                backstory=instructions(case, side),
                llm=self._model,
                verbose=False,
                allow_delegation=False,
            )
            for side in SIDES
        ]
        talk: list[list[dict[str, str]]] = [[{"role": "user", "content": OPENING}], []]
        for number in range(MOST_MOVES):
            mover = number % 2
            output = await agents[mover].kickoff_async(talk[mover], response_format=Offer)
            text = output.pydantic.model_dump_json()
            talk[mover].append({"role": "assistant", "content": text})
            talk[1 - mover].append({"role": "user", "content": text})
            if output.pydantic.action == "accept":
                return Result(True, number + 1)
        return Result(False, MOST_MOVES)
