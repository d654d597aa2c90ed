"""The job as ours takes it: an agenda, and briefs with preferences and a mandate."""

from functools import cache

from bargaining.agenda import Agenda
from bargaining.issue import IntegerIssue
from bargaining.mandate import Mandate
from bargaining.utility import Preferences
from benchmarks.orchestration.job import (
    BACKGROUND,
    FREE_MONTHS,
    MOVES,
    RENTS,
    SIDES,
    TERMS,
    TITLE,
    Side,
    narrative,
    secret,
)
from delegates.brief import Brief, Fact

# Each side has a turn left after the move that accepts, so that nothing is forced by the deadline.
_ROUNDS = MOVES // 2 + 1


@cache
def agenda() -> Agenda:
    """The public part, the same in every negotiation."""
    return Agenda(
        title=TITLE,
        description=BACKGROUND,
        roles=SIDES,
        issues=(
            _issue("rent", RENTS, "hundred EUR a month"),
            _issue("term", TERMS, "months"),
            _issue("free_months", FREE_MONTHS, "months"),
        ),
        rounds=_ROUNDS,
        deadlock_rounds=None,
    )


def briefs(case: str) -> dict[str, Brief]:
    """The private parts. Only the narrative differs from one negotiation to the next."""
    return {side: _brief(case, side) for side in SIDES}


def _brief(case: str, side: Side) -> Brief:
    preferences, mandate, keywords = _private(side)
    fact = Fact(text=secret(side), disclosure="never", keywords=keywords)
    return Brief(narrative=narrative(case, side), facts=(fact,), preferences=preferences, mandate=mandate)


@cache
def _private(side: Side) -> tuple[Preferences, Mandate, tuple[str, ...]]:
    low, high = RENTS[0], RENTS[-1]
    if side == "landlord":
        issues = {
            "rent": {"weight": "0.3", "points": {low: 0, high: 100}},
            "term": {"weight": "0.6", "points": {12: 0, 60: 100}},
            "free_months": {"weight": "0.1", "points": {0: 100, 6: 0}},
        }
        limit, keywords = {"at_least": {"rent": 24}}, ("quarrel", "nobody else")
    else:
        issues = {
            "rent": {"weight": "0.3", "points": {low: 100, high: 0}},
            "term": {"weight": "0.1", "points": {12: 100, 60: 0}},
            "free_months": {"weight": "0.6", "points": {0: 0, 6: 100}},
        }
        limit, keywords = {"at_most": {"rent": 38}}, ("ends soon", "cannot be renewed")
    mandate = {"conditions": [limit], "reservation_value": 30}
    return Preferences.model_validate({"issues": issues}), Mandate.model_validate(mandate), keywords


def _issue(name: str, values: range, unit: str) -> IntegerIssue:
    return IntegerIssue(name=name, minimum=values[0], maximum=values[-1], step=values.step, unit=unit)
