"""What leaves a negotiation: the terms agreed, or that there was no deal. Nothing else.

No reason, no number of rounds, no message: each of those would tell something about the briefs.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from bargaining.agenda import Agenda
from bargaining.issue import Value


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Agreement(_Result):
    """Both sides agreed."""

    kind: Literal["agreement"] = "agreement"
    terms: dict[str, Value]
    """What each issue of the agenda is settled on."""


class NoDeal(_Result):
    """They did not, for whatever reason."""

    kind: Literal["no_deal"] = "no_deal"


Result: TypeAlias = Annotated[Agreement | NoDeal, Field(discriminator="kind")]
"""The only two ways in which a negotiation ends."""


def check(result: Agreement | NoDeal, agenda: Agenda) -> None:
    """Check that a result is one that the agenda admits.

    Raises:
        InvalidOutcomeError: The terms are not an outcome of the agenda. No value is repeated.
    """
    if isinstance(result, Agreement):
        agenda.space.outcome(result.terms)
