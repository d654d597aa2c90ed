"""The supervisor: runs one negotiation in processes of its own, and wipes them on every exit.

    box     both briefs and the negotiation; no network, no files
    broker  keys and models, prompts and completions; the only one with a network
    gate    reads what the box says, and says what may leave

It seals the briefs, sees the released result and counts, and holds the other ends of all lines. Whoever has its
statement sign it (`institutions.signature`) makes it the operator's word.
Covered: every exit wipes and ends all three, interruption included; what they say is read as numbers and few words.
Not covered: whoever runs this process as the same user can look into it and into them while they run.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from bargaining.agenda import Agenda
from bargaining.agreement import NoDeal
from bargaining.errors import ModelError, PurgeError, SandboxError
from bargaining.mandate import BoundMandate, Limits
from delegates.brief import Brief
from delegates.budget import Budget
from delegates.models.spec import COMPATIBLE_KEY, ModelSpec, open_model
from graphs.alternating import unobserved
from graphs.state import Progress
from sandbox import crew, export, frame, host, job, purge
from sandbox.account import Account
from sandbox.allowance import Allowance
from sandbox.box import Released, weights_digests
from sandbox.broker import BrokerJob
from sandbox.identity import Assurance
from sandbox.isolation.interface import Isolation
from sandbox.seal import PublicKey, new_run_id, seal
from sandbox.seating import Seat, Seating
from sandbox.statement import Setting, statement

READ_BY_STARTER = (
    "The process that started the box read both briefs to seal them; it was not wiped, it only ended."
)
_REQUESTS_A_ROUND = 40
"""Two sides, three refusals a turn, three tries each, and some."""
_LONGEST_REPLY_TOKENS = 200_000
_MOST_TOKENS = 10**9
_GRACE_SECONDS = 60.0


class WalledBox:
    """Runs one negotiation behind walls. It is used as `Box` is.

    Args:
        seats: Who acts for each role.
        budget: Limits on both sides together; shows what they use.
        isolation: What the walls are made of.
        seed: For models that take one and for searches.
        mediator: The model that mediates where the agenda's protocol has a mediator. None: a rule does.
        environment: Where the broker's keys are found; `os.environ` if None.
        assurance: Whose word the statement is; `operator` only for one that is then signed.
    """

    def __init__(
        self,
        seats: Mapping[str, Seat],
        budget: Budget,
        isolation: Isolation,
        *,
        seed: int = 0,
        mediator: ModelSpec | None = None,
        environment: Mapping[str, str] | None = None,
        assurance: Assurance = "none",
    ) -> None:
        self._seats = dict(seats)
        self._budget = budget
        self._isolation = isolation
        self._seed = seed
        self._mediator = mediator
        self._environment = os.environ if environment is None else environment
        self._assurance = assurance
        self._seating = Seating(seats, mediator, budget, seed)

    def check(self, agenda: Agenda, briefs: Mapping[str, Brief]) -> None:
        """Check what can be checked before anything is started. `run` does so too.

        Raises:
            InvalidInputError: The run cannot start.
        """
        self._seating.check(agenda, briefs)
        # what is wrong with a key, a file or a price is found by opening and seating everybody here; nothing is sent
        models = {
            spec: open_model(spec, environment=self._environment) for spec in self._seating.models(agenda)
        }
        self._seating.seat(agenda, briefs, self._bound(agenda, briefs), models)

    async def run(
        self,
        agenda: Agenda,
        briefs: Mapping[str, Brief],
        observe: Callable[[Progress], None] = unobserved,
    ) -> Released:
        """Negotiate behind walls and release the result. See `Box.run`.

        Raises:
            InvalidInputError: The run cannot start.
            SandboxError: The walls cannot be built here.
            PurgeError: Something could not be wiped. Nothing is released.
        """
        self.check(agenda, briefs)
        run = new_run_id()
        facts = host.gather()
        models = self._seating.models(agenda)
        account = Account(self._budget, agenda, observe)
        digests: Mapping[ModelSpec, str] = {}
        released: bytes | None = None
        briefed = False
        checks: tuple[purge.Check, ...] = ()
        cancelled: asyncio.CancelledError | None = None
        problem: SandboxError | None = None
        try:
            digests = await weights_digests(models)
            with ExitStack() as lines:
                hands = crew.Crew(self._isolation, lines)
                try:
                    hands.start(self._broker_job(agenda, models) if models else None, models)
                    key = await hands.ready()
                    briefed = True
                    async with asyncio.timeout(self._seconds(agenda) + _GRACE_SECONDS):
                        await self._brief(hands, key, run, agenda, briefs)
                        await account.listen(hands.control)
                    released = await hands.released(agenda)
                    if isinstance(account.error, ModelError) and (complaint := hands.complaint()):
                        account.error = type(account.error)(complaint)
                finally:  # before the lines are closed: that would end the processes as they are
                    checks = purge.purge(hands.children, facts)
                    if briefed:  # before, they hold nothing
                        self._insist(checks)
        except PurgeError:
            raise
        except TimeoutError:
            problem = SandboxError("the box did not come to an end in its time, and was ended: no deal")
        except asyncio.CancelledError as caught:
            cancelled = caught
        except SandboxError as caught:
            problem = caught
        result = None if released is None else export.read(released, agenda)
        if not (cancelled or problem):
            problem = account.contradiction(result)
        if cancelled or problem or released is None or result is None:
            result = NoDeal()
            released = export.release(result, agenda)
        bound = self._bound(agenda, briefs)
        said = statement(
            agenda,
            released,
            self._seating.delegations(agenda, bound, digests),
            self._seed,
            (),
            self._seating.mediation(agenda, digests),
            Setting(self._isolation.level, self._assurance, run, purge=checks, not_covered=[READ_BY_STARTER]),
        )
        error = cancelled or problem or account.error
        ending = None if error else account.ending
        return Released(
            released,
            said,
            result,
            ending,
            account.counters,
            error,
            isolation=self._isolation.level,
            checks=checks,
        )

    @staticmethod
    def _bound(agenda: Agenda, briefs: Mapping[str, Brief]) -> dict[str, BoundMandate]:
        return {role: briefs[role].bind(agenda)[1] for role in agenda.roles}

    def _insist(self, checks: Sequence[purge.Check]) -> None:
        """Nothing is released while something of the briefs may be left.

        Raises:
            PurgeError: A check failed.
        """
        # without namespaces an ordinary user cannot look into a closed process, not even to wipe it: it is stated
        wiped = {check.name for check in checks if check.name.startswith("wiped ")}
        failed = [check for check in checks if check.result == "failed"]
        purge.require(failed, wiped if self._isolation.level == "landlock" else ())

    def _broker_job(self, agenda: Agenda, models: Sequence[ModelSpec]) -> BrokerJob:
        limits = self._budget.limits
        tokens = limits.tokens if limits and limits.tokens else _MOST_TOKENS
        return BrokerJob(
            models=tuple(str(crew.located(spec)) for spec in models),
            keys=self._keys(models),
            seed=self._seed,
            limits=Allowance(
                requests=_REQUESTS_A_ROUND * (agenda.rounds + 1),
                tokens=tokens,
                max_tokens=_LONGEST_REPLY_TOKENS,
                seconds=self._seconds(agenda)
                + 2 * _GRACE_SECONDS,  # the box minds the time, and says what ran out
            ),
            harden=self._isolation.level != "none",
        )

    def _keys(self, models: Sequence[ModelSpec]) -> dict[str, str]:
        """The keys of these models, and of no others."""
        names = {COMPATIBLE_KEY if spec.base_url else f"{spec.provider.upper()}_API_KEY" for spec in models}
        return {name: self._environment[name] for name in names if self._environment.get(name, "").strip()}

    def _seconds(self, agenda: Agenda) -> float:
        """How long the run may take."""
        limits = self._budget.limits
        limited = [limits.seconds if limits else None, agenda.seconds, crew.LONGEST_SECONDS]
        return float(min(each for each in limited if each is not None))

    async def _brief(
        self, hands: crew.Crew, key: PublicKey, run: str, agenda: Agenda, briefs: Mapping[str, Brief]
    ) -> None:
        """Hand out the job and the sealed briefs."""
        work = job.Job(
            run=run,
            agenda=agenda,
            places={role: job.Place.of(seat, agenda.protocol) for role, seat in self._seats.items()},
            mediator=str(self._mediator) if self._mediator else None,
            models=tuple(str(spec) for spec in self._seating.models(agenda)),
            seed=self._seed,
            limits=self._budget.limits or Limits(),
        )
        await frame.send_to(hands.control, work.model_dump_json().encode())
        for role in agenda.roles:
            sealed = seal(briefs[role].to_yaml().encode(), key, run_id=run, role=role)
            await frame.send_to(hands.control, sealed.to_bytes())
