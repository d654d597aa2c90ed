"""The single negotiating text: which texts were put before the sides, who signed them, and who sees what of it.

A mediator puts one complete text a round before both sides, and each answers in private whether it would sign it
(the procedure goes back to Fisher, who used it at Camp David in 1978; Raiffa, *The Art and Science of
Negotiation*, 1982, ch. 14). A yes is a signature and stays one: a later no to the same text only says that the
side hopes for more by then.

Covered: a side's view holds the agenda, the texts so far and its own answers, never the other side's answers or
the mediator's draft. Not covered: what follows from the texts themselves. A mediator that stays near a text tells
both sides that both have signed it; and a side can time how long the other takes to answer. Nor is honesty
rewarded: who asks for much from the start, and keeps to it, gets more of a deal or none.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bargaining.agenda import Agenda
from bargaining.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Ballot:
    """Who signed the text of one round. For the mediator and the referee; no side sees it."""

    round: int
    """Counted from 1."""
    text: Outcome
    signed: frozenset[str] = field(repr=False)
    """The roles whose yes counts."""


@dataclass(frozen=True, slots=True)
class TextView:
    """What a side sees when it is asked: the texts so far and its own answers. Nothing of the other side's."""

    agenda: Agenda
    role: str
    round: int
    """Counted from 1."""
    texts: tuple[Outcome, ...]
    """Oldest first; the last one is what it is asked about."""
    answers: tuple[bool, ...] = field(repr=False)
    """Its own, to the texts before the last one: whether its yes counted."""
    seconds_left: float | None = None

    @property
    def text(self) -> Outcome:
        """The text that it is asked about."""
        return self.texts[-1]


@dataclass(frozen=True, slots=True)
class MediatorView:
    """What the mediator sees: the texts so far, and who signed them. Nothing of a brief."""

    agenda: Agenda
    round: int
    """Counted from 1."""
    ballots: tuple[Ballot, ...]
    """Oldest first. A round in which the mediator put nothing legal before the sides has none."""
    seconds_left: float | None = None


class Signatures:
    """Who has signed which text, and up to which round it stood by it.

    The draft is the text that both sides have signed with the highest product of the two rounds; of several the
    one with the lowest index. Where bars rise alike, a round stands for a share of what a side can gain, so that
    this is the Nash product as far as the answers tell it.
    """

    def __init__(self, agenda: Agenda, ballots: Iterable[Ballot] = ()) -> None:
        self._agenda = agenda
        self._stood: dict[int, dict[str, int]] = {}
        self._refused: dict[int, set[str]] = {}
        self._draft: int | None = None
        for ballot in ballots:
            self.note(ballot)

    def __contains__(self, index: object) -> bool:
        return index in self._stood

    def note(self, ballot: Ballot) -> None:
        """Take in the answers of the next round."""
        index = self._agenda.space.index(ballot.text)
        stood = self._stood.setdefault(index, {})
        refused = self._refused.setdefault(index, set())
        for role in self._agenda.roles:
            if role in ballot.signed:
                stood[role] = ballot.round
                refused.discard(role)
            else:
                refused.add(role)
        # what a text has reached is never lost, so only this one can have overtaken the draft
        if len(stood) == 2 and (self._draft is None or self._rank(index) > self._rank(self._draft)):
            self._draft = index

    @property
    def draft(self) -> int | None:
        """The index of the best text that both sides have signed, if there is one."""
        return self._draft

    @property
    def refused(self) -> frozenset[int]:
        """The texts to which some side's latest answer was no."""
        return frozenset(index for index, roles in self._refused.items() if roles)

    def promising(self, round: int) -> int | None:  # noqa: A002  # as the ballot calls it
        """The text signed by both that could overtake the draft by most, if it were asked about in a round."""
        if self._draft is None:
            return None
        best, least = None, self._product(self._draft)
        for index, stood in self._stood.items():
            refused = self._refused[index]
            if len(stood) < 2 or len(refused) == 2:
                continue
            hope = 1
            for role, reached in stood.items():
                hope *= reached if role in refused else round
            if hope > least and (best is None or (hope, *self._rank(index)) > best):
                best = (hope, *self._rank(index))
        return None if best is None else -best[-1]

    def _product(self, index: int) -> int:
        first, second = self._stood[index].values()
        return first * second

    def _rank(self, index: int) -> tuple[int, int]:
        return self._product(index), -index
