"""Tactics: classical ways to negotiate without a language model.

Covered: time-based concession (Faratin, Sierra and Jennings, "Negotiation decision functions for autonomous
agents", 1998), tit-for-tat (after the same), MiCRO (de Jonge, "An analysis of the linear bilateral ANAC
domains using the MiCRO benchmark strategy", IJCAI 2022), acceptance by the next own offer (AC_next: Baarslag,
Hindriks and Jonker, "Acceptance conditions in automated negotiation", 2013).
Not covered: messages. A tactic says nothing beside its moves.

A tactic looks at nothing but what it has seen of one negotiation and its principal's preferences and mandate, so
the same history always gets the same answer. It neither offers nor accepts what the mandate forbids.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import isfinite
from types import MappingProxyType
from typing import Protocol, TypeAlias

from bargaining.agenda import Agenda
from bargaining.bidding import Bidder
from bargaining.mandate import Allowed, BoundMandate
from bargaining.move import Accept, Move, Offer, WalkAway
from bargaining.opponent import OpponentModel
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


def steady(elapsed: Fraction) -> Fraction:
    """Concede slowly at first: the square of the share of the time that is over."""
    return elapsed**2


def conceder(elapsed: Fraction) -> Fraction:
    """Concede early."""
    return 1 - (1 - elapsed) ** 3


ADVANCE = Fraction(1, 4)
"""The share of the way from ceiling to floor that `TitForTat` goes by itself until the last round."""


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


@dataclass(frozen=True, slots=True)
class Plan:
    """What a tactic has in mind for a turn. It derives from the preferences, so it is as private as they are."""

    level: Fraction
    """The least own utility that it asks for in an offer."""
    offers: tuple[Outcome, ...]
    """What it would offer, best first; at least one."""
    accepts: bool
    """Whether it accepts the offer that stands."""
    move: Move
    """What it does."""

    def __repr__(self) -> str:
        return "<Plan: redacted>"


class _Bidding(ABC):
    """What all tactics here share: when to accept and when to leave. A subclass says what to offer next."""

    def __init__(
        self, agenda: Agenda, utility: UtilityFunction, mandate: BoundMandate, seed: int = 0
    ) -> None:
        self._utility, self._mandate = utility, mandate
        self._bidder = Bidder(agenda, utility, mandate, seed)
        self._opponent = OpponentModel(agenda)

    @property
    def range(self) -> tuple[Fraction, Fraction]:
        """The lowest and the highest own utility among the outcomes that it may offer."""
        return self._bidder.floor, self._bidder.ceiling

    @abstractmethod
    def _bid(self, view: View, count: int) -> tuple[Fraction, tuple[Outcome, ...]]:
        """The least own utility to ask for now, and what to offer, best first: at least one outcome."""

    def move(self, view: View) -> Move:
        """Accept what is no worse than the next own offer, and in the last own turn whatever is allowed."""
        return self.plan(view, 1).move

    def plan(self, view: View, count: int) -> Plan:
        """The next move, and up to `count` offers to choose from."""
        self._opponent.read(view)
        level, offers = self._bid(view, count)
        standing = self._acceptable(view, offers[0])
        if standing is not None:
            return Plan(level, offers, accepts=True, move=Accept(offer=standing.number))
        if not view.table.is_last_turn:
            return Plan(level, offers, accepts=False, move=Offer(outcome=offers[0]))
        # nobody would answer an offer, so that a low one would only show where the limits are
        leaves = self._mandate.mandate.authority.walk_away
        return Plan(
            level, offers, accepts=False, move=WalkAway() if leaves else Offer(outcome=self._bidder.best)
        )

    def better(self, outcome: Outcome, offers: Sequence[Outcome]) -> Outcome | None:
        """The first of these offers that is better for one side and no worse for the other, as far as one can tell."""
        if not self._opponent.knows:
            return None
        mine = self._utility.value(outcome)
        theirs, *likings = self._opponent.estimates((outcome, *offers))
        for offer, liking in zip(offers, likings, strict=True):
            worth = self._utility.value(offer)
            if worth >= mine and liking >= theirs and (worth > mine or liking > theirs):
                return offer
        return None

    def _acceptable(self, view: View, following: Outcome) -> Entry | None:
        """The standing offer, if it is worth as much now as the next own offer would be a round later."""
        entry = view.standing
        if entry is None or not isinstance(entry.move, Offer) or not self._mandate.mandate.authority.accept:
            return None
        outcome, now = entry.move.outcome, view.table.round
        if not isinstance(self._mandate.allows(outcome), Allowed):
            return None
        if now >= view.table.rounds:
            return entry
        worth, later = self._utility.discounted(outcome, now), self._utility.discounted(following, now + 1)
        return entry if worth >= later else None


class TimeBased(_Bidding):
    """Concedes with time, along a curve, down to the least that is allowed in the last round.

    Measured: to keep a tenth of the range in one's last offer earns 0.02 of it on average and costs two agreements
    in a hundred; where a single outcome is rational for both it costs the deal. So nothing is kept.
    """

    def __init__(
        self, curve: Curve, agenda: Agenda, utility: UtilityFunction, mandate: BoundMandate, seed: int = 0
    ) -> None:
        super().__init__(agenda, utility, mandate, seed)
        self._curve = curve
        _, self._lowest = self.range

    def _bid(self, view: View, count: int) -> tuple[Fraction, tuple[Outcome, ...]]:
        # never more than before, even if the last round was brought forward and put off again
        self._lowest = min(self._lowest, aspiration(view, self.range[1], self.range[0], self._curve))
        return self._lowest, self._bidder.candidates(self._lowest, count, self._opponent)


class TitForTat(_Bidding):
    """Concedes in total what the other side has conceded since its first offer, measured in own utility.

    Only a new high counts, so that going back and forth earns nothing; what was conceded is not taken back.
    With time it concedes a little more by itself, or two of its kind would never move: what the imitating
    tactics of Faratin et al. add at random, made even, since a free choice would be a covert channel.
    """

    def _bid(self, view: View, count: int) -> tuple[Fraction, tuple[Outcome, ...]]:
        floor, ceiling = self.range
        worth = [self._utility.value(outcome) for outcome in view.table.offers(view.agenda.other(view.role))]
        answered = max(worth) - worth[0] if worth else Fraction(0)
        unasked = ceiling - aspiration(view, ceiling, ceiling - ADVANCE * (ceiling - floor), linear)
        level = max(ceiling - answered - unasked, floor)
        return level, self._bidder.candidates(level, count, self._opponent)


class MiCRO(_Bidding):
    """Offers its outcomes from the best down, a new one for each different offer of the other side.

    Otherwise it repeats its lowest offer. De Jonge picks an earlier offer at random there, but a free choice
    would be a covert channel. It goes down by one outcome a round, so that it hardly moves where there are
    hundreds of thousands of outcomes and ten rounds: it was made for thousands of rounds.
    """

    def _bid(self, view: View, count: int) -> tuple[Fraction, tuple[Outcome, ...]]:  # noqa: ARG002 - it has only one
        following = self._following(view)
        return self._utility.value(following), (following,)

    def _following(self, view: View) -> Outcome:
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
        "boulware": partial(TimeBased, boulware),
        "linear": partial(TimeBased, linear),
        "conceder": partial(TimeBased, conceder),
        "micro": MiCRO,
        "steady": partial(TimeBased, steady),
        "tit-for-tat": TitForTat,
    }
)
"""The tactics by name. `steady` is what a delegate's advisor does; choose it if nothing speaks for another."""
