"""What a box and its broker can say to each other, and the bytes of it: UTF-8 JSON in frames.

Covered: what arrives is hostile, on either side: nesting, numbers, repeated keys, halves of surrogate pairs, unknown
fields and wrong types are refused, and the errors say nothing of what was sent.
Not covered: reading frames from a connection, and how large they may be; see `channel`.
"""

import json
import math
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bargaining.errors import SandboxError
from delegates.models.interface import Completion, Structure
from sandbox.frame import pack

LARGEST_QUESTION_BYTES = 4 * 2**20
LARGEST_ANSWER_BYTES = 256 * 2**10
MOST_TOKENS = 2**53 - 1
MOST_CONVERSATIONS = 8
"""How many a broker follows at once. A run has one for each side, and one for a mediator."""
LONGEST_WAIT_SECONDS = 3600
BROKEN = "the other end of the channel did not keep to its rules"
_DEEPEST = 64
_MOST_VALUES = 200_000
_LONGEST_INTEGER = 40

_Message = TypeVar("_Message")
_Number: TypeAlias = Annotated[int, Field(ge=0, le=2**31 - 1)]
_Count: TypeAlias = Annotated[int, Field(ge=0, le=MOST_TOKENS)]
Kind: TypeAlias = Literal[
    "ModelUnavailableError", "ModelTransientError", "ModelReplyError", "LimitReachedError"
]
"""What went wrong, by the name of the error."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Nothing: most of these hold prompts or replies."""
        return ()


class Said(_Part):
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    text: str


class Opening(_Part):
    """What all questions of a conversation share. It is said once, with the first of them."""

    model: Annotated[int, Field(ge=0, le=255)]
    """The model's place in the list of the run."""
    system: str
    reply_schema: dict[str, Any]


class Ask(_Part):
    """A question to a model: the part of it that is new in its conversation. See `transcript`."""

    type: Literal["ask"] = "ask"
    id: _Number
    """Each is larger than the one before."""
    conversation: Annotated[int, Field(ge=0, lt=MOST_CONVERSATIONS)]
    opening: Opening | None
    """A conversation begins, or another one in its place."""
    after: _Number
    """How many turns of the conversation come before these."""
    turns: Annotated[tuple[Said, ...], Field(strict=False)]  # JSON has no tuples
    max_tokens: Annotated[int, Field(ge=1, le=10**9)]


class Cancel(_Part):
    """Nobody waits for the answer any more."""

    type: Literal["cancel"] = "cancel"
    id: _Number


class Used(_Part):
    """How many tokens a question took."""

    input_tokens: _Count
    cached_tokens: _Count
    output_tokens: _Count


class Reply(_Part):
    """What a model said."""

    type: Literal["reply"] = "reply"
    id: _Number
    text: str
    usage: Used | None
    structure: Structure

    @classmethod
    def of(cls, number: int, completion: Completion) -> "Reply":
        """What a model said to the question of this number."""
        usage = completion.usage
        used: Used | None = None
        if usage is not None:
            used = Used(
                input_tokens=min(usage.input_tokens, MOST_TOKENS),
                cached_tokens=min(usage.cached_tokens, MOST_TOKENS),
                output_tokens=min(usage.output_tokens, MOST_TOKENS),
            )
        return cls(id=number, text=whole(completion.text), usage=used, structure=completion.structure)


class Failure(_Part):
    """There is no reply."""

    type: Literal["failure"] = "failure"
    id: _Number
    kind: Kind
    retry_after_seconds: Annotated[float, Field(ge=0, le=LONGEST_WAIT_SECONDS, strict=False)] | None = None

    @classmethod
    def of(cls, number: int, kind: Kind, seconds: float | None) -> "Failure":
        """What went wrong with this question, and how long the provider asks to wait, in whole seconds."""
        if seconds is not None:
            finite = math.isfinite(seconds)
            seconds = float(min(max(math.ceil(seconds), 0), LONGEST_WAIT_SECONDS)) if finite else None
        return cls(id=number, kind=kind, retry_after_seconds=seconds)


QUESTIONS: TypeAdapter[Ask | Cancel] = TypeAdapter(Annotated[Ask | Cancel, Field(discriminator="type")])
"""What a box may say."""
ANSWERS: TypeAdapter[Reply | Failure] = TypeAdapter(Annotated[Reply | Failure, Field(discriminator="type")])
"""What a broker may say."""


def encode(message: Ask | Cancel | Reply | Failure) -> bytes:
    """A message as a frame.

    Raises:
        ValueError: It is larger than a frame may be, or holds something that JSON cannot.
    """
    data = _ENCODER.encode(message.model_dump()).encode(errors="replace")
    if len(data) > (LARGEST_QUESTION_BYTES if isinstance(message, Ask | Cancel) else LARGEST_ANSWER_BYTES):
        raise ValueError("too large for the channel")
    return pack(data)


def decode(data: bytes, expected: TypeAdapter[_Message]) -> _Message:
    """A message from the inside of a frame.

    Raises:
        SandboxError: It is none.
    """
    try:
        found = _DECODER.decode(data.decode())
        _check(found)
        return expected.validate_python(found)
    except (ValueError, RecursionError):
        pass  # raised below: these exceptions hold what was sent
    raise SandboxError(BROKEN)


def whole(text: str) -> str:
    """A text without halves of surrogate pairs, which UTF-8 has no bytes for."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        raise ValueError
    return int(text)


def _number(text: str) -> float:
    found = float(text)  # of NaN and the infinities too, which JSON does not have
    if not math.isfinite(found):
        raise ValueError
    return found


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_number
)


def _check(found: object) -> None:
    """Check nesting, the number of values, and that every text has bytes in UTF-8.

    Raises:
        ValueError: One of them is off.
    """
    level: list[Any] = [found]
    values = 0
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for value in level:
            match value:
                case str() if not value.isascii():
                    value.encode()
                case dict():
                    below += value
                    below += value.values()
                case list():
                    below += value
        values += len(level)
        if not below or values > _MOST_VALUES:
            break
        level = below
    else:
        raise ValueError
    if values > _MOST_VALUES:
        raise ValueError
