"""What each provider's structured output understands of JSON Schema, and a schema cut down to it.

A keyword that a provider does not support moves into the description, where the model may still read it; the
reply is checked against the whole schema afterwards anyway.

    OpenAI, strict    no minLength, maxLength, uniqueItems, default …; every property required (an optional
                      one becomes nullable); additionalProperties false; at most 1000 enum values in all
    Anthropic         no minimum, maximum, multipleOf, minLength, maxLength, pattern; minItems 0 or 1 only;
                      additionalProperties false

Not covered: recursion, `not`, `if`, patternProperties: a schema of moves has none of them.
"""

import json
from collections.abc import Mapping
from typing import Any

from delegates.models.interface import JsonSchema

_COMMON = frozenset({"type", "enum", "const", "$ref", "title", "description", "required"})
_OPENAI = _COMMON | {
    *("format", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minItems", "maxItems"),
}
_ANTHROPIC = _COMMON | {"format"}
_LISTS = ("anyOf", "oneOf", "allOf")
_MOST_ENUM_VALUES = 1000


def for_openai(schema: JsonSchema) -> dict[str, Any]:
    """A schema that OpenAI accepts with `strict`."""
    found = _restrict(schema, _OPENAI, all_required=True)
    if _enum_values(found) > _MOST_ENUM_VALUES:
        _drop_long_enums(found)
    return found


def for_anthropic(schema: JsonSchema) -> dict[str, Any]:
    """A schema that Anthropic accepts in `output_config`."""
    return _restrict(schema, _ANTHROPIC, all_required=False)


def instruction(schema: JsonSchema) -> str:
    """What to add to a prompt where nothing enforces the schema."""
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    return (
        "Reply with one JSON object and nothing else: no code fence, no words before or after it. "
        f"It must be valid under this JSON schema:\n{text}"
    )


def _restrict(schema: Mapping[str, Any], keywords: frozenset[str], *, all_required: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    moved: dict[str, Any] = {}

    def inner(part: Mapping[str, Any]) -> dict[str, Any]:
        return _restrict(part, keywords, all_required=all_required)

    for key, value in schema.items():
        if key in {"properties", "$defs"}:
            found[key] = {name: inner(part) for name, part in value.items()}
        elif key == "items" and isinstance(value, Mapping):
            found[key] = inner(value)
        elif key in _LISTS:
            # Neither provider knows oneOf; a move's variants exclude each other by a const anyway.
            found["allOf" if key == "allOf" else "anyOf"] = [inner(part) for part in value]
        elif key in keywords or (key == "minItems" and value in (0, 1)):
            found[key] = value
        elif key not in {"additionalProperties", "$schema", "$id", "default", "examples"}:
            moved[key] = value
    if "properties" in found or found.get("type") == "object":
        found["additionalProperties"] = False
        properties = found.setdefault("properties", {})
        if all_required:
            required = set(found.get("required", ()))
            for name in properties:
                if name not in required:
                    properties[name] = {"anyOf": [properties[name], {"type": "null"}]}
            found["required"] = list(properties)
    if moved:
        limits = ", ".join(f"{key}: {json.dumps(value)}" for key, value in moved.items())
        found["description"] = f"{found.get('description', '')} ({limits})".strip()
    return found


def _parts(schema: dict[str, Any]) -> list[dict[str, Any]]:
    parts = [schema]
    for key in ("properties", "$defs"):
        for part in schema.get(key, {}).values():
            parts += _parts(part)
    if isinstance(items := schema.get("items"), dict):
        parts += _parts(items)
    for key in _LISTS:
        for part in schema.get(key, ()):
            parts += _parts(part)
    return parts


def _enum_values(schema: dict[str, Any]) -> int:
    return sum(len(part.get("enum", ())) for part in _parts(schema))


def _drop_long_enums(schema: dict[str, Any]) -> None:
    """Say the longest lists of values in words until the rest fits."""
    for part in sorted(_parts(schema), key=lambda part: -len(part.get("enum", ()))):
        if _enum_values(schema) <= _MOST_ENUM_VALUES:
            return
        values = part.pop("enum")
        kinds = sorted({_KINDS[type(value)] for value in values})
        part.setdefault("type", kinds[0] if len(kinds) == 1 else kinds)
        text = f"(one of {len(values)} values, from {json.dumps(values[0])} to {json.dumps(values[-1])})"
        part["description"] = f"{part.get('description', '')} {text}".strip()


_KINDS = {str: "string", int: "integer", bool: "boolean", float: "number", type(None): "null"}
