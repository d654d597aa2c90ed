"""`negbox box open`: holds a box open for two parties, signs its claim, and lets it run on what they hand in.

Covered: the host never sees a brief; a box has one run, and its claim is gone when it is; Ctrl-C wipes it and leaves
nothing behind. Not covered: who the parties are; each checks the claim, and seals its brief, by itself.
"""

import asyncio
import resource
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from app import exits, protocol, results
from app.choices import Options, limits_of, say_what_prompts_are_used, seat_both, walls_of
from app.claims import AGENDA
from bargaining.agenda import Agenda
from bargaining.errors import InvalidInputError, NegboxError, PurgeError, SandboxError
from delegates.budget import Budget
from delegates.scenario import Outline, agenda_yaml, load, load_agenda, shipped
from graphs.state import Progress
from institutions import signature
from institutions.keys import HostKey
from sandbox import hatch, reception
from sandbox import host as host_
from sandbox.box import Released
from sandbox.briefing import DeliveredBriefs
from sandbox.claim import Nonce
from sandbox.export import agenda_digest
from sandbox.open_box import OpenBox
from sandbox.policy import Policy
from sandbox.pool import Pool
from sandbox.supervisor import WalledBox
from sandbox.told import Finished, Turn

CLAIM = "claim.json"
_ELSEWHERE = "choose another folder with --at"
CLOSING_SECONDS = 10.0
"""How long wiping what is open may take before Ctrl-C insists."""
_NONCES: TypeAdapter[tuple[Nonce, ...]] = TypeAdapter(Annotated[tuple[Nonce, ...], Field(max_length=8)])


@dataclass(frozen=True, slots=True)
class Host:
    """What one host offers.

    Args:
        agenda: What is negotiated, as the policy leaves it.
        policy: Under which.
        key: What claims and statements are signed with.
        box: Makes the next box; each counts what it uses by itself.
        folder: Where claim, agenda and hatch are.
        pool: How many boxes are kept open. None: one, for one run.
    """

    agenda: Agenda
    policy: Policy
    key: HostKey
    box: Callable[[], WalledBox]
    folder: Path
    pool: int | None = None

    def serve(self) -> None:
        """Hold boxes open: one for one run, or from a pool one after the other, until Ctrl-C.

        Raises:
            InvalidInputError: The run cannot start, or the folder cannot be used.
            SandboxError: The walls cannot be built here, or the policy demands more than there is.
            PurgeError: Something could not be wiped.
        """
        self.box().check(self.agenda)
        self._show_agenda()
        with hatch.opened(self.folder) as window:
            asyncio.run(self._interruptibly(window))

    async def _interruptibly(self, window: hatch.Hatch) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(self._serve(window))
        with exits.interruptible(lambda: loop.call_soon_threadsafe(task.cancel), CLOSING_SECONDS) as received:
            try:
                await task
            except asyncio.CancelledError:
                if not received:
                    raise
                exits.say("Closed: nothing is left running.")
                if self.pool is None:
                    raise KeyboardInterrupt from None

    async def _serve(self, window: hatch.Hatch) -> None:
        async with AsyncExitStack() as held:
            if self.pool is None:
                await self._one(await held.enter_async_context(self.box().open(self.agenda)), window)
                return
            pool = await held.enter_async_context(Pool(lambda: self.box().open(self.agenda), self.pool))
            while True:
                box = await pool.take()
                try:
                    await self._one(box, window)
                finally:
                    box.close()

    async def _one(self, box: OpenBox, window: hatch.Hatch) -> None:
        """Offer a box until it has had its run."""
        run = box.job.run
        with self._claimed(box):
            exits.say(
                f"Open: run {run}. Each party checks {self.folder / CLAIM} and seals its brief to it; then: "
                f"negbox box run --at {self.folder} A.sealed B.sealed --out RESULT"
            )
            caller, briefing = await reception.handed_in(window, box.job)
            problem: NegboxError | None = None
            how = "came to nothing"
            handed_out = False
            try:
                exits.say(f"Run {run} begins.")
                try:
                    released = await self._ran(box, briefing, caller)
                    finished = self._finished(released)
                    how = f"is over{_wiped(released)}"
                except NegboxError as error:
                    problem = error
                    finished = Finished(code=exits.code_of(error), said=str(error))
                try:
                    with suppress(SandboxError):  # the caller has gone: nobody gets the result
                        await caller.finish(finished)
                        handed_out = True
                finally:
                    if isinstance(problem, PurgeError):
                        raise problem
            finally:
                caller.close()
        lost = "" if handed_out else "; its end could not be told to who handed in the briefs, and is lost"
        exits.say(f"Run {run} {how}{lost}.")

    async def _ran(self, box: OpenBox, briefing: DeliveredBriefs, caller: hatch.Caller) -> Released:
        def observe(p: Progress) -> None:
            caller.tell(Turn(turn=p.turn, round=p.round, rounds=p.rounds, to_move=p.to_move))

        running = asyncio.ensure_future(box.negotiate(briefing, observe))
        watching = asyncio.ensure_future(caller.gone())
        try:
            await asyncio.wait([running, watching], return_when=asyncio.FIRST_COMPLETED)
            if not running.done():  # who handed in the briefs has gone away
                running.cancel()
            return await running
        finally:
            watching.cancel()
            if not running.done():  # then this is being cancelled
                running.cancel()
                await asyncio.wait([running])
                if not running.cancelled() and (problem := running.exception()):
                    raise problem  # what was not wiped matters more than that it was interrupted

    def _finished(self, released: Released) -> Finished:
        error = released.error
        if isinstance(error, asyncio.CancelledError):
            return Finished(code=exits.INTERRUPTED, said="Interrupted: nothing was released.")
        return Finished(
            code=exits.OK if error is None else exits.code_of(error),
            said="" if error is None else str(error),
            agreement=b64encode(released.agreement),
            statement=b64encode(signature.sign(released.statement, signature.IN_TOTO_TYPE, self.key)),
        )

    @contextmanager
    def _claimed(self, box: OpenBox) -> Iterator[None]:
        """The signed claim, as long as the box is there."""
        signed = signature.sign(box.claim(self.policy).to_bytes(), signature.CLAIM_TYPE, self.key)
        path = self.folder / CLAIM
        with suppress(OSError):  # of a box that is gone: nobody answers at the hatch
            path.unlink()
        results.put(path, signed, _ELSEWHERE)
        try:
            yield
        finally:
            with suppress(OSError):  # the folder may be gone, or be another host's by now
                if path.read_bytes() == signed:
                    path.unlink()

    def _show_agenda(self) -> None:
        """The agenda as a file. It stays, because results are checked with it."""
        path = self.folder / AGENDA
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInputError(
                f"{self.folder}: cannot be made ({error.strerror}); choose another folder with --at"
            ) from None
        if path.exists():
            if agenda_digest(load_agenda(path)) != agenda_digest(self.agenda):
                raise InvalidInputError(
                    f"{path}: is there already and is another agenda than this box has; choose another folder with --at"
                )
        else:
            results.put(path, agenda_yaml(self.agenda).encode(), _ELSEWHERE)


