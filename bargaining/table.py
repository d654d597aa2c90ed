"""The public table: every move so far, and what follows from them. Both sides read all of it."""

from dataclasses import dataclass, replace

from bargaining.agenda import Agenda
from bargaining.move import Accept, Move, Offer, WalkAway
from bargaining.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Entry:
    """One move on the table."""

    number: int
    """Counts from 0 over both sides: the opener moves at 0, 2, 4 …"""
    role: str
    move: Move


@dataclass(frozen=True, slots=True)
class Table:
    """An immutable record of one negotiation by alternating moves."""

    agenda: Agenda
    entries: tuple[Entry, ...] = ()
    last_round: int = 0
    """The number of the last round, counted from 1; a deadlock brings it forward. 0 means the agenda's."""

    @property
    def rounds(self) -> int:
        """How many rounds there are, after any deadlock."""
        return self.last_round or self.agenda.rounds

    @property
    def turn(self) -> int:
        """The number that the next entry will have."""
        return len(self.entries)

    @property
    def to_move(self) -> str:
        """The role whose turn it is."""
        return self.agenda.roles[self.turn % 2]

    @property
    def round(self) -> int:
        """The current round, counted from 1. A round is one turn of each side."""
        return self.turn // 2 + 1

    @property
    def is_over(self) -> bool:
        """Whether nobody has a turn left."""
        ended = bool(self.entries) and isinstance(self.entries[-1].move, Accept | WalkAway)
        return ended or self.round > self.rounds

    @property
    def is_last_turn(self) -> bool:
        """Whether nobody will answer the next move."""
        return self.turn == self.rounds * len(self.agenda.roles) - 1

    def add(self, move: Move) -> "Table":
        """The table after the side whose turn it is has moved. A deadlock brings the last round forward."""
        after = replace(self, entries=(*self.entries, Entry(self.turn, self.to_move, move)))
        limit = self.agenda.deadlock_rounds
        if limit and after.turn % 2 == 0 and after.round < after.rounds and after.repeated_rounds() >= limit:
            return replace(after, last_round=after.round)
        return after

    def offers(self, role: str) -> tuple[Outcome, ...]:
        """What a side has offered, oldest first."""
        return tuple(e.move.outcome for e in self.entries if e.role == role and isinstance(e.move, Offer))

    def standing(self, role: str) -> Entry | None:
        """The offer of the other side that `role` may accept now: the newest one, if it has not expired."""
        mine = 0
        for entry in reversed(self.entries):
            if entry.role == role:
                mine += 1
            elif isinstance(entry.move, Offer):
                lifetime = self.agenda.offer_lifetime
                return entry if lifetime is None or mine < lifetime else None
        return None

    def repeated_rounds(self) -> int:
        """For how many rounds, up to now, both sides have only repeated their own last offer (or passed)."""
        last: dict[str, Outcome | None] = dict.fromkeys(self.agenda.roles)
        run = 0
        for entry in self.entries:
            outcome = entry.move.outcome if isinstance(entry.move, Offer) else last[entry.role]
            run = run + 1 if outcome is not None and outcome == last[entry.role] else 0
            last[entry.role] = outcome
        return run // 2

    @property
    def agreed(self) -> Outcome | None:
        """The outcome of the offer that was accepted, if one was."""
        if not self.entries or not isinstance(last := self.entries[-1].move, Accept):
            return None
        accepted = self.entries[last.offer].move
        assert isinstance(accepted, Offer)
        return accepted.outcome


@dataclass(frozen=True, slots=True)
class View:
    """What a delegate sees in its turn: the public table, its own role and the time left. Nothing else."""

    table: Table
    role: str
    seconds_left: float | None = None
    refusals: tuple[str, ...] = ()
    """Why the referee refused the moves already tried in this turn, oldest first."""

    @property
    def agenda(self) -> Agenda:
        """The public agenda."""
        return self.table.agenda

    @property
    def standing(self) -> Entry | None:
        """The other side's offer that may be accepted now."""
        return self.table.standing(self.role)
