"""OpenAI, through its SDK. For servers that only speak its format, see `compatible`.

Covered: structured output by the provider's own mechanism, and by asking in the prompt where it refuses it;
`store: false`.
Not covered: tools, streaming, images; what the provider keeps (abuse logs, 30 days unless agreed otherwise).
"""

from typing import TYPE_CHECKING, Any

from delegates.models import chat, schema, wire
from delegates.models.endpoint import EndpointModel
from delegates.models.interface import Completion, Request, Structure

if TYPE_CHECKING:
    from openai import AsyncOpenAI

ADDRESS = "https://api.openai.com/v1"


class OpenAIModel(EndpointModel["AsyncOpenAI"]):
    """A model behind OpenAI's Chat Completions API.

    Args:
        name: The model's name, as OpenAI knows it.
        key: The API key.
        seed: Passed on; OpenAI then mostly repeats itself, and does not promise to.
        timeout_seconds: For one whole call.
        address: Where the API is.
    """

    def __init__(
        self,
        name: str,
        *,
        key: str,
        seed: int = 0,
        timeout_seconds: float = 60.0,
        address: str = ADDRESS,
    ) -> None:
        super().__init__(f"openai/{name}", address, timeout_seconds, compatible=False)
        self._name = name
        self._key = key
        self._seed = seed

    async def _post(self, body: dict[str, Any]) -> wire.Answer:
        import httpx2  # noqa: PLC0415
        from openai import OpenAIError  # noqa: PLC0415

        from delegates.models.sdk import answered  # noqa: PLC0415

        client = self._opened()
        return await wire.send(
            lambda: answered(client.post("/chat/completions", cast_to=httpx2.Response, body=body)),
            host=self._host,
            timeout_seconds=self._timeout_seconds,
            faults=(OpenAIError, httpx2.HTTPError, httpx2.InvalidURL),
        )

    def _open(self) -> "AsyncOpenAI":
        import openai  # noqa: PLC0415

        from delegates.models import sdk  # noqa: PLC0415

        sdk.quiet()
        client = openai.AsyncOpenAI(
            api_key=self._key,
            base_url=self._address,
            max_retries=0,
            timeout=self._timeout_seconds,
            http_client=sdk.client(),
        )
        # The SDK would add the organisation, the project and headers that the environment names, and its own
        # headers about this machine. There is no argument that says no to them.
        client.organization = client.project = client.admin_api_key = None
        client._custom_headers = sdk.without_machine(client.default_headers, openai.omit)
        return client

    def _body(self, request: Request, structure: Structure) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._name,
            "messages": chat.messages(request, structure),
            "seed": self._seed,
            "max_completion_tokens": request.max_tokens,
            "store": False,
        }
        if structure == "schema":
            body["response_format"] = chat.response_format(schema.for_openai(request.schema))
        return body

    def _read(self, answer: wire.Answer, structure: Structure) -> Completion:
        return chat.read(answer, self._host, structure)
