"""A model's reply: the schema that it must follow, and how it is read.

The schema depends on the agenda alone, so it stays the same for a whole negotiation and providers can cache it.
It admits only legal values. Not every server enforces it, so the reader does not rely on that: it takes JSON
that is wrapped in prose or a code fence, and checks every value again.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bargaining.agenda import Agenda
from bargaining.errors import InvalidOutcomeError, ModelReplyError
from bargaining.issue import BooleanIssue, CategoricalIssue, IntegerIssue
from bargaining.move import Accept, Move, Offer, WalkAway
from bargaining.outcome import Outcome, OutcomeSpace
from bargaining.table import View

_MOST_ENUMERATED = 100
"""Grids up to this size are listed value by value, which every provider enforces; larger ones as a range."""

_LONGEST_REPLY = 100_000
_WHOLE_NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3}){1,5}|\d{1,19})", re.ASCII)
_KINDS = {
    "offer": "offer", "counter": "offer", "counter_offer": "offer", "counteroffer": "offer", "propose": "offer",
    "accept": "accept", "agree": "accept", "walk_away": "walk_away", "walkaway": "walk_away",
}  # fmt: skip


def terms_schema(agenda: Agenda) -> dict[str, Any]:
    """The JSON schema of a whole outcome."""
    return _object({issue.name: _values(issue) for issue in agenda.issues})


def text_schema(agenda: Agenda) -> dict[str, Any]:
    """The JSON schema of a mediator's reply: the terms of one text."""
    return _object({"terms": terms_schema(agenda)})


def answer_schema() -> dict[str, Any]:
    """The JSON schema of an answer to a text: yes or no, and no room for anything else."""
    return _object({"answer": {"type": "string", "enum": ["yes", "no"]}})


def reply_schema(agenda: Agenda) -> dict[str, Any]:
    """The JSON schema of a reply: a move, then a message."""
    terms = terms_schema(agenda)
    moves = [
        _object({"kind": _constant("offer"), "terms": terms}),
        _object({"kind": _constant("accept")}),
        _object({"kind": _constant("walk_away")}),
    ]
    message: dict[str, Any] = {"type": "string", "maxLength": agenda.message_characters}
    return _object({"move": {"anyOf": moves}, "message": message})


def longest_reply_tokens(agenda: Agenda) -> int:
    """Room for any legal reply, estimated high: a token for two characters, and for the JSON around them."""
    longest = sum(
        len(issue.name)
        + max(len(str(value)) for value in (issue.values[0], issue.values[-1], *_options(issue)))
        for issue in agenda.issues
    )
    return 48 + 4 * len(agenda.issues) + (longest + agenda.message_characters) // 2


def _options(issue: CategoricalIssue | IntegerIssue | BooleanIssue) -> tuple[str, ...]:
    return issue.options if isinstance(issue, CategoricalIssue) else ()


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _constant(text: str) -> dict[str, Any]:
    return {"type": "string", "enum": [text]}


def _values(issue: CategoricalIssue | IntegerIssue | BooleanIssue) -> dict[str, Any]:
    match issue:
        case BooleanIssue():
            return {"type": "boolean"}
        case CategoricalIssue():
            return {"type": "string", "enum": list(issue.options)}
        case IntegerIssue():
            if len(issue.values) <= _MOST_ENUMERATED:
                return {"type": "integer", "enum": list(issue.values)}
            grid = {"type": "integer", "minimum": issue.minimum, "maximum": issue.maximum}
            # multipleOf counts from 0: it says what we mean only if the grid does too
            return grid | ({"multipleOf": issue.step} if issue.minimum % issue.step == 0 else {})


