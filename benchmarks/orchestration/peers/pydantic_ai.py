"""Pydantic AI: an agent for each side with a typed output, and its message history."""

# Pydantic AI lives in its own environment: mypy does not find it here.
# mypy: disable-error-code="import-not-found, misc"

from typing import Any

from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from benchmarks.orchestration.job import KEY, MODEL, MOST_MOVES, OPENING, SIDES, Result, instructions
from benchmarks.orchestration.peers.interface import OneByOne
from benchmarks.orchestration.peers.offer import Offer


class Peer(OneByOne):
    """One model for everything, two agents for each negotiation."""

    def __init__(self, address: str) -> None:
        self._model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=address, api_key=KEY))

    async def negotiate(self, case: str) -> Result:
        """Each move is the prompt of the other agent."""
        agents = [
            Agent(self._model, output_type=Offer, instructions=instructions(case, side)) for side in SIDES
        ]
        histories: list[list[Any]] = [[], []]
        heard = OPENING
        for number in range(MOST_MOVES):
            mover = number % 2
            run = await agents[mover].run(heard, message_history=histories[mover])
            histories[mover] = run.all_messages()
            if run.output.action == "accept":
                return Result(True, number + 1)
            heard = run.output.model_dump_json()
        return Result(False, MOST_MOVES)
