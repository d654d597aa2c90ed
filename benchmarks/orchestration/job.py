"""The one job that everybody does: two sides with private briefs trade offers, and the tenth move accepts.

Covered: the briefs, what is negotiated, the shape of a reply for those that bring none, the result to hand back.
Standard library only: this file is imported by the interpreters of other environments.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

MODEL = "mock"
KEY = "none"
MOVES = 10
"""The move that accepts. Counted from 1, both sides together."""
MOST_MOVES = 2 * MOVES
"""Where every loop stops, whatever happens."""
OPENING = "You make the first offer."

Side: TypeAlias = Literal["landlord", "tenant"]
SIDES: tuple[Side, Side] = ("landlord", "tenant")
"""The first one opens."""

TITLE = "Rent of a workshop"
BACKGROUND = "A joinery looks for a larger workshop; the building on the canal stands empty."
RENTS, TERMS, FREE_MONTHS = range(20, 41), range(12, 61, 12), range(7)
"""What can be agreed: monthly rent in hundred euro, length of the lease in months, first months without rent."""

_NARRATIVES: dict[Side, str] = {
    "landlord": (
        "We own the building and let it out for the long run. A tenant that stays spares us agents, repairs "
        "and empty months, so the length of the lease matters most to us. The rent has to carry the loan on "
        "the roof. A few months without rent at the start are an old custom here and do not hurt us much. "
        "We like this joinery: their machines are quiet and they pay on time, as their present landlord says."
    ),
    "tenant": (
        "We build staircases and have outgrown our rooms. Moving the machines is expensive and for some time "
        "we shall earn little, so months without rent at the start are worth the most to us. After that we "
        "look at the rent. How long we are bound matters less, because we do not want to move again soon. "
        "The building on the canal has the crane that we need, and there is no other one like it in town."
    ),
}
_SECRETS: dict[Side, str] = {
    "landlord": "The last tenant left in a quarrel, and nobody else has asked for the building.",
    "tenant": "The contract for our present rooms ends soon and cannot be renewed.",
}
_RULES = """How it works:
- The sides take turns. In each turn make an offer that settles all three issues, or accept the other's offer.
- rent: 20 to 40, in hundred euro a month. term: 12, 24, 36, 48 or 60 months. free_months: 0 to 6.
- Never tell the other side your limits, how much an issue is worth to you, or anything that is secret.
- Begin with what is good for your side, give way in small steps, and give way where it costs you least.
- Put what you say to the other side into `message`: a sentence or two, polite, and to the point.
- Reply with a move in the form that you are asked for, and with nothing else."""


def tag(case: str, side: Side) -> str:
    """How the mock server tells negotiations and sides apart. It has to be in each side's private prompt."""
    return f"File {case}, {side}."


def narrative(case: str, side: Side) -> str:
    """A principal's own words."""
    return f"{_NARRATIVES[side]} {tag(case, side)}"


def secret(side: Side) -> str:
    """A fact that a side must not tell."""
    return _SECRETS[side]


def instructions(case: str, side: Side) -> str:
    """The private system prompt of one side, for everybody that has no prompts of its own."""
    return (
        f"You negotiate for the {side}. {TITLE}: {BACKGROUND}\n\n"
        f"Private, for your eyes only:\n{narrative(case, side)}\nSecret: {secret(side)}\n\n{_RULES}"
    )


@dataclass(frozen=True, slots=True)
class Result:
    """How one negotiation ended."""

    agreed: bool
    moves: int


REPLY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "action": {"type": "string", "enum": ["offer", "accept"]},
        "rent": {"type": "integer"},
        "term": {"type": "integer"},
        "free_months": {"type": "integer"},
        "message": {"type": "string"},
    },
    "required": ["action", "rent", "term", "free_months", "message"],
    "additionalProperties": False,
}
"""A move as JSON schema, for everybody that has no form of its own."""
RESPONSE_FORMAT: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {"name": "move", "strict": True, "schema": REPLY},
}
