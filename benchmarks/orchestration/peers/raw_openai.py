"""The raw OpenAI SDK in a loop, as its documentation shows it: what the ratios in the tables are against."""

from typing import Any, cast

from openai import AsyncOpenAI

from benchmarks.orchestration.job import KEY, MODEL, RESPONSE_FORMAT
from benchmarks.orchestration.peers.raw_loop import RawLoop


class Peer(RawLoop):
    """One `AsyncOpenAI` for everything."""

    def __init__(self, address: str) -> None:
        self._client = AsyncOpenAI(base_url=address, api_key=KEY, timeout=120)

    async def ask(self, messages: list[dict[str, str]]) -> str:
        """`chat.completions.create` with a JSON schema."""
        completion = await self._client.chat.completions.create(
            model=MODEL,
            messages=cast("Any", messages),
            response_format=cast("Any", RESPONSE_FORMAT),
        )
        return completion.choices[0].message.content or ""

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
