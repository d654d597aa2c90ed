"""Issues: what is negotiated, and which values each issue can take.

Covered: named options, an integer grid with a unit, yes or no.
Not covered: continuous values. Choose a step: an agreement is one of countably many outcomes, so that what it
can reveal is bounded and counted.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator

Value: TypeAlias = StrictBool | StrictInt | StrictStr
"""What one issue is settled on."""

_LARGEST = 10**15
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""One line of text that a terminal shows as it is: no control characters."""
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""How issues and roles are called: lower-case letters, digits and underscores."""


class _Issue(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Name
    description: str = Field(default="", max_length=400)
    """A public sentence that both delegates read."""


class CategoricalIssue(_Issue):
    """An issue with named options, in the order given."""

    kind: Literal["categorical"] = "categorical"
    options: tuple[Annotated[StrictStr, Field(min_length=1, max_length=60, pattern=PRINTABLE)], ...] = Field(
        min_length=1, max_length=10_000
    )

    @model_validator(mode="after")
    def _distinct(self) -> "CategoricalIssue":
        if len(set(self.options)) != len(self.options):
            raise ValueError("two options have the same name")
        return self

    @property
    def values(self) -> Sequence[Value]:
        """All values, in index order."""
        return self.options


class IntegerIssue(_Issue):
    """An issue on an integer grid: `minimum`, `minimum + step`, … `maximum`, in some unit."""

    kind: Literal["integer"] = "integer"
    minimum: StrictInt = Field(ge=-_LARGEST, le=_LARGEST)
    maximum: StrictInt = Field(ge=-_LARGEST, le=_LARGEST)
    step: StrictInt = Field(default=1, ge=1)
    unit: str = Field(default="", max_length=20, pattern=PRINTABLE)

    @model_validator(mode="after")
    def _grid(self) -> "IntegerIssue":
        if self.maximum < self.minimum:
            raise ValueError("maximum is below minimum")
        if (self.maximum - self.minimum) % self.step:
            raise ValueError("maximum is not on the grid: maximum - minimum must be a multiple of step")
        return self

    @property
    def values(self) -> Sequence[Value]:
        """All values, in index order (a `range`: nothing is stored)."""
        return range(self.minimum, self.maximum + 1, self.step)


class BooleanIssue(_Issue):
    """A yes-or-no issue; `false` comes first."""

    kind: Literal["boolean"] = "boolean"

    @property
    def values(self) -> Sequence[Value]:
        """All values, in index order."""
        return (False, True)


Issue: TypeAlias = Annotated[CategoricalIssue | IntegerIssue | BooleanIssue, Field(discriminator="kind")]


def index_of(issue: CategoricalIssue | IntegerIssue | BooleanIssue, value: object) -> int | None:
    """The position of a value on the issue's grid, or None if it is not on it.

    Types are strict: `True` is not 1 and `"9000"` is not 9000.
    """
    match issue:
        case BooleanIssue():
            return int(value) if isinstance(value, bool) else None
        case IntegerIssue():
            if not isinstance(value, int) or isinstance(value, bool):
                return None
            steps, off = divmod(value - issue.minimum, issue.step)
            return steps if not off and issue.minimum <= value <= issue.maximum else None
        case CategoricalIssue():
            if not isinstance(value, str):
                return None
            try:
                return issue.options.index(value)
            except ValueError:
                return None
