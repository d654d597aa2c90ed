"""Servers that speak OpenAI's Chat Completions: Ollama, vLLM, llama-server, LM Studio.

Covered: structured output by the server's grammar, and by asking in the prompt where it has none.
Not covered: tools, streaming, images; what the server keeps.

No SDK: what such a server understands is a small part of what OpenAI's offers, and without it a call takes a tenth
of the CPU (`benchmarks/orchestration`), and a run starts half a second sooner.
"""

import json
from typing import TYPE_CHECKING, Any

from delegates.models import chat, wire
from delegates.models.endpoint import EndpointModel
from delegates.models.interface import Completion, Request, Structure

if TYPE_CHECKING:
    from delegates.models.transport import Line


class CompatibleModel(EndpointModel["Line"]):
    """A model behind a server of the user's choice.

    Args:
        name: The model's name, as the server knows it.
        base_url: The server's address; most end in `/v1`.
        key: The API key; None for a server that wants none.
        seed: Passed on; most servers then repeat themselves, none promises to.
        timeout_seconds: For one whole call.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        key: str | None = None,
        seed: int = 0,
        timeout_seconds: float = 60.0,
    ) -> None:
        super().__init__(f"openai/{name}@{base_url}", base_url, timeout_seconds, compatible=True)
        self._name = name
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._headers = {
            "authorization": f"Bearer {key or 'none'}",
            "content-type": "application/json",
            "accept": "application/json",
            "user-agent": "negotiation-box",
        }
        self._seed = seed

    async def _post(self, body: dict[str, Any]) -> wire.Answer:
        line = self._opened()
        # no server can be sent half of a surrogate pair
        data = json.dumps(body, ensure_ascii=False).encode(errors="replace")
        return await wire.send(
            lambda: line.exchange("POST", self._url, self._headers, data),
            host=self._host,
            timeout_seconds=self._timeout_seconds,
        )

    def _open(self) -> "Line":
        from delegates.models.transport import Line  # noqa: PLC0415

        return Line()

    def _body(self, request: Request, structure: Structure) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._name,
            "messages": chat.messages(request, structure),
            "seed": self._seed,
            "max_tokens": request.max_tokens,
        }
        if structure == "schema":
            # whole: these servers' grammars know more keywords than OpenAI's
            body["response_format"] = chat.response_format(dict(request.schema))
        return body

    def _read(self, answer: wire.Answer, structure: Structure) -> Completion:
        return chat.read(answer, self._host, structure)
