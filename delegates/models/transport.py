"""A model's line to its server: connections of its own, and nothing that the environment could say about them.

Building a TLS context takes 20 ms, too long for hundreds of boxes at once. It holds nothing but public certificates,
so all lines share one. Connections are not shared: a server that answers twice must not be able to answer one box
with what belongs to another.
Off: cookies, proxies, netrc, redirects. Import it when it is used: aiohttp takes 100 ms.
"""

from collections.abc import Mapping
from functools import cache
from ssl import SSLContext

import aiohttp

from delegates.models.wire import LARGEST_REPLY_BYTES, Answer

_ENCODINGS = "gzip, deflate"  # what aiohttp decodes in every version


class Line:
    """One model's way to its server. Safe to close twice."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a request and return what came back, whatever its status. A reply that is too large is cut off.

        Raises:
            aiohttp.ClientError: The connection could not be made, or broke.
        """
        response = await self._opened().request(
            method,
            url,
            data=body,
            headers={**headers, "accept-encoding": _ENCODINGS},
            allow_redirects=False,
            ssl=_certificates() if url.startswith("https:") else True,
        )
        try:
            read = bytearray()
            async for chunk in response.content.iter_any():
                read += chunk
                if len(read) > LARGEST_REPLY_BYTES:
                    break
            return Answer(response.status, bytes(read), response.headers)
        finally:
            if response.content.at_eof():
                response.release()
            else:
                response.close()  # the connection too: what is still to come must reach nobody

    async def close(self) -> None:
        """Hang up."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # the caller times a whole call
                trust_env=False,
            )
        return self._session


@cache
def _certificates() -> SSLContext:
    """What a server's certificate is checked against: the system's authorities, wherever the environment points."""
    import httpx2  # noqa: PLC0415

    return httpx2.create_ssl_context(trust_env=False)
