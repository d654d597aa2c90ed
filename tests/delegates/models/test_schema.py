"""Schemas cut down to what a provider understands."""

import copy
from typing import Any

from delegates.models.schema import for_anthropic, for_openai, instruction

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "move": {
            "oneOf": [
                {"type": "object", "properties": {"kind": {"const": "accept"}}, "required": ["kind"]},
                {
                    "type": "object",
                    "properties": {
                        "price": {"type": "integer", "minimum": 1, "maximum": 9, "multipleOf": 2},
                    },
                },
            ]
        },
        "message": {"type": "string", "maxLength": 400, "description": "Free text."},
        "tags": {"type": "array", "items": {"type": "string", "minLength": 2}, "minItems": 2},
    },
    "required": ["move", "message"],
}


def test_openai_keeps_numeric_bounds_and_loses_lengths() -> None:
    found = for_openai(SCHEMA)
    offer = found["properties"]["move"]["anyOf"][1]
    assert offer["properties"]["price"]["anyOf"][0]["maximum"] == 9
    assert found["properties"]["message"] == {"type": "string", "description": "Free text. (maxLength: 400)"}


def test_openai_requires_every_property_and_allows_no_other() -> None:
    found = for_openai(SCHEMA)
    assert found["required"] == ["move", "message", "tags"]
    assert found["additionalProperties"] is False
    assert found["properties"]["tags"]["anyOf"][1] == {"type": "null"}
    assert "anyOf" not in found["properties"]["message"]


def test_anthropic_loses_bounds_to_the_description() -> None:
    found = for_anthropic(SCHEMA)
    price = found["properties"]["move"]["anyOf"][1]["properties"]["price"]
    assert price == {"type": "integer", "description": "(minimum: 1, maximum: 9, multipleOf: 2)"}
    assert found["properties"]["tags"]["description"] == "(minItems: 2)"
    assert found["required"] == ["move", "message"]


def test_the_schema_itself_is_left_alone() -> None:
    before = copy.deepcopy(SCHEMA)
    for_openai(SCHEMA)
    for_anthropic(SCHEMA)
    assert before == SCHEMA


def test_a_property_may_be_called_like_a_keyword() -> None:
    schema = {"type": "object", "properties": {"maxLength": {"type": "integer"}}, "required": ["maxLength"]}
    assert for_openai(schema)["properties"] == {"maxLength": {"type": "integer"}}


def test_openai_is_spared_more_values_than_it_takes() -> None:
    schema = {
        "type": "object",
        "properties": {"price": {"enum": list(range(2000))}, "kind": {"enum": ["a", "b"]}},
        "required": ["price", "kind"],
    }
    found = for_openai(schema)["properties"]
    assert found["price"]["type"] == "integer"
    assert "2000 values" in found["price"]["description"]
    assert found["kind"]["enum"] == ["a", "b"]


def test_the_instruction_holds_the_whole_schema() -> None:
    assert '"maxLength":400' in instruction(SCHEMA)
