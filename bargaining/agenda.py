"""The agenda: the public part of a negotiation, which both sides and both delegates read."""

from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from bargaining.issue import PRINTABLE, Issue, Name
from bargaining.outcome import OutcomeSpace


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
    """The deadline: how many turns each side has."""
    seconds: StrictInt | None = Field(default=None, ge=1, le=86_400)
    """The deadline by the clock, if there is one."""
    protocol: Literal["alternating_offers"] = "alternating_offers"
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
        return self

    @cached_property
    def space(self) -> OutcomeSpace:
        """All outcomes that the agenda admits."""
        return OutcomeSpace(self.issues)

    def other(self, role: str) -> str:
        """The counterpart's role."""
        first, second = self.roles
        return second if role == first else first
