"""What models of one event loop share, and what they do not."""

import asyncio
import gzip

import pytest

from delegates.models import Request, Turn
from delegates.models.transport import Line
from delegates.models.wire import Answer
from evals.server import Fault, FaultyServer

REPLY = '{"a": 1}'
REQUEST = Request("be brief", (Turn("user", "begin"),), {"type": "object"}, 9)


class Client:
    """Posts over a line of its own."""

    def __init__(
        self, address: str, key: str = "", path: str = "/chat/completions", patience: float = 5.0
    ) -> None:
        self.line = Line()
        self._url, self._patience = address + path, patience
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    async def post(self) -> Answer:
        async with asyncio.timeout(self._patience):
            return await self.line.exchange("POST", self._url, self._headers, b"{}")

    async def close(self) -> None:
        await self.line.close()


def test_two_lines_have_no_connection_in_common() -> None:
    """A second answer on a connection, sent unasked, reaches nobody but the line whose connection it is."""

    handlers: list[asyncio.Task[None] | None] = []

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
        await reader.readuntil(b"{}")
        for body in (b"mine!", b"stray"):
            writer.write(answer + body)
            await writer.drain()
            await asyncio.sleep(0.05)
        writer.close()
        await writer.wait_closed()

    async def run() -> list[bytes]:
        server = await asyncio.start_server(twice, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        one, other = Client(address), Client(address)
        replies = [(await one.post()).body]
        await asyncio.sleep(0.2)
        replies.append((await other.post()).body)
        await one.close()
        await other.close()
        server.close()
        await asyncio.gather(*filter(None, handlers))
        return replies

    assert asyncio.run(run()) == [b"mine!", b"mine!"]


def test_a_closed_line_has_no_connections_left() -> None:
    async def run(address: str) -> bool:
        client = Client(address)
        await client.post()
        session = client.line._session
        await client.close()
        await client.close()
        return session is not None and session.closed

    with FaultyServer(REPLY) as server:
        assert asyncio.run(run(server.base_url))


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
        return answer.body

    late = Fault(body=b"for somebody else", stall_seconds=1.0)
    with FaultyServer(REPLY, faults=[late]) as server:
        assert b"somebody else" not in asyncio.run(run(server.base_url))


def test_an_endless_reply_is_cut_off() -> None:
    async def run(address: str) -> int:
        one = Client(address)
        answer = await one.post()
        await one.close()
        return len(answer.body)

    with FaultyServer(faults=[Fault(body=b"x" * (20 * 2**20))]) as server:
        assert asyncio.run(run(server.base_url)) < 18 * 2**20


def test_a_compressed_reply_is_read() -> None:
    packed = gzip.compress(b"plain words")

    async def run(address: str) -> bytes:
        one = Client(address)
        answer = await one.post()
        await one.close()
        return answer.body

    with FaultyServer(faults=[Fault(body=packed, headers={"Content-Encoding": "gzip"})]) as server:
        assert asyncio.run(run(server.base_url)) == b"plain words"
