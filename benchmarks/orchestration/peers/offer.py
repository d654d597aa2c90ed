"""A move as a pydantic model, for frameworks that want a type."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Offer(BaseModel):
    """One move of the negotiation."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["offer", "accept"]
    rent: int
    term: int
    free_months: int
    message: str
