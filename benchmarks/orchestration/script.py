"""What the mock model says: the same negotiation every time, in whatever form it is asked for.

It concedes in even steps and accepts in the last move. Where a prompt lists an advisor's offers, it copies the
first one, as it is told to. Which move it is follows from the request alone: the number of its own earlier moves.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.orchestration.job import FREE_MONTHS, MOVES, RENTS, SIDES, TERMS

_TAG = re.compile(r"File ([\w.-]+), (landlord|tenant)\.")
_ADVICE = re.compile(r"^1\. (\{.*\})$", re.MULTILINE)
_OWN_TERMS = re.compile(r'"terms": ?(\{[^{}]*\})')
_OFFERING = (
    "We have thought about your side of it, and these terms are a fair step from ours. "
    "Please look at them kindly."
)
_ACCEPTING = "Thank you for coming so far towards us. We are glad to take this offer just as it stands today."


def whose(messages: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The negotiation and the side that a prompt belongs to."""
    for message in messages:
        if found := _TAG.search(text_of(message)):
            return found[1], found[2]
    raise ValueError("the prompt names no file and side")


def text_of(message: Mapping[str, Any]) -> str:
    """The text of a message, which may come in parts."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content)
    return content if isinstance(content, str) else ""


class Move:
    """One move of the script: the answer to a conversation."""

    def __init__(self, messages: Sequence[Mapping[str, Any]]) -> None:
        _, side = whose(messages)
        earlier = [message for message in messages if message.get("role") == "assistant" and _moves(message)]
        number = 2 * len(earlier) + SIDES.index(side)
        self.accepts = number >= MOVES - 1
        self.message = _ACCEPTING if self.accepts else _OFFERING
        self.terms = scripted_terms(min(number, MOVES - 2))
        if advised := _ADVICE.search(text_of(messages[-1])):
            self.terms = json.loads(advised[1])
        elif "Your advisor" in text_of(messages[-1]) and earlier:
            # advised to accept before the last move: stay where it is
            self.terms = json.loads(_OWN_TERMS.findall(text_of(earlier[-1]))[-1])

    def fill(self, schema: Mapping[str, Any]) -> Any:
        """A value that is valid under a JSON schema and makes this move, by the names of the properties."""
        return self._fill(schema, schema, "")

    def _fill(self, part: Mapping[str, Any], root: Mapping[str, Any], name: str) -> Any:
        part = _resolved(part, root)
        if "const" in part:
            return part["const"]
        if name in self.terms:
            return self.terms[name]
        if name == "outcome":  # all terms in a list
            return None if self.accepts else list(self.terms.values())
        if "enum" in part:
            return self._choose(part["enum"])
        if variants := part.get("anyOf") or part.get("oneOf"):
            found = [_resolved(variant, root) for variant in variants]
            return self._fill(next((v for v in found if self._fits(v, root)), found[0]), root, name)
        if "properties" in part:
            return {key: self._fill(inner, root, key) for key, inner in part["properties"].items()}
        return self.message if name in {"message", "text"} else None

    def _choose(self, options: Sequence[Any]) -> Any:
        wanted = {"accept"} if self.accepts else {"offer", "reject"}
        return next((option for option in options if option in wanted), options[0])

    def _fits(self, variant: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
        """Whether a variant of a reply is made for this kind of move."""
        wanted = "accept" if self.accepts else "offer"
        parts = [_resolved(inner, root) for inner in variant.get("properties", {}).values()]
        return any(wanted in (part.get("enum") or [part.get("const")]) for part in parts)


def _moves(message: Mapping[str, Any]) -> bool:
    """Whether an own earlier turn was a move, and not only an acknowledgement."""
    return bool(message.get("tool_calls")) or "{" in text_of(message)


def scripted_terms(number: int) -> dict[str, int]:
    """The terms of the offer in a move, counted from 0: the sides meet in the middle."""
    whole, step = MOVES - 2, number
    down = 1 - step / (2 * whole) if number % 2 == 0 else step / (2 * whole)
    return {
        "rent": _at(RENTS, 0.1 + 0.8 * down),
        "term": _at(TERMS, down),
        "free_months": _at(FREE_MONTHS, 1 - down),
    }


def _at(values: Sequence[int], share: float) -> int:
    return values[round(share * (len(values) - 1))]


def _resolved(part: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in part:
        found: Any = root
        for key in part["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        part = found
    return part
