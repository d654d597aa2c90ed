"""The box from within: one negotiation in a process that can reach nothing but its broker.

    python -m sandbox.inside CONTROL_FD CHANNEL_FD RECORD_FD [closed]

In order: import everything, rehearse, get the job, make a key, close the box, say so; get the briefs, sealed to the
key; negotiate; write the record; wait to be wiped. Nothing is ever printed: both outputs are closed to it.
Covered: whatever goes wrong ends in a no deal or in silence. Not covered: being wiped; a process cannot do that itself.
"""

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import NoReturn, cast, get_args

from bargaining.errors import InvalidInputError, SealError, UnforeseenError
from delegates.brief import Brief
from delegates.budget import Budget
from delegates.conversation import Counters
from delegates.models.interface import Model
from delegates.models.spec import ModelSpec, parse
from graphs.state import Progress
from sandbox import frame, job, record
from sandbox.channel import ChannelModel, Connection
from sandbox.rehearsal import rehearse
from sandbox.seal import BoxKey, SealedBrief
from sandbox.session import Held, hold

TELL_SECONDS = 0.05
"""At most so often it is told that a turn begins."""


def main() -> NoReturn:
    """Be the box."""
    try:
        control, channel, written = map(int, sys.argv[1:4])
        _run(control, channel, written, closed=sys.argv[4:] == ["closed"])
    except BaseException:  # noqa: BLE001, S110 - whatever it is, it may hold a brief, and nobody is told
        pass
    finally:
        os._exit(1)


def _run(control: int, channel: int, written: int, *, closed: bool) -> None:
    rehearse()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    connection = loop.run_until_complete(Connection.open(channel))
    work = job.Job.model_validate_json(frame.receive(control, job.LARGEST_BYTES))
    session = Session(control, work)
    key = BoxKey.generate()
    ready = job.Ready(key=key.public.model_dump_json())
    if closed:
        from sandbox.isolation.harden import harden  # noqa: PLC0415 - also where nothing can be closed

        hardened = harden()
        ready = ready.model_copy(update={"landlock": hardened.landlock_abi, "seccomp": hardened.seccomp})
    _say(control, ready)
    held = Held(error=UnforeseenError("an unforeseen error"))
    try:
        briefs = {role: _unseal(control, key, work, role) for role in work.agenda.roles}
        held = loop.run_until_complete(session.negotiate(briefs, connection))
        os.write(written, record.write(held.result, work.agenda))
    except SealError:
        held = Held(error=SealError("a sealed brief does not open"))
    except InvalidInputError:
        held = Held(error=InvalidInputError("a brief does not fit its seat"))
    except BaseException:  # noqa: BLE001, S110 - it may hold a brief, and a panic in Rust is no Exception
        pass
    with suppress(BaseException):  # then the supervisor does not hear how it ended, which is an error there
        os.close(written)
        session.end(held)
    frame.wait_for_end(control)  # from the briefs on this process must not end by itself: it has to be wiped


def _unseal(control: int, key: BoxKey, work: job.Job, role: str) -> Brief:
    sealed = SealedBrief.from_bytes(frame.receive(control, job.LARGEST_BYTES))
    brief: Brief | None = None
    with suppress(ValueError, RecursionError):  # no text, or nothing that can be a brief
        brief = Brief.from_yaml(key.open(sealed, run_id=work.run, role=role).decode())
    if brief is None:
        raise InvalidInputError("this is not a brief")
    return brief


def _say(control: int, said: job.Ready | job.Turn | job.Ended) -> None:
    frame.send(control, said.model_dump_json().encode())


class Session:
    """The job, and what the supervisor is told about it: numbers and a few words.

    Args:
        control: Where the supervisor is.
        work: The job.
    """

    def __init__(self, control: int, work: job.Job) -> None:
        self._control = control
        self._work = work
        self._budget = Budget(work.limits)
        self._seating = work.seating(self._budget)
        self._counters: Mapping[str, Counters] = {}
        self._told = float("-inf")

    async def negotiate(self, briefs: Mapping[str, Brief], connection: Connection) -> Held:
        """Negotiate to the end."""
        agenda = self._work.agenda
        self._seating.check(agenda, briefs)
        bound = {role: briefs[role].bind(agenda)[1] for role in agenda.roles}
        numbers = {parse(text): number for number, text in enumerate(self._work.models)}
        models: dict[ModelSpec, Model] = {
            spec: ChannelModel(connection, numbers[spec], str(spec)) for spec in self._seating.models(agenda)
        }
        sitting = self._seating.seat(agenda, briefs, bound, models)
        self._counters = sitting.counters
        return await hold(sitting, self._observe)

    def end(self, held: Held) -> None:
        """Say how it ended."""
        fault: job.Fault | None = None
        if held.error:
            name = type(held.error).__name__
            fault = cast(job.Fault, name) if name in get_args(job.Fault) else "UnforeseenError"
        counters = {name: asdict(counted) for name, counted in self._counters.items()}
        _say(
            self._control,
            job.Ended(
                ending=held.ending,
                fault=fault,
                counters=counters,
                spent=self._spent(),
            ),
        )

    def _observe(self, progress: Progress) -> None:
        """Tell of a turn, but not more often than anybody can read: each time wakes the supervisor."""
        now = time.monotonic()
        if now < self._told + TELL_SECONDS:
            return
        self._told = now
        roles = self._work.agenda.roles
        role = roles.index(progress.to_move) if progress.to_move in roles else len(roles)
        _say(
            self._control, job.Turn(turn=progress.turn, round=progress.round, role=role, spent=self._spent())
        )

    def _spent(self) -> job.Spending:
        spent = self._budget.spent
        usage = spent.usage
        counts = (spent.calls, usage.input_tokens, usage.cached_tokens, usage.output_tokens)
        calls, read, cached, said = (min(count, job.MOST) for count in counts)
        return job.Spending(
            calls=calls,
            input_tokens=read,
            cached_tokens=cached,
            output_tokens=said,
            usd=spent.usd,
            estimated=spent.estimated,
        )


if __name__ == "__main__":
    main()
