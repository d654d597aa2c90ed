"""A case: one negotiation that an evaluation wants to see, told from all others by its key; and the row it leaves.

Covered: rows hold names of ours, verdicts and numbers. No text of a brief, a message or a model is ever in one.
Not covered: what a verdict means; the suite says.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Verdict: TypeAlias = Literal["yes", "no", "unknown"]
"""What an instrument found. `unknown`: it could not tell, which is never a `no`."""
Missing: TypeAlias = Literal["model", "parser", "judge", "box", "limit", "unforeseen"]
"""Whose failure it is that a negotiation has no result."""

_Name: TypeAlias = Annotated[str, Field(max_length=300)]
_Key: TypeAlias = Annotated[str, Field(pattern=r"^[\w.+-]+( [\w.+-]+){0,3}$", max_length=60)]
"""What a verdict or a number is called: a few words of ours, so that a box cannot say sentences."""
_MOST_KEYS = 300


CONTROL = "scripted/control"
"""How rows call a model that a suite has built."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Case(_Value):
    """One negotiation of a grid."""

    suite: _Name
    arm: _Name
    """What is compared within a suite: such as `attack`, `careless control`."""
    scenario: _Name
    model: _Name
    """The spec of the delegate under test, as others may read it."""
    against: _Name = ""
    """Who it meets."""
    prompts: _Name = ""
    """The prompt pack of the delegate under test, and the beginning of its digest."""
    attack: _Name = ""
    side: Literal[0, 1] = 0
    """Which of the agenda's roles is under test."""
    seed: int = 0
    """The same for all that is paired."""

    @property
    def key(self) -> str:
        """What tells it from all other cases."""
        return "|".join(str(value) for value in self.model_dump().values())


class Row(_Value):
    """What came of a case, in values only."""

    case: Case
    missing: Missing | None = None
    """Whose fault it is that there is no result. Then no verdict is `no`."""
    verdicts: Annotated[dict[_Key, Verdict], Field(max_length=_MOST_KEYS)] = {}
    numbers: Annotated[dict[_Key, float | None], Field(max_length=_MOST_KEYS)] = {}
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    calls: Annotated[int, Field(ge=0)] = 0
    tokens: Annotated[int, Field(ge=0)] = 0
    usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = 0.0
    """None: nobody knows."""
