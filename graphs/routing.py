"""Where to go next: pure functions from the public state to the name of a node."""

from typing import Literal

from graphs.state import State

REFUSALS = 3
"""How many refused moves one turn may take; then the turn passes."""


def after_turn(state: State) -> Literal["referee", "settle"]:
    """A move goes to the referee; time that ran out goes to the settlement."""
    return "settle" if state["ending"] == "time over" else "referee"


def after_referee(state: State) -> Literal["turn", "settle"]:
    """On until somebody accepts or leaves, or no turn is left."""
    return "settle" if state["table"].is_over else "turn"
