"""What a broker is told before it serves: which models, with which keys, and how much of them one run may use.

Covered: the tokens of several questions at once. Not covered: attempts inside a retry, as in `metered`.
"""

import os
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from bargaining.errors import InvalidInputError, LimitReachedError, ModelTransientError, ModelUnavailableError
from delegates.models.interface import Completion, Model, Request
from delegates.models.metered import upper_estimate
from sandbox.message import LARGEST_QUESTION_BYTES, MOST_CONVERSATIONS, MOST_TOKENS

LARGEST_JOB_BYTES = 2**20
_Variable: TypeAlias = Annotated[str, Field(pattern=r"\A[A-Z][A-Z0-9_]{0,99}\z")]


class Allowance(BaseModel):
    """What one run may ask for, whatever its box says."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    requests: Annotated[int, Field(ge=1, le=10**6)]
    tokens: Annotated[int, Field(ge=1, le=MOST_TOKENS)]
    """All models together: as they report it, or else the most that it can be."""
    max_tokens: Annotated[int, Field(ge=1, le=10**9)]
    """The longest reply, thinking included."""
    seconds: Annotated[float, Field(gt=0, le=10**7)]
    """From when the broker is ready to its end."""
    prompt_bytes: Annotated[int, Field(ge=1, le=LARGEST_QUESTION_BYTES)] = 2**20
    """System, turns and schema together."""
    sides: Annotated[int, Field(ge=1, le=10**6)] = MOST_CONVERSATIONS
    """How many system texts may be asked with."""


class BrokerJob(BaseModel):
    """What a broker has to know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    models: Annotated[tuple[str, ...], Field(max_length=16)]
    """Specs; the box names them by their place in this list."""
    keys: dict[_Variable, str] = Field(default={}, repr=False)
    """API keys by the environment variable that `delegates.models.spec` looks for."""
    seed: int = 0
    limits: Allowance
    call_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """For one call to a hosted model."""
    harden: bool = False
    """Close the process before it serves: see `sandbox.isolation.harden`."""

    @classmethod
    def read(cls, fd: int) -> "BrokerJob":
        """Read a job to its end, and close the file.

        Raises:
            InvalidInputError: It cannot be used.
        """
        with os.fdopen(fd, "rb") as stream:
            data = stream.read(LARGEST_JOB_BYTES + 1)
        try:
            if len(data) <= LARGEST_JOB_BYTES:
                return cls.model_validate_json(data)
        except ValueError:
            pass
        raise InvalidInputError("this is no job for a broker: see sandbox.broker.BrokerJob")


class Tally:
    """The tokens that a run has used of its allowance: as `MeteredModel` counts, but for several questions at once.

    Args:
        tokens: The most that may be used.
    """

    def __init__(self, tokens: int) -> None:
        self._left = tokens

    async def ask(self, model: Model, request: Request) -> Completion:
        """Ask within the tokens that are left. While a question is open, the most that it can take is set aside.

        Raises:
            LimitReachedError: The question could pass the limit.
            ModelError: The model's.
        """
        most = upper_estimate(request).tokens
        if most > self._left:
            raise LimitReachedError("the next call could pass the limit on tokens: allow more tokens")
        self._left -= most
        charged = most  # also if nobody waits any more: the provider may work on, and charge
        try:
            completion = await model.complete(request)
            if completion.usage is not None:
                charged = completion.usage.tokens
            return completion
        except (ModelTransientError, ModelUnavailableError):
            charged = 0
            raise
        finally:
            self._left += most - charged
