"""What models of one event loop share, and what they do not."""

import asyncio
import gc
import gzip

import httpx2
import pytest

from delegates.models import Model, Request, Turn
from delegates.models.anthropic import AnthropicModel
from delegates.models.openai import OpenAIModel
from delegates.models.transport import _POOLS, Line
from evals.server import Fault, FaultyServer, stall

REPLY = '{"a": 1}'
REQUEST = Request("be brief", (Turn("user", "begin"),), {"type": "object"}, 9)


class Client:
    """Posts over a line of its own, as an SDK's client does."""

    def __init__(
        self, address: str, key: str = "", path: str = "/chat/completions", patience: float = 5.0
    ) -> None:
        self._client = httpx2.AsyncClient(transport=Line(), trust_env=False)
        self._url, self._patience = address + path, patience
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    async def post(self) -> httpx2.Response:
        async with asyncio.timeout(self._patience):
            return await self._client.post(self._url, json={}, headers=self._headers)

    async def close(self) -> None:
        await self._client.aclose()


def pools() -> int:
    gc.collect()
    return len(_POOLS)


def test_all_lines_of_a_loop_share_one_pool_until_the_last_is_closed() -> None:
    async def run(address: str) -> list[int]:
        one, other = Client(address), Client(address)
        counts = [pools()]
        await one.post()
        await other.post()
        counts.append(pools())
        await one.close()
        counts.append(pools())
        await other.post()
        await other.close()
        counts.append(pools())
        return counts

    with FaultyServer(REPLY) as server:
        assert asyncio.run(run(server.base_url)) == [0, 1, 1, 0]


def test_closing_the_last_line_closes_its_connections() -> None:
    async def run(address: str) -> bool:
        one = Client(address)
        await one.post()
        (pool,) = _POOLS.values()
        await one.close()
        await one.close()
        return pool.session.closed

    with FaultyServer(REPLY) as server:
        assert asyncio.run(run(server.base_url))


def test_a_line_that_is_opened_after_the_last_was_closed_works() -> None:
    async def run(address: str) -> None:
        for _ in range(2):
            one = Client(address)
            assert (await one.post()).status_code == 200
            await one.close()

    with FaultyServer(REPLY) as server:
        asyncio.run(run(server.base_url))


def test_one_model_does_not_close_another_that_waits_for_its_reply() -> None:
    async def run(address: str) -> int:
        one, other = Client(address), Client(address)
        await other.post()
        waiting = asyncio.ensure_future(one.post())
        await asyncio.sleep(0)
        await other.close()
        status = (await waiting).status_code
        await one.close()
        return status

    with FaultyServer(REPLY, faults=[None, stall(0.2)]) as server:
        assert asyncio.run(run(server.base_url)) == 200


def test_a_key_goes_only_with_its_own_line() -> None:
    async def run(address: str) -> None:
        lines = [Client(address, "one"), Client(address, "two"), Client(address)]
        for each in (*lines, *lines):
            await each.post()
        for each in lines:
            await each.close()

    with FaultyServer(REPLY) as server:
        asyncio.run(run(server.base_url))
    found = [received.headers.get("authorization") for received in server.received]
    assert found == ["Bearer one", "Bearer two", None] * 2


def test_cookies_are_not_kept() -> None:
    async def run(address: str) -> None:
        one = Client(address)
        await one.post()
        await one.post()
        await one.close()

    with FaultyServer(REPLY, faults=[Fault(headers={"Set-Cookie": "who=you; Path=/"})]) as server:
        asyncio.run(run(server.base_url))
    assert all("cookie" not in received.headers for received in server.received)


def test_a_call_that_took_too_long_does_not_leave_its_reply_to_the_next() -> None:
    async def run(address: str) -> bytes:
        hasty, calm = Client(address, path="/a", patience=0.2), Client(address)
        with pytest.raises(TimeoutError):
            await hasty.post()
        answer = await calm.post()
        await hasty.close()
        await calm.close()
        return answer.content

    late = Fault(body=b"for somebody else", stall_seconds=1.0)
    with FaultyServer(REPLY, faults=[late]) as server:
        assert b"somebody else" not in asyncio.run(run(server.base_url))


def test_an_endless_reply_is_cut_off() -> None:
    async def run(address: str) -> int:
        one = Client(address)
        answer = await one.post()
        await one.close()
        return len(answer.content)

    with FaultyServer(faults=[Fault(body=b"x" * (20 * 2**20))]) as server:
        assert asyncio.run(run(server.base_url)) < 18 * 2**20


def test_models_of_both_kinds_share_connections_and_close_them() -> None:
    async def run(address: str) -> list[int]:
        models: list[Model] = [OpenAIModel("m", base_url=address), AnthropicModel("m", base_url=address)]
        for model in models:
            await model.complete(REQUEST)
        counts = [pools()]
        for model in models:
            await model.close()
        return [*counts, pools()]

    with FaultyServer(REPLY) as server:
        assert asyncio.run(run(server.base_url)) == [1, 0]


def test_a_compressed_reply_is_read() -> None:
    packed = gzip.compress(b"plain words")

    async def run(address: str) -> bytes:
        one = Client(address)
        answer = await one.post()
        await one.close()
        return answer.content

    with FaultyServer(faults=[Fault(body=packed, headers={"Content-Encoding": "gzip"})]) as server:
        assert asyncio.run(run(server.base_url)) == b"plain words"
