"""Anthropic's Messages API, and servers that speak it, through Anthropic's SDK.

Covered: structured output by `output_config`, and by asking in the prompt where a server refuses it; the
SDK's OpenTelemetry spans are off whatever the environment says.
Not covered: tools, streaming, thinking blocks (skipped); a seed (the API has none); what the provider keeps
(the schema is cached there for up to 24 hours; prompts according to the account's retention terms).

Prompt caching is off unless asked for. With `cache=True` one breakpoint stands on the system block and one on
the last turn: the provider then keeps what it computed from the prompt for at least five minutes after each
use, and charges a quarter more for writing it. Leave it off where nothing of a brief may outlive the call.
"""

from typing import TYPE_CHECKING, Any

from bargaining.errors import ModelReplyError
from delegates.models import schema, wire
from delegates.models.endpoint import EndpointModel
from delegates.models.interface import Completion, Request, Structure, Usage

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

ADDRESS = "https://api.anthropic.com"
_CACHED = {"cache_control": {"type": "ephemeral"}}


class AnthropicModel(EndpointModel["AsyncAnthropic"]):
    """A model behind Anthropic's Messages API.

    Args:
        name: The model's name, as the server knows it.
        key: The API key; None for a server that wants none.
        base_url: The address of a compatible server, with or without `/v1`; None for Anthropic itself.
        timeout_seconds: For one whole call.
        cache: Use the provider's prompt cache. See the module's docstring for what that means.
    """

    def __init__(
        self,
        name: str,
        *,
        key: str | None = None,
        base_url: str | None = None,
        timeout_seconds: float = 60.0,
        cache: bool = False,
    ) -> None:
        # The SDK adds /v1 itself; users write addresses as they do for OpenAI-compatible servers.
        address = (base_url or ADDRESS).rstrip("/").removesuffix("/v1")
        spec = f"anthropic/{name}@{base_url}" if base_url else f"anthropic/{name}"
        super().__init__(spec, address, timeout_seconds, compatible=base_url is not None)
        self._name = name
        self._key = key or "none"
        self._cache = cache

    async def _post(self, body: dict[str, Any]) -> wire.Answer:
        import httpx2  # noqa: PLC0415
        from anthropic import AnthropicError  # noqa: PLC0415

        from delegates.models.sdk import answered  # noqa: PLC0415

        client = self._opened()
        return await wire.send(
            lambda: answered(client.post("/v1/messages", cast_to=httpx2.Response, body=body)),
            host=self._host,
            timeout_seconds=self._timeout_seconds,
            faults=(AnthropicError, httpx2.HTTPError, httpx2.InvalidURL),
        )

    def _open(self) -> "AsyncAnthropic":
        import anthropic  # noqa: PLC0415

        from delegates.models import sdk  # noqa: PLC0415

        sdk.quiet()
        client = anthropic.AsyncAnthropic(
            api_key=self._key,
            base_url=self._address,
            max_retries=0,
            timeout=self._timeout_seconds,
            open_telemetry={"traces": False, "propagation": False},
            http_client=sdk.client(),
        )
        # The SDK would add headers that the environment names, at any address, and its own headers about this
        # machine. There is no argument that says no to them.
        client._custom_headers = sdk.without_machine(client.default_headers, anthropic.omit)
        return client

    def _body(self, request: Request, structure: Structure) -> dict[str, Any]:
        system = request.system
        if structure == "prompt":
            system = f"{system}\n\n{schema.instruction(request.schema)}"
        messages: list[dict[str, Any]] = [{"role": turn.role, "content": turn.text} for turn in request.turns]
        body: dict[str, Any] = {
            "model": self._name,
            "max_tokens": request.max_tokens,
            "system": system,
            "messages": messages,
        }
        if self._cache:
            body["system"] = [{"type": "text", "text": system, **_CACHED}]
            if messages:
                messages[-1]["content"] = [{"type": "text", "text": messages[-1]["content"], **_CACHED}]
        if structure == "schema":
            form = schema.for_anthropic(request.schema)
            body["output_config"] = {"format": {"type": "json_schema", "schema": form}}
        return body

    def _read(self, answer: wire.Answer, structure: Structure) -> Completion:
        found = wire.read_object(answer, self._host)
        blocks, reason = found.get("content"), found.get("stop_reason")
        if not isinstance(blocks, list):
            raise ModelReplyError(
                f"{self._host} answered with JSON that is not a message: is this the right address?"
            )
        if reason == "refusal":
            raise ModelReplyError(f"the model at {self._host} refused to answer")
        texts = [b["text"] for b in blocks if isinstance(b, dict) and isinstance(b.get("text"), str)]
        return Completion(
            text=wire.text_of("".join(texts), self._host, reason),
            usage=_usage(found.get("usage")),
            structure=structure,
        )


def _usage(report: object) -> Usage | None:
    fresh, written = wire.count(report, "input_tokens"), wire.count(report, "output_tokens")
    if fresh is None or written is None:
        return None
    # Anthropic counts the three kinds of input apart.
    cached = wire.count(report, "cache_read_input_tokens") or 0
    stored = wire.count(report, "cache_creation_input_tokens") or 0
    return Usage(input_tokens=fresh + cached + stored, cached_tokens=cached, output_tokens=written)
