"""The agenda: the public part of a negotiation, which both sides and both delegates read."""

from collections.abc import Mapping
from functools import cached_property
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from bargaining.errors import InvalidInputError
from bargaining.issue import PRINTABLE, Issue, Name
from bargaining.outcome import EAGER_SIZE, OutcomeSpace

Protocol: TypeAlias = Literal["alternating_offers", "single_text"]
"""How a negotiation is run."""


class Agenda(BaseModel):
    """Roles, issues, deadline and what messages are allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    title: str = Field(min_length=1, max_length=120, pattern=PRINTABLE)
    description: str = Field(default="", max_length=4000)
    """Public background that both delegates read."""
    roles: tuple[Name, Name]
    """The two parties, by role. The first one opens."""
    issues: tuple[Issue, ...] = Field(min_length=1, max_length=64)
    rounds: StrictInt = Field(ge=1, le=1000)
    """The deadline: how many turns each side has, or how many texts the mediator may propose."""
    seconds: StrictInt | None = Field(default=None, ge=1, le=86_400)
    """The deadline by the clock, if there is one."""
    protocol: Protocol = "alternating_offers"
    """`alternating_offers`: the sides take turns to offer. `single_text`: a mediator proposes complete texts, and
    both sides answer in private whether they would sign."""
    settlement: Literal["as_agreed", "improved"] = "as_agreed"
    """`improved`: where both briefs have preferences and both delegates may accept, the box replaces what was
    agreed by an outcome that both sides value at least as much and one of them more, if there is one (Raiffa's
    post-settlement settlement). It believes the preferences that it is told: a side that overstates what it dislikes
    can gain by it, and terms that nobody named at the table can be signed."""
    offer_lifetime: StrictInt | None = Field(default=None, ge=1)
    """How many of the other side's turns an offer stays acceptable for. None: until it is replaced."""
    deadlock_rounds: StrictInt | None = Field(default=4, ge=2)
    """After so many rounds in which both sides only repeat themselves, the next is the last. None: never."""
    message_characters: StrictInt = Field(default=400, ge=0, le=4000)
    """The longest message beside a move. 0: no messages."""

    @model_validator(mode="after")
    def _distinct(self) -> "Agenda":
        if self.roles[0] == self.roles[1]:
            raise ValueError("the two roles have the same name")
        names = [issue.name for issue in self.issues]
        if len(set(names)) != len(names):
            raise ValueError("two issues have the same name")
        if self.settlement == "improved" and self.space.size > EAGER_SIZE:
            raise ValueError(
                "settlement: improved compares all outcomes, and there are too many; use larger steps"
            )
        return self

    @cached_property
    def space(self) -> OutcomeSpace:
        """All outcomes that the agenda admits."""
        return OutcomeSpace(self.issues)

    def other(self, role: str) -> str:
        """The counterpart's role."""
        first, second = self.roles
        return second if role == first else first

    def coarsen(self, factors: int | Mapping[str, int]) -> "Agenda":
        """The same agenda with fewer values to choose from; each of its outcomes is one of this agenda's.

        Args:
            factors: For each issue by name, of how many values one is kept; other issues stay as they are. One
                number means that for every issue with an order: integers and ordered options.

        Raises:
            InvalidInputError: A factor is below 1, or an issue is unknown or has no order.
        """
        if isinstance(factors, int):
            factors = {issue.name: factors for issue in self.issues if issue.ordered}
        for name in factors:
            if name not in self.space.issues:
                raise InvalidInputError(f"no issue to coarsen is called '{name}'; check the spelling")
            if not self.space.issues[name].ordered:
                raise InvalidInputError(
                    f"issue '{name}' has no order, so none of its values can stand for others"
                )
        issues = tuple(issue.coarsen(factors.get(issue.name, 1)) for issue in self.issues)
        # not model_copy: it would copy the cached space too
        fields = {name: getattr(self, name) for name in Agenda.model_fields}
        return Agenda.model_validate({**fields, "issues": issues})
