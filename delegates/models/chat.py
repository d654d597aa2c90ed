"""Chat Completions: the form of a request, and what a reply says."""

from typing import Any

from bargaining.errors import ModelReplyError
from delegates.models import schema, wire
from delegates.models.interface import Completion, Request, Structure, Usage


def messages(request: Request, structure: Structure) -> list[dict[str, str]]:
    """The conversation; where no server holds the reply to the schema, the schema is part of it."""
    system = request.system
    if structure == "prompt":
        system = f"{system}\n\n{schema.instruction(request.schema)}"
    return [
        {"role": "system", "content": system},
        *({"role": turn.role, "content": turn.text} for turn in request.turns),
    ]


def response_format(form: dict[str, Any]) -> dict[str, Any]:
    """How a server is asked to hold the reply to a schema."""
    return {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": form}}


def read(answer: wire.Answer, host: str, structure: Structure) -> Completion:
    """What a server's answer says.

    Raises:
        ModelError: Nothing of use. See the table in `wire`.
    """
    found = wire.read_object(answer, host)
    choices = found.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise ModelReplyError(
            f"{host} answered with JSON that is not a completion: is this the right address?"
        )
    reason = choice.get("finish_reason")
    if message.get("refusal") or reason == "content_filter":
        raise ModelReplyError(f"the model at {host} refused to answer")
    return Completion(
        text=wire.text_of(message.get("content"), host, reason),
        usage=_usage(found.get("usage")),
        structure=structure,
    )


def _usage(report: object) -> Usage | None:
    read, written = wire.count(report, "prompt_tokens"), wire.count(report, "completion_tokens")
    if read is None or written is None:
        return None
    cached = wire.count(report, "prompt_tokens_details", "cached_tokens") or 0
    return Usage(input_tokens=read, cached_tokens=min(cached, read), output_tokens=written)
