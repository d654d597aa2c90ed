"""What the supervisor hears of a box while it negotiates: counts and a few words, each of them checked.

Covered: whatever a box says, it cannot make this process show or keep anything else.
Not covered: whether the counts are true.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from fractions import Fraction
from typing import get_args

from pydantic import TypeAdapter, ValidationError

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal
from bargaining.errors import (
    InvalidInputError,
    LimitReachedError,
    ModelReplyError,
    ModelTransientError,
    ModelUnavailableError,
    NegboxError,
    SandboxError,
    SealError,
    UnforeseenError,
)
from delegates.budget import Budget, Spent
from delegates.conversation import Counters
from delegates.models.interface import Usage
from graphs.routing import REFUSALS
from graphs.state import Ending, Progress
from sandbox import frame, job
from sandbox.seating import MEDIATOR

_BROKEN = "the box did not keep to the protocol; nothing of it is released"
_MOST_USD = 10**6

_SAID: TypeAdapter[job.Said] = TypeAdapter(job.Said)

_FAULTS: Mapping[job.Fault, NegboxError] = {
    "ModelUnavailableError": ModelUnavailableError(
        "a model cannot be used: check its name, its server, and the variable that holds its key"
    ),
    "ModelTransientError": ModelTransientError("a model was busy or failing too often: try again later"),
    "ModelReplyError": ModelReplyError("a model answered with something that cannot be used"),
    "LimitReachedError": LimitReachedError("a limit on tokens, money or time was reached: allow more"),
    "InvalidInputError": InvalidInputError(
        "the run cannot start: a brief does not fit its seat: check it with 'negbox brief check'"
    ),
    "SealError": SealError(
        "a sealed brief does not open: it was sealed to another box, or changed on the way; open a new box and seal "
        "both briefs to its claim"
    ),
    "UnforeseenError": UnforeseenError("an unforeseen error in the box"),
}
assert _FAULTS.keys() == set(get_args(job.Fault))


class Account:
    """What the box says while it negotiates: counts and a few words."""

    def __init__(self, budget: Budget, agenda: Agenda, observe: Callable[[Progress], None]) -> None:
        self.ending: Ending | None = None
        self.error: NegboxError | None = None
        self.counters: dict[str, Counters] = {}
        self._budget = budget
        self._agenda = agenda
        self._observe = observe
        self._before = budget.spent
        self._spent = job.Spending(usd=Fraction(0))
        self._heard = 0
        self._turn = 0

    async def listen(self, control: socket.socket) -> None:
        """Until the box says that it is over.

        Raises:
            SandboxError: It ends without a word, or says something else.
        """
        while True:
            await asyncio.sleep(0)  # reading does not yield as long as there is something to read
            match await hear(control):
                case job.Turn() as turn if self._may_follow(turn):
                    self._spend(turn.spent)
                    to_move = (*self._agenda.roles, "both sides")[turn.role]
                    self._observe(Progress(turn.turn, turn.round, self._agenda.rounds, to_move))
                case job.Ended() as ended:
                    self._spend(ended.spent)
                    self.ending = ended.ending
                    self.error = None if ended.fault is None else _again(_FAULTS[ended.fault])
                    self.counters = {
                        name: Counters(
                            **{f.name: ended.counters[name].get(f.name, 0) for f in fields(Counters)}
                        )
                        for name in (*self._agenda.roles, MEDIATOR)
                        if name in ended.counters
                    }
                    return
                case _:
                    raise SandboxError(_BROKEN)

    def contradiction(self, result: Agreement | NoDeal | None) -> SandboxError | None:
        """What is wrong if what the box said does not fit what the gate let out; None if it does."""
        if result is None:
            return (
                None
                if self.error
                else SandboxError(
                    "what the box said at its end is not a result, and the gate let nothing out: no deal"
                )
            )
        agreed = isinstance(result, Agreement)
        if (agreed and self.error is not None) or agreed != (self.ending == "agreed"):
            return SandboxError("the box contradicted itself: no deal")
        return None

    def _may_follow(self, turn: job.Turn) -> bool:
        """Whether it can be this turn now. One comes again when the referee refused its move, so many times at most."""
        most = len(self._agenda.roles) * self._agenda.rounds
        self._heard += 1
        earlier, self._turn = self._turn, turn.turn
        in_range = turn.turn < most and 1 <= turn.round <= self._agenda.rounds
        return in_range and turn.turn >= earlier and self._heard <= most * REFUSALS

    def _spend(self, spent: job.Spending) -> None:
        """Take note of what was spent, which only grows, beside what the budget has paid for before."""
        last, before = self._spent, self._before
        known = spent.usd is None or 0 <= spent.usd <= _MOST_USD
        if not known or spent.calls < last.calls or spent.input_tokens < last.input_tokens:
            raise SandboxError(_BROKEN)
        self._spent = spent
        usage = Usage(spent.input_tokens, spent.cached_tokens, spent.output_tokens)
        usd = None if before.usd is None or spent.usd is None else before.usd + spent.usd
        self._budget.spent = Spent(
            before.calls + spent.calls, before.usage + usage, usd, before.estimated or spent.estimated
        )


def _again(error: NegboxError) -> NegboxError:
    """Another one: what is raised keeps the frames that it passed."""
    return type(error)(*error.args)


async def hear(control: socket.socket) -> job.Said | None:
    """The next thing that the box says; None if it has ended or says something else."""
    said = await frame.receive_from(control, job.LARGEST_SAID_BYTES)
    with suppress(ValidationError, ArithmeticError):  # the latter of a fraction with nothing below
        return _SAID.validate_json(said or b"")
    return None
