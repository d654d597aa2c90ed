"""What the providers' SDKs need to work for us: our line to the server, quiet loggers, no word about this machine.

The environment has no say here: the address, the key and the headers come from the arguments. The SDKs' own way to
call spends half of a move's CPU on copying messages, so a call asks them for the raw response.
Not covered: what a provider keeps. Its retention terms apply to every prompt that it is sent.
"""

import logging
from collections.abc import Awaitable, Mapping
from typing import Any

import httpx2

from delegates.models.transport import Line
from delegates.models.wire import Answer

_LOGGERS = ("openai", "anthropic", "httpx2", "httpcore2", "httpx", "httpcore", "aiohttp", "h11")
_DROPPED = {"content-encoding", "content-length", "transfer-encoding", "set-cookie"}
"""Headers that are no longer true of a decoded body; and cookies, which a client would send back."""


def client() -> httpx2.AsyncClient:
    """An HTTP client for an SDK. The SDK closes it."""
    return httpx2.AsyncClient(transport=_Transport(), trust_env=False, follow_redirects=False)


def quiet() -> None:
    """Keep every logger that could print a request or a reply at WARNING or above.

    The SDKs turn DEBUG on by themselves when OPENAI_LOG or ANTHROPIC_LOG is set; hence again at each call.
    """
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if logger.level < logging.WARNING:
            logger.setLevel(logging.WARNING)


def without_machine(sent: Mapping[str, object], omit: object) -> dict[str, Any]:
    """Headers that take back what an SDK says about this machine: its system, Python version and retries."""
    return {name: omit for name in sent if name.lower().startswith("x-stainless-")}


async def answered(call: Awaitable[httpx2.Response]) -> Answer:
    """What came back, whatever its status.

    Raises:
        Exception: The SDK's, if nothing came back.
    """
    quiet()
    try:
        response = await call
    except Exception as error:
        refused = getattr(error, "response", None)
        if not isinstance(refused, httpx2.Response):
            raise
        response = refused
    return Answer(response.status_code, response.content, response.headers)


class _Transport(httpx2.AsyncBaseTransport):
    def __init__(self) -> None:
        self._line = Line()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        found = await self._line.exchange(
            request.method, str(request.url), request.headers, await request.aread()
        )
        headers = [(name, value) for name, value in found.headers.items() if name.lower() not in _DROPPED]
        return httpx2.Response(found.status, headers=headers, content=found.body, request=request)

    async def aclose(self) -> None:
        await self._line.close()
