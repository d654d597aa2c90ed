"""Mediators that follow a rule: what text to put before the sides next, from their answers alone.

Covered: plain random mutation of the draft (Klein, Faratin, Sayama and Bar-Yam, "Negotiating complex contracts",
*Group Decision and Negotiation* 12, 2003), and hill climbing that learns what both sides like.
Not covered: briefs. A mediator knows the agenda and the answers, nothing else. Seeded: the same answers always
get the same texts.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Protocol

from bargaining.agenda import Agenda
from bargaining.outcome import Outcome
from bargaining.taste import Taste
from bargaining.text import MediatorView, Signatures

_NEAR, _FAR = 60, 20
"""How many texts near the draft, and anywhere, are compared by what the sides seem to like."""
_CHANGES = (1, 1, 2, 2, 3)
"""How many issues of the draft are changed: mostly one or a pair."""
_TRIES = 20
_SHARES = 10_000


class Mediation(Protocol):
    """A rule for what to propose."""

    def propose(self, view: MediatorView) -> Outcome | None:
        """The next text; None if there is nothing left to try. Called once a round at most."""
        ...


class RandomMutation:
    """Changes one issue of the draft at random; before there is one, proposes anything."""

    def __init__(self, agenda: Agenda, seed: int = 0) -> None:
        self._space = agenda.space
        self._random = Random(seed)  # noqa: S311 - a search, not a secret
        self._signed = Signatures(agenda)
        self._noted = 0

    def propose(self, view: MediatorView) -> Outcome | None:
        """A neighbour of the draft."""
        for ballot in view.ballots[self._noted :]:
            self._signed.note(ballot)
        self._noted = len(view.ballots)
        if (draft := self._signed.draft) is None:
            return self._space.at(self._random.randrange(self._space.size))
        return self._space.at(
            self._space.index_at(_mutated(self._space.digits(draft), 1, self._space.lengths, self._random))
        )


class HillClimbing:
    """Climbs from the draft by single and pairwise changes, half of them guided by what both sides seem to like.

    Rounds alternate between a random change of one issue (before there is a draft, anything at all) and the text
    that promises most to the side that it promises less to. From half of the rounds on, every third asks again
    about a text that both have signed: who stands by it longer tells which of such texts is worth more.
    """

    def __init__(self, agenda: Agenda, seed: int = 0) -> None:
        self._agenda, self._space = agenda, agenda.space
        self._random = Random(seed)  # noqa: S311 - a search, not a secret
        self._signed = Signatures(agenda)
        self._tastes = {role: Taste(agenda) for role in agenda.roles}
        self._noted = 0

    def propose(self, view: MediatorView) -> Outcome | None:
        """The next text, mostly one that was not proposed yet; None if all others were refused."""
        for ballot in view.ballots[self._noted :]:
            self._signed.note(ballot)
            digits = self._space.digits_of(ballot.text)
            for role, taste in self._tastes.items():
                taste.learn(digits, ballot.round, liked=role in ballot.signed)
        self._noted = len(view.ballots)
        index = self._next(view.round)
        return None if index is None else self._space.at(index)

    def _next(self, round: int) -> int | None:  # noqa: A002  # as the view calls it
        late = 2 * round > self._agenda.rounds
        if late and round % 3 == 0 and (again := self._signed.promising(round)) is not None:
            return again
        if round % 2 and (changed := self._mutation()) is not None:
            return changed
        if (liked := self._liked()) is not None:
            return liked
        untried = self._untried()
        return self._signed.promising(round) if untried is None else untried

    def _mutation(self) -> int | None:
        """A text that nobody was asked about, one change away from the draft; without a draft, any."""
        draft = self._signed.draft
        digits = None if draft is None else self._space.digits(draft)
        for _ in range(_TRIES):
            if digits is None:
                index = self._random.randrange(self._space.size)
            else:
                index = self._space.index_at(_mutated(digits, 1, self._space.lengths, self._random))
            if index not in self._signed:
                return index
        return None

    def _liked(self) -> int | None:
        """Of some texts that nobody refused, the one that the side it suits less seems to like most."""
        tried = self._signed.refused | {self._signed.draft}
        found = {self._space.index_at(digits): digits for digits in self._some()}
        ranked = [(self._promise(digits), -index) for index, digits in found.items() if index not in tried]
        return -max(ranked)[1] if ranked else None

    def _promise(self, digits: Sequence[int]) -> int:
        shares = [taste.score(digits) * _SHARES // taste.scale for taste in self._tastes.values()]
        return 4 * min(shares) + sum(shares)

    def _some(self) -> Iterator[tuple[int, ...]]:
        lengths, draft = self._space.lengths, self._signed.draft
        if draft is not None:
            digits = self._space.digits(draft)
            for _ in range(_NEAR):
                yield _mutated(digits, self._random.choice(_CHANGES), lengths, self._random)
        for _ in range(_FAR if draft is not None else _NEAR):
            yield tuple(self._random.randrange(length) for length in lengths)

    def _untried(self) -> int | None:
        """The lowest text that nobody was asked about: in a small space there may be few left."""
        return next((index for index in range(self._space.size) if index not in self._signed), None)


def _mutated(digits: Sequence[int], changes: int, lengths: Sequence[int], random: Random) -> tuple[int, ...]:
    changed = list(digits)
    for place in random.sample(range(len(lengths)), min(changes, len(lengths))):
        if lengths[place] > 1:  # one of the other values
            changed[place] = (changed[place] + random.randrange(1, lengths[place])) % lengths[place]
    return tuple(changed)
