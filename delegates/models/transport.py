"""What carries the SDKs' requests: one pool of connections for each event loop, a line to it for each model.

A TLS context costs 20 ms to build and a connection a handshake: hundreds of boxes at once cannot have their own.

Shared: the TLS context (public certificates) and idle connections. A connection becomes idle only when a reply
was read to its end; after a call that failed, was cancelled or took too long it is closed.
Not shared: addresses, keys and headers, which belong to an SDK's client; cookies and replies, which nobody keeps.
When the last line of a loop is closed, its connections are closed and the pool is gone.
Off: proxies, netrc, redirects, and everything else that the environment could say.
Import it when it is used: aiohttp and httpx2 take 130 ms.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import cache
from ssl import SSLContext
from weakref import WeakKeyDictionary

import aiohttp
import httpx2

from delegates.models.wire import LARGEST_REPLY_BYTES

_DROPPED = {b"content-encoding", b"content-length", b"transfer-encoding", b"set-cookie"}
"""Headers that are no longer true of a decoded body; and cookies, which a client would send back."""


class Line(httpx2.AsyncBaseTransport):
    """A model's way to its server. Whoever closes the client that it was given to closes it."""

    def __init__(self) -> None:
        self._pool: _Pool | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return what came back, whatever its status.

        Raises:
            aiohttp.ClientError: The connection could not be made, or broke.
        """
        if self._pool is None:
            self._pool = _Pool.of_this_loop()
            self._pool.lines += 1
        response = await self._pool.session.request(
            request.method,
            str(request.url),
            data=await request.aread(),
            headers=request.headers,
            allow_redirects=False,
            ssl=_certificates() if request.url.scheme == "https" else True,
        )
        headers = [(name, value) for name, value in response.raw_headers if name.lower() not in _DROPPED]
        return httpx2.Response(response.status, headers=headers, stream=_Body(response), request=request)

    async def aclose(self) -> None:
        """Hang up. The last line of an event loop takes the pool with it. Safe to call twice."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.release()


class _Pool:
    """The connections of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.lines = 0
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # the caller times a whole call
            trust_env=False,
        )
        self._loop = loop

    @classmethod
    def of_this_loop(cls) -> "_Pool":
        """The pool of the running event loop, made if there is none."""
        loop = asyncio.get_running_loop()
        pool = _POOLS.get(loop)
        if pool is None:
            pool = _POOLS[loop] = cls(loop)
        return pool

    async def release(self) -> None:
        """One line less; after the last one nothing stays open."""
        self.lines -= 1
        if not self.lines:
            _POOLS.pop(self._loop, None)  # first: a line that is opened meanwhile gets a pool of its own
            await self.session.close()


_POOLS: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = WeakKeyDictionary()
# State of the module, for want of anything else that all boxes of a loop have in common. It holds connections only.


class _Body(httpx2.AsyncByteStream):
    """A reply's body, or as much of it as shows that it is too large to be a reply."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for chunk in self._response.content.iter_any():
            read += len(chunk)
            yield chunk
            if read > LARGEST_REPLY_BYTES:
                return

    async def aclose(self) -> None:
        """Give the connection back, or close it if the reply was not read to its end."""
        if self._response.content.at_eof():
            await self._response.__aexit__(None, None, None)
        else:
            self._response.close()


@cache
def _certificates() -> SSLContext:
    """What a server's certificate is checked against: the system's authorities, wherever the environment points."""
    return httpx2.create_ssl_context(trust_env=False)
