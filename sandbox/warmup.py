"""A warm-up: what a broker loads and opens before it is closed, and what it needs afterwards.

SDKs, certificates and the lookup of names are loaded at a model's first call. In a closed process that fails, and
elsewhere the first question waits half a second for it. So a model of each kind is asked once, by HTTP and by HTTPS,
at a server of our own on loopback. It is sent nothing but made-up words.
Covered: hosted models and servers given by their address. Not covered: the embedded engine, a process that is started
at the first question; modules that only rare faults load.
"""

import asyncio
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

from bargaining.errors import NegboxError
from delegates.models import weights
from delegates.models.interface import Model, Request, Turn
from delegates.models.retry import RetryPolicy
from delegates.models.spec import ModelSpec, open_model, parse

WARM_UP_SECONDS = 20.0
_REQUEST = Request("Count.", (Turn("user", "Count."),), {"type": "object", "properties": {}}, 1)
_ANSWER = b'{"choices": [{"message": {"content": "1"}}], "content": [{"type": "text", "text": "1"}]}'
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
_HTTPS, _DNS = 443, 53


@dataclass(frozen=True, slots=True)
class Needs:
    """What has to stay open."""

    ports: frozenset[int] = frozenset()
    """To which connections are made, those for names included."""
    weights: tuple[Path, ...] = ()
    """Files that the embedded engine reads. It is a child process that has to be started."""
    remote: frozenset[int] = frozenset()
    """Which models of the list are asked over connections."""


class Harden(Protocol):
    """Closes this process: `sandbox.isolation.harden.harden`."""

    def __call__(
        self, *, network_ports: Collection[int], read: Collection[Path], role: Literal["broker", "engine"]
    ) -> object:
        """Close it, except for connections to these ports, and for reading these files beside what any needs."""
        ...


async def warm_up(models: Iterable[str]) -> Needs:
    """Load what these models need, and say what has to stay open.

    Run it in an event loop of its own: it looks up a name in a thread, and a process with threads cannot be closed.

    Raises:
        InvalidModelError: A spec cannot be understood, or weights are missing.
    """
    specs = [parse(text) for text in models]
    remote = frozenset(place for place, spec in enumerate(specs) if spec.provider in {"openai", "anthropic"})
    local = tuple(weights.find(spec.name) for spec in specs if spec.provider == "local")
    hosted = [spec for spec in specs if spec.provider in {"openai", "anthropic"}]
    if not hosted:
        return Needs(weights=local)
    with suppress(OSError, TimeoutError):  # no loopback here: the first question will load it
        async with asyncio.timeout(WARM_UP_SECONDS):
            server = await asyncio.start_server(_answer, "127.0.0.1", 0)
            async with server:
                port = server.sockets[0].getsockname()[1]
                for provider, own in {(spec.provider, spec.base_url is not None) for spec in hosted}:
                    for scheme in ("http", "https"):
                        await _ask(_open(provider, f"{scheme}://localhost:{port}/v1", own=own))
    return Needs(frozenset({_DNS, *map(_port, hosted)}), local, remote)


def _open(provider: str, address: str, *, own: bool) -> Model:
    if provider == "openai" and not own:
        from delegates.models.openai import OpenAIModel  # noqa: PLC0415 - heavy

        return OpenAIModel("warm-up", key="none", address=address)
    return open_model(f"{provider}/warm-up@{address}", policy=RetryPolicy(attempts=1), environment={})


async def _ask(model: Model) -> None:
    try:
        await model.complete(_REQUEST)
    except NegboxError:  # by HTTPS always: the server has no certificate
        pass
    finally:
        await model.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, EOFError, asyncio.LimitOverrunError):
        if await reader.read(1) == b"P":  # and not the beginning of TLS
            await reader.readuntil(b"\r\n\r\n")
            writer.write(_HEAD % len(_ANSWER) + _ANSWER)
            await writer.drain()
    writer.close()


def _port(spec: ModelSpec) -> int:
    parts = urlsplit(spec.base_url or "https://")
    return parts.port or (80 if parts.scheme == "http" else _HTTPS)
