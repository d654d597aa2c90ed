"""What is told at the hatch to whoever handed in two sealed briefs.

Covered: nothing but turns, how the run ended, and what it releases. Not covered: who hears it; see `sandbox.hatch`.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.types import Base64Bytes

from graphs.state import Progress


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Refused(_Told):
    """The briefs cannot be used. The box is still open."""

    kind: Literal["refused"] = "refused"
    why: str


class Turn(_Told):
    """A turn begins."""

    kind: Literal["turn"] = "turn"
    turn: int
    round: int
    rounds: int
    to_move: str

    @property
    def progress(self) -> Progress:
        """The same as it is observed."""
        return Progress(self.turn, self.round, self.rounds, self.to_move)


class Finished(_Told):
    """The run is over."""

    kind: Literal["finished"] = "finished"
    code: int
    """The exit code that says how."""
    said: str
    """What cut it short, if something did."""
    agreement: Base64Bytes = b""
    """Empty if nothing was released."""
    statement: Base64Bytes = b""
    """Signed."""


Told: TypeAlias = Annotated[Refused | Turn | Finished, Field(discriminator="kind")]
TOLD: TypeAdapter[Told] = TypeAdapter(Told)
