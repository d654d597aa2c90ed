"""How much a result can tell the world, whatever happened in the negotiation."""

from math import log2

from bargaining.agenda import Agenda


def export_bits(agenda: Agenda) -> float:
    """The most bits that one result can carry: one of the agenda's outcomes, or no deal.

    An upper bound: `log2(outcomes + 1)` for a result of fixed size, released at a fixed time.
    """
    return log2(agenda.space.size + 1)
