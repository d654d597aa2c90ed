"""AutoGen: two assistants with structured output in a round-robin chat."""

# AutoGen lives in its own environment: mypy does not find it here.
# mypy: disable-error-code="import-not-found, misc"

import logging

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import FunctionalTermination, MaxMessageTermination
from autogen_agentchat.messages import StructuredMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_ext.models.openai import OpenAIChatCompletionClient

from benchmarks.orchestration.job import KEY, MODEL, MOST_MOVES, OPENING, SIDES, Result, instructions
from benchmarks.orchestration.peers.interface import OneByOne
from benchmarks.orchestration.peers.offer import Offer


class Peer(OneByOne):
    """One model client for everything, a team for each negotiation."""

    def __init__(self, address: str) -> None:
        logging.getLogger("autogen_core").setLevel(logging.ERROR)
        able = {"vision": False, "function_calling": True, "json_output": True, "structured_output": True}
        self._client = OpenAIChatCompletionClient(
            model=MODEL, base_url=address, api_key=KEY, timeout=120, model_info={**able, "family": "unknown"}
        )

    async def negotiate(self, case: str) -> Result:
        """Run a team until somebody accepts."""
        agents = [
            AssistantAgent(
                side,
                self._client,
                system_message=instructions(case, side),
                output_content_type=Offer,
            )
            for side in SIDES
        ]
        over = FunctionalTermination(lambda messages: any(_accepts(message) for message in messages))
        team = RoundRobinGroupChat(
            agents,
            termination_condition=over | MaxMessageTermination(MOST_MOVES + 1),
            custom_message_types=[StructuredMessage[Offer]],
        )
        messages = (await team.run(task=OPENING)).messages
        moves = [message for message in messages if isinstance(message, StructuredMessage)]
        return Result(_accepts(moves[-1]), len(moves))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _accepts(message: object) -> bool:
    return isinstance(message, StructuredMessage) and message.content.action == "accept"
