"""What a supervisor and a box say to each other: the job, and how it goes. Briefs travel sealed, beside it.

Covered: everything that a box says is a number or one of a few words; nothing else is understood.
"""

from fractions import Fraction
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from bargaining.agenda import Agenda
from bargaining.mandate import Limits
from delegates.budget import Budget
from delegates.models.spec import parse
from delegates.prompt import PromptPack
from graphs.state import Ending
from sandbox.seating import Seat, Seating

MOST = 10**12
"""No count is higher."""
Count: TypeAlias = Annotated[int, Field(ge=0, le=MOST)]

LARGEST_BYTES = 4 * 2**20
"""A job, or a sealed brief."""
LARGEST_SAID_BYTES = 4096
"""One thing that a box says."""

Fault: TypeAlias = Literal[
    "ModelUnavailableError",
    "ModelTransientError",
    "ModelReplyError",
    "LimitReachedError",
    "InvalidInputError",
    "SealError",
    "UnforeseenError",
]
"""What can cut a run short, by the name of the error."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Pack(_Message):
    """A prompt pack that has been read and checked."""

    name: str
    description: str
    version: str
    digest: str
    sources: dict[str, str]

    @classmethod
    def of(cls, pack: PromptPack) -> "Pack":
        """From a loaded one."""
        return cls(
            name=pack.name,
            description=pack.description,
            version=pack.version,
            digest=pack.digest,
            sources=dict(pack.sources),
        )


class Place(_Message):
    """Who acts for one side."""

    model: str
    """A spec."""
    prompts: Pack
    advised: bool

    @classmethod
    def of(cls, seat: Seat, protocol: str) -> "Place":
        """From a seat, with the prompts that suit a protocol: a closed box cannot read others."""
        return cls(
            model=str(seat.model), prompts=Pack.of(seat.prompts.suited(protocol)), advised=seat.advised
        )

    @property
    def seat(self) -> Seat:
        """The same as a seat."""
        return Seat(parse(self.model), PromptPack(**self.prompts.model_dump()), self.advised)


class Job(_Message):
    """All of a run that is no secret."""

    run: str
    """The run's name; the briefs are sealed to it."""
    agenda: Agenda
    places: dict[str, Place]
    mediator: str | None = None
    """The spec of the model that mediates."""
    models: tuple[str, ...] = ()
    """The specs that the broker opens, in the order of its list."""
    seed: int = 0
    limits: Limits = Limits()
    """On both sides together."""

    def seating(self, budget: Budget) -> Seating:
        """Who is to be seated, paid for by this budget."""
        seats = {role: place.seat for role, place in self.places.items()}
        return Seating(seats, parse(self.mediator) if self.mediator else None, budget, self.seed)


class Ready(_Message):
    """The box is closed and waits for its job."""

    kind: Literal["ready"] = "ready"
    key: str
    """The public key that briefs have to be sealed to, as JSON."""
    landlock: Count = 0
    """The version of Landlock that closes the box; 0 if there is none."""
    seccomp: bool = False


class Spending(_Message):
    """What the models have taken so far."""

    calls: Count = 0
    input_tokens: Count = 0
    cached_tokens: Count = 0
    output_tokens: Count = 0
    usd: Fraction | None = None
    estimated: bool = False


class Turn(_Message):
    """A turn begins."""

    kind: Literal["turn"] = "turn"
    turn: Count
    round: Count
    role: Annotated[int, Field(ge=0, le=2)]
    """Which role's turn it is, by its place in the agenda; 2: both sides'."""
    spent: Spending


class Ended(_Message):
    """The negotiation is over, and its record written."""

    kind: Literal["ended"] = "ended"
    ending: Ending | None
    fault: Fault | None
    counters: dict[str, dict[str, Count]]
    spent: Spending


Said: TypeAlias = Annotated[Ready | Turn | Ended, Field(discriminator="kind")]
"""All that a box can say to its supervisor."""
