"""OpenAI, and every server that speaks its Chat Completions: Ollama, vLLM, llama-server, LM Studio.

Covered: structured output by the provider's own mechanism, and by asking in the prompt where a server refuses
it; `store: false` at OpenAI itself; a lean call (the SDK's own method spends half of a move's CPU on copying
messages).
Not covered: tools, streaming, images; what the provider keeps (OpenAI: abuse logs, 30 days unless agreed
otherwise).

The environment has no say here: the address, the key and the headers come from the arguments.
"""

from typing import TYPE_CHECKING, Any

from bargaining.errors import ModelError, ModelReplyError, ModelUnavailableError
from delegates.models import schema, wire
from delegates.models.interface import Completion, Request, Structure, Usage

if TYPE_CHECKING:
    from openai import AsyncOpenAI

ADDRESS = "https://api.openai.com/v1"


class OpenAIModel:
    """A model behind OpenAI's Chat Completions API.

    Args:
        name: The model's name, as the server knows it.
        key: The API key; None for a server that wants none.
        base_url: The address of a compatible server; None for OpenAI itself.
        seed: Passed on; most servers then repeat themselves, none promises to.
        timeout_seconds: For one whole call.
    """

    def __init__(
        self,
        name: str,
        *,
        key: str | None = None,
        base_url: str | None = None,
        seed: int = 0,
        timeout_seconds: float = 60.0,
    ) -> None:
        self.spec = f"openai/{name}@{base_url}" if base_url else f"openai/{name}"
        self._name = name
        self._key = key or "none"
        self._compatible = base_url is not None
        self._address = (base_url or ADDRESS).rstrip("/")
        self._host = wire.host_of(self._address)
        self._seed = seed
        self._timeout_seconds = timeout_seconds
        self._structure: Structure = "schema"
        self._schema_works = False
        self._closed = False
        self._client: AsyncOpenAI | None = None

    async def complete(self, request: Request) -> Completion:
        """Ask once. See `Model`; the table in `wire` says which fault is which error."""
        structure = self._structure
        answer = await self._ask(request, structure)
        if structure == "schema" and not self._schema_works:
            if wire.asks_for_no_schema(answer, sure=not self._compatible):
                structure = "prompt"
                answer = await self._ask(request, structure)
            completion = self._read(answer, structure)
            self._structure, self._schema_works = structure, structure == "schema"
            return completion
        return self._read(answer, structure)

    async def close(self) -> None:
        """Close the connections."""
        self._closed = True
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _ask(self, request: Request, structure: Structure) -> wire.Answer:
        import httpx2  # noqa: PLC0415
        from openai import OpenAIError  # noqa: PLC0415

        client = self._open()
        body = self._body(request, structure)
        return await wire.send(
            lambda: client.post("/chat/completions", cast_to=httpx2.Response, body=body),
            host=self._host,
            timeout_seconds=self._timeout_seconds,
            sdk_error=OpenAIError,
        )

    def _open(self) -> "AsyncOpenAI":
        if self._closed:
            raise ModelUnavailableError("the model was closed: open it again")
        if self._client is None:
            import httpx2  # noqa: PLC0415
            import openai  # noqa: PLC0415

            from delegates.models.transport import Line  # noqa: PLC0415

            wire.quiet()
            client = openai.AsyncOpenAI(
                api_key=self._key,
                base_url=self._address,
                max_retries=0,
                timeout=self._timeout_seconds,
                http_client=httpx2.AsyncClient(transport=Line(), trust_env=False, follow_redirects=False),
            )
            # The SDK would add the organisation, the project and headers that the environment names, at any
            # address, and its own headers about this machine. There is no argument that says no to them.
            client.organization = client.project = client.admin_api_key = None
            client._custom_headers = wire.without_machine(client.default_headers, openai.omit)
            self._client = client
        return self._client

    def _body(self, request: Request, structure: Structure) -> dict[str, Any]:
        system = request.system
        if structure == "prompt":
            system = f"{system}\n\n{schema.instruction(request.schema)}"
        body: dict[str, Any] = {
            "model": self._name,
            "messages": [
                {"role": "system", "content": system},
                *({"role": turn.role, "content": turn.text} for turn in request.turns),
            ],
            "seed": self._seed,
        }
        if self._compatible:
            body["max_tokens"] = request.max_tokens
        else:
            body["max_completion_tokens"] = request.max_tokens
            body["store"] = False
        if structure == "schema":
            # A compatible server gets the schema whole: their grammars know more keywords than OpenAI's.
            form = dict(request.schema) if self._compatible else schema.for_openai(request.schema)
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "strict": True, "schema": form},
            }
        return body

    def _read(self, answer: wire.Answer, structure: Structure) -> Completion:
        found = wire.read_object(answer, self._host)
        choice = _first(found.get("choices"))
        message = choice.get("message")
        if not isinstance(message, dict):
            raise _no_completion(self._host)
        reason = choice.get("finish_reason")
        if message.get("refusal") or reason == "content_filter":
            raise ModelReplyError(f"the model at {self._host} refused to answer")
        return Completion(
            text=wire.text_of(message.get("content"), self._host, reason),
            usage=_usage(found.get("usage")),
            structure=structure,
        )


def _first(choices: object) -> dict[str, Any]:
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _no_completion(host: str) -> ModelError:
    return ModelReplyError(f"{host} answered with JSON that is not a completion: is this the right address?")


def _usage(report: object) -> Usage | None:
    read, written = wire.count(report, "prompt_tokens"), wire.count(report, "completion_tokens")
    if read is None or written is None:
        return None
    cached = wire.count(report, "prompt_tokens_details", "cached_tokens") or 0
    return Usage(input_tokens=read, cached_tokens=min(cached, read), output_tokens=written)
