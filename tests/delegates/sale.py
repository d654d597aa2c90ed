"""A sale with one principal's brief: numbers that nothing else in the tests contains, so that a search finds them."""

from typing import Any

from bargaining.agenda import Agenda
from bargaining.issue import BooleanIssue, CategoricalIssue, IntegerIssue
from bargaining.mandate import BoundMandate
from bargaining.move import Move, Offer
from bargaining.table import Table, View
from bargaining.utility import UtilityFunction
from delegates.brief import Brief

RESERVATION = 1873
LIMIT = 9400
AGENDA = Agenda(
    title="A used truck",
    roles=("seller", "buyer"),
    issues=(
        IntegerIssue(name="price", minimum=8000, maximum=15000, step=100, unit="EUR"),
        CategoricalIssue(name="handover", options=("this week", "next month")),
        BooleanIssue(name="delivered"),
    ),
    rounds=8,
    message_characters=200,
)
BEST = {"price": 15000, "handover": "this week", "delivered": False}
FAIR = {"price": 14000, "handover": "this week", "delivered": False}
LOW = {"price": 9300, "handover": "this week", "delivered": False}
"""Below the price limit."""
POOR = {"price": 9400, "handover": "next month", "delivered": True}
"""At the price limit and below the reservation value."""


def brief(**changes: Any) -> Brief:
    """The seller's brief. A change to None removes a field."""
    content = {
        "narrative": "I drove this truck for six years and want to be rid of it before the winter comes.",
        "facts": [
            {"text": "The clutch slips when it is cold.", "disclosure": "never", "keywords": ["clutch"]},
            {"text": "There is a dent in the left door.", "disclosure": "if_asked"},
            {"text": "The tyres are new.", "disclosure": "free"},
        ],
        "preferences": {
            "issues": {
                "price": {"points": {8000: 0, 15000: 7000}},
                "handover": {"scores": {"this week": 900, "next month": 0}},
                "delivered": {"scores": {False: 700, True: 0}},
            }
        },
        "mandate": {"conditions": [{"at_least": {"price": LIMIT}}], "reservation_value": RESERVATION},
        "outside_options": ["The dealer in Linz takes the truck for 9,150."],
        **changes,
    }
    return Brief.model_validate({name: value for name, value in content.items() if value is not None})


BRIEF = brief()
assert BRIEF.preferences is not None
UTILITY = UtilityFunction(BRIEF.preferences, AGENDA)
MANDATE = BoundMandate(BRIEF.mandate, AGENDA, UTILITY)


def offer(terms: dict[str, Any], message: str = "", agenda: Agenda = AGENDA) -> Offer:
    """An offer of these terms."""
    return Offer(outcome=agenda.space.outcome(terms), message=message)


def view(*moves: Move, agenda: Agenda = AGENDA, seconds_left: float | None = None) -> View:
    """What the side whose turn it is sees after these moves, the seller's first."""
    table = Table(agenda)
    for move in moves:
        table = table.add(move)
    return View(table, table.to_move, seconds_left)
