"""What every language model offers to a delegate: one call, from a conversation to a structured reply.

Covered: the types of the call. Not covered: retries (`retry`), budgets (`delegates.budget`), prices (`price`).
Prompts and completions hold brief content, so the representations of these types are redacted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

JsonSchema: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the conversation between a delegate and its model."""

    role: Literal["user", "assistant"]
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """What a delegate asks of its model. Each request of a delegate extends the one before it."""

    system: str = field(repr=False)
    turns: tuple[Turn, ...] = field(repr=False)
    schema: JsonSchema = field(repr=False)
    """JSON schema of the reply; the root is an object. The same for a whole negotiation."""
    max_tokens: int
    """The longest reply, in tokens. `MeteredModel` adds room for a model that thinks before it replies."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that one or more calls took, as the provider counts them."""

    input_tokens: int = 0
    """All input tokens, those read from a cache included."""
    cached_tokens: int = 0
    """Input tokens read from the provider's prompt cache."""
    output_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
        )

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


Structure: TypeAlias = Literal["schema", "prompt"]
"""How a reply was brought into shape: `schema`, the provider enforced it; `prompt`, it was only asked to."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply of a model."""

    text: str = field(repr=False)
    """What the model said: JSON if it did as asked, and anything at all if it did not."""
    usage: Usage | None
    """None if the provider did not say."""
    structure: Structure = "schema"


class Model(Protocol):
    """A language model, ready to be asked."""

    @property
    def spec(self) -> str:
        """The spec it was made from, such as `openai/gpt-5`, without any secret."""
        ...

    async def complete(self, request: Request) -> Completion:
        """Ask once. Retries are the caller's business.

        Raises:
            ModelUnavailableError: Trying again will not help.
            ModelTransientError: Trying again may help; `retry_after_seconds` may say when.
            ModelReplyError: The provider answered with something that is not a completion.
        """
        ...

    async def close(self) -> None:
        """Release what the model holds: connections, processes, memory. Safe to call twice."""
        ...
