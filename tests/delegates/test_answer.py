"""How answers and a mediator's texts are read, and what they must look like."""

import json

import jsonschema
import pytest

from bargaining.errors import ModelReplyError
from delegates.reply import answer_schema, read_answer, read_text, text_schema
from tests.delegates.sale import AGENDA, FAIR

SECRET = "canary-7731-heron"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('{"answer": "yes"}', True),
        ('{"answer": "no"}', False),
        ('```json\n{"answer": "Yes."}\n```', True),
        ('I think so. {"answer": true}', True),
        ('{"answer": false, "why": {"answer": "no"}}', False),
        ("no", False),
        (" Yes! ", True),
    ],
)
def test_a_yes_or_a_no_is_read(reply: str, expected: bool) -> None:
    assert read_answer(reply) is expected


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "{}",
        '{"answer": "perhaps"}',
        '{"answer": 1}',
        '{"answer": "yes"} {"answer": "no"}',
        '{"answer": ["yes"]}',
        "yes, but only if the price is lower",
        SECRET,
        "{" * 9000,
    ],
)
def test_anything_else_is_neither(reply: str) -> None:
    with pytest.raises(ModelReplyError) as caught:
        read_answer(reply)
    assert SECRET not in str(caught.value)


def test_an_answer_has_no_room_for_words() -> None:
    jsonschema.validate({"answer": "yes"}, answer_schema())
    for more in ({"answer": "yes", "message": "psst"}, {"answer": "maybe"}, {}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(more, answer_schema())


@pytest.mark.parametrize("reply", [{"terms": FAIR}, FAIR, {"text": 1, "terms": FAIR}], ids=str)
def test_a_mediators_text_is_read(reply: object) -> None:
    assert dict(read_text("Here: " + json.dumps(reply), AGENDA.space)) == FAIR
    jsonschema.validate({"terms": FAIR}, text_schema(AGENDA))


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "{}",
        '{"terms": 3}',
        json.dumps({"terms": {**FAIR, "price": 1}}),
        json.dumps({"terms": {"price": 9000}}),
    ],
)
def test_a_text_that_is_none_is_refused(reply: str) -> None:
    with pytest.raises(ModelReplyError):
        read_text(reply, AGENDA.space)
