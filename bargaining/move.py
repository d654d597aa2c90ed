"""Moves: what a delegate may do when it is its turn. All of them are public once they are on the table."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from bargaining.outcome import Outcome


class _Move(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True
    )

    message: str = ""
    """Cheap talk: free text that the other side reads and that binds nobody."""


class Offer(_Move):
    """Put an outcome on the table. It replaces the mover's earlier offer."""

    kind: Literal["offer"] = "offer"
    outcome: Outcome


class Accept(_Move):
    """Accept one of the other side's standing offers, by the number of its entry on the table."""

    kind: Literal["accept"] = "accept"
    offer: StrictInt


class WalkAway(_Move):
    """End the negotiation without a deal."""

    kind: Literal["walk_away"] = "walk_away"


class Pass(_Move):
    """A turn in which nothing was put on the table: the referee refused every move that was tried."""

    kind: Literal["pass"] = "pass"


Move: TypeAlias = Annotated[Offer | Accept | WalkAway | Pass, Field(discriminator="kind")]
