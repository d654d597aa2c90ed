"""Models behind an HTTP API: ask for a reply that the server holds to a schema, or else in the prompt.

Covered: the fall-back where a server cannot enforce a schema, which is found out once.
Not covered: the wire formats; each provider has a module.
"""

from abc import ABC, abstractmethod
from typing import Any, Generic, Protocol, TypeVar

from bargaining.errors import ModelUnavailableError
from delegates.models import wire
from delegates.models.interface import Completion, Request, Structure


class Client(Protocol):
    """What makes the calls."""

    async def close(self) -> None:
        """Close the connections."""
        ...


_Client = TypeVar("_Client", bound=Client)


class EndpointModel(ABC, Generic[_Client]):
    """A model that is asked by HTTP. The client is made at the first call: importing an SDK takes half a second.

    Args:
        spec: Its public name.
        address: Where its server is.
        timeout_seconds: For one whole call.
        compatible: Whether the server is one that only speaks the provider's format. Such a server may refuse what
            the provider takes without saying what it refuses.
    """

    def __init__(self, spec: str, address: str, timeout_seconds: float, *, compatible: bool) -> None:
        self.spec = spec
        self._compatible = compatible
        self._address = address
        self._host = wire.host_of(address)
        self._timeout_seconds = timeout_seconds
        self._structure: Structure = "schema"
        self._schema_works = False
        self._closed = False
        self._client: _Client | None = None

    async def complete(self, request: Request) -> Completion:
        """Ask once. See `Model`; the table in `wire` says which fault is which error."""
        structure = self._structure
        answer = await self._post(self._body(request, structure))
        if structure == "schema" and not self._schema_works:
            if wire.asks_for_no_schema(answer, sure=not self._compatible):
                structure = "prompt"
                answer = await self._post(self._body(request, structure))
            completion = self._read(answer, structure)
            self._structure, self._schema_works = structure, structure == "schema"
            return completion
        return self._read(answer, structure)

    async def close(self) -> None:
        """Close the connections. The model cannot be asked again."""
        self._closed = True
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _opened(self) -> _Client:
        if self._closed:
            raise ModelUnavailableError("the model was closed: open it again")
        if self._client is None:
            self._client = self._open()
        return self._client

    @abstractmethod
    def _open(self) -> _Client: ...

    @abstractmethod
    async def _post(self, body: dict[str, Any]) -> wire.Answer: ...

    @abstractmethod
    def _body(self, request: Request, structure: Structure) -> dict[str, Any]: ...

    @abstractmethod
    def _read(self, answer: wire.Answer, structure: Structure) -> Completion: ...