def read_reply(text: str, view: View) -> Move:
    """Read a model's reply as a move for the side whose view this is.

    An over-long message is cut at the agenda's length. `accept` is tied to the offer that stands.

    Raises:
        ModelReplyError: No move could be read. The message says why, for the model: it never repeats the reply.
    """
    reply = _find_object(text[:_LONGEST_REPLY])
    move = reply.get("move", reply)
    if isinstance(move, str):  # flat: {"move": "offer", "terms": {...}}
        move = {"kind": move, "terms": reply.get("terms", reply.get("offer"))}
    if not isinstance(move, dict):
        raise ModelReplyError('the reply has no "move"')
    message = _legible(reply.get("message"))[: view.agenda.message_characters]
    kind = move.get("kind", "offer" if "terms" in move else None)
    match _KINDS.get(kind.strip().lower()) if isinstance(kind, str) else None:
        case "offer":
            terms = move.get("terms")
            if not isinstance(terms, dict):
                raise ModelReplyError('the offer has no "terms"')
            return Offer(outcome=_outcome(terms, view.agenda.space), message=message)
        case "accept":
            if view.standing is None:
                raise ModelReplyError("there is no offer on the table that you could accept")
            return Accept(offer=view.standing.number, message=message)
        case "walk_away":
            return WalkAway(message=message)
        case _:
            raise ModelReplyError('the move\'s "kind" must be "offer", "accept" or "walk_away"')


def read_text(text: str, space: OutcomeSpace) -> Outcome:
    """Read a mediator's reply as a text to put before the sides.

    Raises:
        ModelReplyError: No legal terms could be read. The message never repeats the reply.
    """
    for candidate in _objects(text[:_LONGEST_REPLY]):
        terms = candidate.get("terms", candidate)
        if isinstance(terms, dict) and not set(terms).isdisjoint(space.issues):
            return _outcome(terms, space)
    raise ModelReplyError('the reply is not a JSON object with "terms" in it')


def read_answer(text: str) -> bool:
    """Read a reply as an answer to a text: whether it is a yes.

    Raises:
        ModelReplyError: It is neither a yes nor a no, or both. The message never repeats the reply.
    """
    said = {
        found.get("answer") for found in _objects(text[:_LONGEST_REPLY]) if _is_plain(found.get("answer"))
    }
    words = {str(answer).strip().lower().rstrip(".!") for answer in said or {text[:20]}}
    if words <= {"yes", "true"} or words <= {"no", "false"}:
        return words <= {"yes", "true"}
    raise ModelReplyError('the reply is not {"answer": "yes"} or {"answer": "no"}')


def _is_plain(value: object) -> bool:
    return isinstance(value, str | bool)


def _outcome(terms: Mapping[str, Any], space: OutcomeSpace) -> Outcome:
    try:
        return space.outcome(_as_values(terms, space))
    except InvalidOutcomeError as error:
        problem = str(error)  # names one of the agenda's issues at most
    raise ModelReplyError(f"the terms are not legal: {problem}")


def _legible(message: object) -> str:
    """The text of a message, if it is one; halves of a surrogate pair, which nothing can encode, become '?'."""
    return message.strip().encode(errors="replace").decode() if isinstance(message, str) else ""


def _find_object(text: str) -> dict[str, Any]:
    for candidate in _objects(text):
        if "move" in candidate or "kind" in candidate:
            return candidate
    raise ModelReplyError("the reply is not a JSON object with a move in it")


def _objects(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder(strict=False)
    start = text.find("{")
    for _ in range(32):  # a reply of thousands of braces is not worth a search
        if start < 0:
            return
        try:
            found, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            yield found
        start = text.find("{", start + 1)  # an object may be a wrapper around the move


def _as_values(terms: Mapping[str, Any], space: OutcomeSpace) -> dict[str, Any]:
    """Numbers and booleans that a model wrote as strings, made what the issue takes; the rest as it is."""
    return {name: _as_value(value, space.issues.get(name)) for name, value in terms.items()}


def _as_value(value: Any, issue: CategoricalIssue | IntegerIssue | BooleanIssue | None) -> Any:
    match issue, value:
        case IntegerIssue(), str():
            figure = (value.replace(issue.unit, "") if issue.unit else value).strip()
            # only whole groups of thousands: "1,5" is not fifteen
            return int(figure.replace(",", "")) if _WHOLE_NUMBER.fullmatch(figure) else value
        case IntegerIssue(), float() if value.is_integer():
            return int(value)
        case BooleanIssue(), str() if value.lower() in {"true", "false"}:
            return value.lower() == "true"
        case _:
            return value