def host(agenda: str, at: Path, options: Options, nonces: Sequence[str], pool: int | None) -> Host:
    """A host as the command line wants it.

    Raises:
        InvalidInputError: An option or a file cannot be used.
        SandboxError: The walls cannot be built here.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if options.isolation == "none":
        raise InvalidInputError("--isolation none: two parties need a box; leave it out")
    nonces = _checked(nonces) or (secrets.token_hex(16),)
    policy = Policy() if options.policy is None else Policy.load(Path(options.policy))
    found = policy.narrowed(load(agenda).agenda if agenda in shipped() else load_agenda(agenda))
    seats = seat_both(Outline(found, {}, {}, synthetic=False), options)
    mediator = protocol.mediator(options.mediator, found.protocol)
    say_what_prompts_are_used(seats, found.protocol)
    limits = policy.limited(limits_of(options))
    walls = walls_of(options.isolation, policy, host_.gather())

    def box() -> WalledBox:
        return WalledBox(
            seats,
            Budget(limits),
            walls,
            seed=options.seed,
            mediator=mediator,
            assurance="operator",
            policy=policy,
            nonces=nonces,
        )

    return Host(found, policy, HostKey.load_or_create(), box, at, pool)


def _checked(nonces: Sequence[str]) -> tuple[str, ...]:
    """The nonces as a claim can have them, before a box is started for it."""
    with suppress(ValidationError):
        return _NONCES.validate_python(tuple(nonces))
    raise InvalidInputError("--nonce: at most 8 texts, each of 8 to 200 characters that can be shown")


def _wiped(released: Released) -> str:
    if released.checks and all(check.result == "ok" for check in released.checks):
        return ", and everything of it wiped"
    return "; what was not wiped, or could not be checked, is in its statement"
