"""Tactics: classical ways to negotiate without a language model.

Covered: time-based concession (Faratin, Sierra and Jennings, "Negotiation decision functions for autonomous
agents", 1998), tit-for-tat (after the same), MiCRO (de Jonge, "An analysis of the linear bilateral ANAC
domains using the MiCRO benchmark strategy", IJCAI 2022), acceptance by the next own offer (AC_next: Baarslag,
Hindriks and Jonker, "Acceptance conditions in automated negotiation", 2013).
Not covered: messages. A tactic says nothing beside its moves.

A tactic looks at nothing but the view and its principal's preferences and mandate, so the same history always
gets the same answer. It neither offers nor accepts what the mandate forbids.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from math import isfinite
from types import MappingProxyType
from typing import Protocol, TypeAlias

from bargaining.agenda import Agenda
from bargaining.bidding import Bidder
from bargaining.mandate import Allowed, BoundMandate
from bargaining.move import Accept, Move, Offer, WalkAway
from bargaining.opponent import FrequencyModel
from bargaining.outcome import Outcome
from bargaining.table import Entry, View
from bargaining.utility import UtilityFunction

Curve: TypeAlias = Callable[[Fraction], Fraction]
"""From the share of time that has passed to the share of the way from ceiling to floor that is conceded."""


def boulware(elapsed: Fraction) -> Fraction:
    """Hold out, and concede near the deadline."""
    return elapsed**4


def linear(elapsed: Fraction) -> Fraction:
    """Concede the same in every round."""
    return elapsed


def conceder(elapsed: Fraction) -> Fraction:
    """Concede early."""
    return 1 - (1 - elapsed) ** 3


BOULWARE: Curve = boulware
LINEAR: Curve = linear
CONCEDER: Curve = conceder


def aspiration(view: View, ceiling: Fraction, floor: Fraction, curve: Curve) -> Fraction:
    """The utility to ask for now: `ceiling` in the first round, `floor` in the last.

    A deadlock that brings the last round forward brings the floor forward with it. Where the agenda has a
    clock and the time left is known, whichever is further on counts. The only round counts as the last.
    """
    rounds = view.table.rounds
    elapsed = Fraction(min(view.table.round, rounds) - 1, rounds - 1) if rounds > 1 else Fraction(1)
    seconds, left = view.agenda.seconds, view.seconds_left
    if seconds is not None and left is not None and isfinite(left):
        elapsed = max(elapsed, 1 - Fraction(left) / seconds)
    return ceiling - (ceiling - floor) * curve(min(elapsed, Fraction(1)))


class Tactic(Protocol):
    """A way to negotiate."""

    def move(self, view: View) -> Move:
        """The next move, when it is the view's turn."""
        ...


class _Bidding(ABC):
    """What all tactics here share: when to accept and when to leave. A subclass says what to offer next."""

    def __init__(
        self, agenda: Agenda, utility: UtilityFunction, mandate: BoundMandate, seed: int = 0
    ) -> None:
        self._agenda, self._utility, self._mandate = agenda, utility, mandate
        self._bidder = Bidder(agenda, utility, mandate, seed)

    @abstractmethod
    def _next(self, view: View) -> Outcome:
        """The outcome to offer if nothing is accepted."""

    def move(self, view: View) -> Move:
        """Accept what is no worse than the next own offer, and in the last own turn whatever is allowed."""
        standing = self._acceptable(view)
        if standing is not None and view.table.round >= view.table.rounds:
            return Accept(offer=standing[0].number)
        if view.table.is_last_turn:
            # nobody would answer an offer
            return (
                WalkAway() if self._mandate.mandate.authority.walk_away else Offer(outcome=self._bidder.best)
            )
        following = self._next(view)
        if standing is not None:
            now, later = (
                view.table.round,
                view.table.round + 1,
            )  # the other side answers an offer in a later turn
            if self._utility.discounted(standing[1], now) >= self._utility.discounted(following, later):
                return Accept(offer=standing[0].number)
        return Offer(outcome=following)

    def _acceptable(self, view: View) -> tuple[Entry, Outcome] | None:
        entry = view.standing
        if entry is None or not isinstance(entry.move, Offer) or not self._mandate.mandate.authority.accept:
            return None
        outcome = entry.move.outcome
        return (entry, outcome) if isinstance(self._mandate.allows(outcome), Allowed) else None

    def _candidate(self, level: Fraction, received: tuple[Outcome, ...]) -> Outcome:
        model = FrequencyModel(self._agenda) if received else None
        for outcome in received if model else ():
            assert model is not None
            model.observe(outcome)
        return self._bidder.candidates(level, 1, model)[0]


class TimeBased(_Bidding):
    """Concedes with time, along a curve."""

    def __init__(
        self, curve: Curve, agenda: Agenda, utility: UtilityFunction, mandate: BoundMandate, seed: int = 0
    ) -> None:
        super().__init__(agenda, utility, mandate, seed)
        self._curve = curve

    def _next(self, view: View) -> Outcome:
        level = aspiration(view, self._bidder.ceiling, self._bidder.floor, self._curve)
        return self._candidate(level, view.table.offers(view.agenda.other(view.role)))


class TitForTat(_Bidding):
    """Concedes in total what the other side has conceded since its first offer, measured in own utility.

    Only a new high counts, so that going back and forth earns nothing; what was conceded is not taken back.
    """

    def _next(self, view: View) -> Outcome:
        received = view.table.offers(view.agenda.other(view.role))
        worth = [self._utility.value(outcome) for outcome in received]
        conceded = max(worth) - worth[0] if worth else Fraction(0)
        level = max(self._bidder.ceiling - conceded, self._bidder.floor)
        return self._candidate(level, received)


class MiCRO(_Bidding):
    """Offers its outcomes from the best down, a new one for each different offer of the other side.

    Otherwise it repeats its lowest offer. De Jonge picks an earlier offer at random there, but a free choice
    would be a covert channel.
    """

    def _next(self, view: View) -> Outcome:
        own = view.table.offers(view.role)
        mine, theirs = set(own), set(view.table.offers(view.agenda.other(view.role)))
        if len(mine) <= len(theirs):
            for rank in range(min(len(mine) + 1, len(self._bidder))):
                if (outcome := self._bidder.ranked(rank)) not in mine:
                    return outcome
        allowed = [outcome for outcome in own if isinstance(self._mandate.allows(outcome), Allowed)]
        return min(reversed(allowed), key=self._utility.value, default=self._bidder.best)


TACTICS: Mapping[str, Callable[[Agenda, UtilityFunction, BoundMandate, int], Tactic]] = MappingProxyType(
    {
        "boulware": partial(TimeBased, BOULWARE),
        "linear": partial(TimeBased, LINEAR),
        "conceder": partial(TimeBased, CONCEDER),
        "micro": MiCRO,
        "tit-for-tat": TitForTat,
    }
)
"""The tactics by name."""
