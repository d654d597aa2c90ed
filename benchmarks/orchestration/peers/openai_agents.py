"""OpenAI Agents SDK: an agent for each side with an output type, on Chat Completions, traces off."""

# the Agents SDK lives in its own environment: mypy does not find it here.
# mypy: disable-error-code="import-not-found, misc"

from typing import Any

from agents import Agent, OpenAIChatCompletionsModel, RunConfig, Runner, set_tracing_disabled
from openai import AsyncOpenAI

from benchmarks.orchestration.job import KEY, MODEL, MOST_MOVES, OPENING, SIDES, Result, instructions
from benchmarks.orchestration.peers.interface import OneByOne
from benchmarks.orchestration.peers.offer import Offer


class Peer(OneByOne):
    """One client for everything, two agents for each negotiation."""

    def __init__(self, address: str) -> None:
        set_tracing_disabled(True)  # else it would send everything to OpenAI
        self._client = AsyncOpenAI(base_url=address, api_key=KEY, timeout=120)
        self._model = OpenAIChatCompletionsModel(model=MODEL, openai_client=self._client)
        self._quiet = RunConfig(tracing_disabled=True)

    async def negotiate(self, case: str) -> Result:
        """Each agent keeps its own list of items."""
        agents = [
            Agent(name=side, instructions=instructions(case, side), model=self._model, output_type=Offer)
            for side in SIDES
        ]
        items: list[list[Any]] = [[{"role": "user", "content": OPENING}], []]
        for number in range(MOST_MOVES):
            mover = number % 2
            run = await Runner.run(agents[mover], items[mover], run_config=self._quiet)
            items[mover] = run.to_input_list()
            if run.final_output.action == "accept":
                return Result(True, number + 1)
            items[1 - mover].append({"role": "user", "content": run.final_output.model_dump_json()})
        return Result(False, MOST_MOVES)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
