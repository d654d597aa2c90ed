"""Where to go next: pure functions from the public state to the name of a node."""

from typing import Literal

from graphs.state import State

REFUSALS = 3
"""How many refused moves one turn may take; then the turn passes."""


def after_turn(state: State) -> Literal["turn", "settle"]:
    """On until somebody accepts or leaves, or no turn or no time is left."""
    return "settle" if state["ending"] == "time over" or state["table"].is_over else "turn"
