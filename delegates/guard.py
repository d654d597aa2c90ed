"""The guard: the last check before a move leaves its delegate. It does not ask a model.

Covered: mandate and authority, whether the move makes sense in this turn, and what the message says
(`delegates.secrecy`). Not covered: a message that misleads, flatters or threatens.
"""

import json
from collections.abc import Callable, Sequence
from typing import TypeAlias, assert_never

from bargaining.mandate import Allowed, BoundMandate, Denied
from bargaining.move import Accept, Move, Offer, Pass, WalkAway
from bargaining.outcome import Outcome
from bargaining.table import View
from bargaining.utility import UtilityFunction
from delegates.advisor import Advice
from delegates.fitting import Fitting
from delegates.secrecy import Secrets

Rule: TypeAlias = Callable[[Move, View, Advice], Allowed | Denied]
"""One thing that a move must satisfy. The reason of a denial is for the delegate's own model only."""


class Guard:
    """All rules together: those for moves, and those for the messages beside them.

    They are asked for separately, because a bad message does not spoil a good move.

    Args:
        rules: What a move must satisfy, whatever is said with it.
        wordings: What its message must satisfy.
    """

    def __init__(self, rules: Sequence[Rule], wordings: Sequence[Rule] = ()) -> None:
        if not rules:
            raise ValueError("a guard without rules guards nothing")
        self._rules = tuple(rules)
        self._wordings = tuple(wordings)

    def check(self, move: Move, view: View, advice: Advice) -> Allowed | Denied:
        """The first denial of the move, or Allowed. Its message is not looked at."""
        return _first_denial(self._rules, move, view, advice)

    def check_message(self, move: Move, view: View, advice: Advice) -> Allowed | Denied:
        """The first denial of the message beside the move, or Allowed."""
        return _first_denial(self._wordings, move, view, advice) if move.message else Allowed()


def _first_denial(rules: Sequence[Rule], move: Move, view: View, advice: Advice) -> Allowed | Denied:
    for rule in rules:
        verdict = rule(move, view, advice)
        if isinstance(verdict, Denied):
            return verdict
    return Allowed()


def outcome_of(move: Move, view: View) -> Outcome | None:
    """The outcome that a move proposes or settles on, if it does."""
    match move:
        case Offer():
            return move.outcome
        case Accept():
            standing = view.standing
            if standing is None or standing.number != move.offer or not isinstance(standing.move, Offer):
                return None
            return standing.move.outcome
        case WalkAway() | Pass():
            return None
        case _:
            assert_never(move)


def instead(advice: Advice) -> str:
    """What the advisor would do, as the end of a reason."""
    if advice.accept:
        return "; accept the offer on the table instead"
    return f"; offer these terms instead: {json.dumps(dict(advice.offers[0]))}" if advice.offers else ""


def within_mandate(mandate: BoundMandate) -> Rule:
    """What is offered or accepted must be inside the mandate, and the delegate must have the authority.

    A model with an advisor is not told which limit it hit: what it does not know it cannot say.
    """

    def rule(move: Move, view: View, advice: Advice) -> Allowed | Denied:
        authority = mandate.mandate.authority
        if isinstance(move, WalkAway) and not authority.walk_away:
            return Denied("you have no authority to walk away")
        if isinstance(move, Accept) and not authority.accept:
            return Denied("you have no authority to accept; make an offer instead")
        outcome = outcome_of(move, view)
        if outcome is None:
            return Denied("that offer is not on the table") if isinstance(move, Accept) else Allowed()
        verdict = mandate.allows(outcome)
        if isinstance(verdict, Denied) and advice.offers:
            return Denied("your side cannot agree to those terms" + instead(advice))
        return verdict

    return rule


def answerable(move: Move, view: View, advice: Advice) -> Allowed | Denied:
    """In the very last turn an offer goes unanswered: an acceptable offer must be taken instead."""
    if view.table.is_last_turn and advice.accept and not isinstance(move, Accept):
        return Denied("this is the last turn and nobody will answer: accept the offer on the table")
    return Allowed()


def patient(utility: UtilityFunction) -> Rule:
    """With an advisor: settle for nothing far below the aspiration level, and do not leave while there is time.

    In the last round, do not ask for much more either: nobody would have time to come down from it.
    """

    def rule(move: Move, view: View, advice: Advice) -> Allowed | Denied:
        if advice.least is None:
            return Allowed()
        if isinstance(move, WalkAway) and (advice.accept or not view.table.is_last_turn):
            return Denied("do not walk away: there is still something to gain" + instead(advice))
        outcome = outcome_of(move, view)
        if outcome is None or (isinstance(move, Accept) and advice.accept):
            return Allowed()
        if utility.value(outcome) < advice.least:
            return Denied("that gives away more than your advisor recommends in this round" + instead(advice))
        if isinstance(move, Offer) and advice.most is not None and utility.value(outcome) > advice.most:
            return Denied(
                "this is your last offer, and it asks for too much to end in a deal" + instead(advice)
            )
        return Allowed()

    return rule


def discreet(secrets: Secrets) -> Rule:
    """The message must not say what has to stay private."""

    def rule(move: Move, view: View, advice: Advice) -> Allowed | Denied:  # noqa: ARG001 - all rules look alike
        standing = view.standing.move if view.standing else None
        offered = [outcome_of(move, view), standing.outcome if isinstance(standing, Offer) else None]
        values = [value for outcome in offered if outcome for value in outcome.values()]
        if finding := secrets.found_in(move.message, values):
            return Denied(f"your message says {finding.label}; write it again without that")
        return Allowed()

    return rule


def fitting(terms: Fitting) -> Rule:
    """The message must name the terms of the move, or such as are on the table; with an acceptance, those accepted."""

    def rule(move: Move, view: View, advice: Advice) -> Allowed | Denied:  # noqa: ARG001 - all rules look alike
        own = outcome_of(move, view)
        named = [] if own is None else [own]
        if not isinstance(move, Accept):
            made = (entry.move for entry in reversed(view.table.entries))
            named += [offer.outcome for offer in made if isinstance(offer, Offer)]
        if issue := terms.misfit(move.message, named):
            return Denied(
                f"your message names a value for {issue} that is neither in your move nor on the table; "
                "write it again so that it fits your move"
            )
        return Allowed()

    return rule
