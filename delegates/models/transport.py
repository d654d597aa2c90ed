"""What carries the SDKs' requests: a line for each model, with connections of its own.

An SDK's default client builds a TLS context, which takes 20 ms: too long for hundreds of boxes at once. The context
holds nothing but public certificates, so all lines share one. Connections are not shared: a server that answers
twice must not be able to answer one box with what belongs to another.
Off: cookies, proxies, netrc, redirects, and everything else that the environment could say.
Import it when it is used: aiohttp and httpx2 take 130 ms.
"""

from collections.abc import AsyncIterator
from functools import cache
from ssl import SSLContext

import aiohttp
import httpx2

from delegates.models.wire import LARGEST_REPLY_BYTES

_ENCODINGS = "gzip, deflate"  # what aiohttp decodes in every version; httpx2 may offer more
_DROPPED = {b"content-encoding", b"content-length", b"transfer-encoding", b"set-cookie"}
"""Headers that are no longer true of a decoded body; and cookies, which a client would send back."""


class Line(httpx2.AsyncBaseTransport):
    """A model's way to its server. Whoever closes the client that it was given to closes it."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return what came back, whatever its status.

        Raises:
            aiohttp.ClientError: The connection could not be made, or broke.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # the caller times a whole call
                trust_env=False,
            )
        request.headers["accept-encoding"] = _ENCODINGS
        response = await self._session.request(
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
        """Hang up. Safe to call twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


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
