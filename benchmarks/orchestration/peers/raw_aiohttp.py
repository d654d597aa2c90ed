"""No SDK at all: JSON over aiohttp. Nothing written in Python with asyncio will be much below this."""

import json

import aiohttp

from benchmarks.orchestration.job import KEY, MODEL, RESPONSE_FORMAT
from benchmarks.orchestration.peers.raw_loop import RawLoop


class Peer(RawLoop):
    """One session for everything."""

    def __init__(self, address: str) -> None:
        self._address = f"{address}/chat/completions"
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, messages: list[dict[str, str]]) -> str:
        """One POST."""
        if self._session is None:  # it wants a running event loop
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(
                connector=connector, headers={"authorization": f"Bearer {KEY}"}
            )
        body = json.dumps({"model": MODEL, "messages": messages, "response_format": RESPONSE_FORMAT}).encode()
        headers = {"content-type": "application/json"}
        async with self._session.post(self._address, data=body, headers=headers) as response:
            response.raise_for_status()
            text: str = json.loads(await response.read())["choices"][0]["message"]["content"]
            return text

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
