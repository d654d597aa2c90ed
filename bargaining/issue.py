"""Issues: what is negotiated, and which values each issue can take.

Covered: named options, an integer grid with a unit, yes or no.
Not covered: continuous values. Choose a step: an agreement is one of countably many outcomes, so that what it
can reveal is bounded and counted.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator

from bargaining.errors import InvalidInputError

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

    def coarsen(self, factor: int) -> Self:  # noqa: ARG002  # for issues with a scale
        """The issue on a coarser grid, every value of which is one of this grid.

        Every `factor`-th value is kept. Where that cannot keep both ends, it leaves out as much at the one as
        at the other (if it cannot be equal, one step more at the upper): to keep one end would favour whoever
        likes that end. A factor beyond the length leaves the middle. An issue without an order stays as it is.

        Raises:
            InvalidInputError: The factor is below 1.
        """
        return self


class CategoricalIssue(_Issue):
    """An issue with named options, in the order given."""

    kind: Literal["categorical"] = "categorical"
    options: tuple[Annotated[StrictStr, Field(min_length=1, max_length=60, pattern=PRINTABLE)], ...] = Field(
        min_length=1, max_length=10_000
    )
    ordered: StrictBool = False
    """Whether the options lie on a scale, so that neighbours are alike. Levels of a share are; names are not."""

    @model_validator(mode="after")
    def _distinct(self) -> "CategoricalIssue":
        if len(set(self.options)) != len(self.options):
            raise ValueError("two options have the same name")
        return self

    @property
    def values(self) -> Sequence[Value]:
        """All values, in index order."""
        return self.options

    def coarsen(self, factor: int) -> Self:
        """Every `factor`-th option, if they are ordered; see above."""
        if not self.ordered:
            return self
        kept = tuple(self.options[place] for place in _thinned(len(self.options), factor))
        return self.model_copy(update={"options": kept})


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
    def ordered(self) -> bool:
        """Always."""
        return True

    @property
    def values(self) -> Sequence[Value]:
        """All values, in index order (a `range`: nothing is stored)."""
        return range(self.minimum, self.maximum + 1, self.step)

    def coarsen(self, factor: int) -> Self:
        """Every `factor`-th number; see above."""
        places = _thinned(len(self.values), factor)
        low, high = (self.minimum + place * self.step for place in (places[0], places[-1]))
        return self.model_copy(update={"minimum": low, "maximum": high, "step": self.step * factor})


class BooleanIssue(_Issue):
    """A yes-or-no issue; `false` comes first."""

    kind: Literal["boolean"] = "boolean"

    @property
    def ordered(self) -> bool:
        """Never: there is nothing between yes and no."""
        return False

    @property
    def values(self) -> Sequence[Value]:
        """All values, in index order."""
        return (False, True)


def _thinned(length: int, factor: int) -> range:
    if factor < 1:
        raise InvalidInputError("coarsen by a whole number of at least 1, which changes nothing")
    return range((length - 1) % factor // 2, length, factor)


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
