"""The supervisor: runs one negotiation in processes of its own, and wipes them on every exit.

    box     both briefs and the negotiation; no network, no files
    broker  keys and models, prompts and completions; the only one with a network
    gate    reads what the box says, and says what may leave
    sealer  reads a file with both briefs, where there is one, and seals them

It holds sealed briefs, the released result and counts, and the other ends of all lines. Whoever has its statement
sign it (`institutions.signature`) makes it the operator's word.
Covered: every exit wipes and ends all of them, interruption included; what they say is read as numbers and few words.
Not covered: whoever runs this process as the same user can look into it and into them while they run.
"""

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace

from bargaining.agenda import Agenda
from bargaining.errors import SandboxError
from bargaining.mandate import Limits
from delegates.budget import Budget
from delegates.models.spec import COMPATIBLE_KEY, ModelSpec, open_model
from graphs.alternating import unobserved
from graphs.state import Progress
from sandbox import crew, host, purge
from sandbox.allowance import Allowance
from sandbox.box import Released, weights_digests
from sandbox.briefing import Briefing
from sandbox.broker import BrokerJob
from sandbox.identity import Assurance, code_digest, code_has_changed
from sandbox.isolation.interface import Isolation
from sandbox.job import Job, Place
from sandbox.open_box import OpenBox
from sandbox.policy import Policy, closed
from sandbox.seal import new_run_id
from sandbox.seating import Seat, Seating
from sandbox.statement import Setting

_REQUESTS_A_ROUND = 40
"""Two sides, three refusals a turn, three tries each, and some."""
LONGEST_REPLY_TOKENS = 200_000
_MOST_TOKENS = 10**9


class WalledBox:
    """Runs one negotiation behind walls.

    Args:
        seats: Who acts for each role.
        budget: Limits on both sides together; shows what they use.
        isolation: What the walls are made of.
        seed: For models that take one and for searches.
        mediator: The model that mediates where the agenda's protocol has a mediator. None: a rule does.
        environment: Where the broker's keys are found; `os.environ` if None.
        assurance: Whose word the statement is; `operator` only for one that is then signed.
        policy: What must be true before anything starts. Its limits and its agenda (`Policy.limited`, `narrowed`)
            have to be in `budget` and in the agenda that is given.
        nonces: What the parties made up, so that the statement cannot be an older one.
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
        policy: Policy | None = None,
        nonces: Sequence[str] = (),
    ) -> None:
        self._seats = dict(seats)
        self._budget = budget
        self._isolation = isolation
        self._seed = seed
        self._mediator = mediator
        self._environment = os.environ if environment is None else environment
        self._policy = policy
        self._setting = Setting(
            isolation.level, assurance, nonces=tuple(nonces), policy=None if policy is None else policy.digest
        )
        self._seating = Seating(seats, mediator, budget, seed)

    def check(self, agenda: Agenda, briefing: Briefing | None = None) -> None:
        """Check what can be checked before anything is started. `run` does so too.

        Raises:
            InvalidInputError: The run cannot start.
            SandboxError: The policy demands more than there is.
        """
        self._seating.check_players(agenda)
        specs = self._seating.models(agenda)
        if self._policy is not None:
            self._admitted(agenda, host.gather())
        for spec in specs:  # opening it finds what is wrong with a key, a file or a price; nothing is sent
            open_model(spec, environment=self._environment)
        if briefing is not None:
            briefing.check(self._job(agenda, new_run_id()))

    async def run(
        self, agenda: Agenda, briefing: Briefing, observe: Callable[[Progress], None] = unobserved
    ) -> Released:
        """Negotiate behind walls and release the result.

        A run that is cancelled, fails or meets a limit after it started releases a no deal and says why in
        `error`; the caller decides how to report it.

        Raises:
            InvalidInputError: The run cannot start.
            SandboxError: The walls cannot be built here.
            PurgeError: Something could not be wiped. Nothing is released.
        """
        self.check(agenda, briefing)
        async with self.open(agenda) as box:
            return await box.negotiate(briefing, observe)

    @asynccontextmanager
    async def open(self, agenda: Agenda) -> AsyncIterator[OpenBox]:
        """Start everybody, and have the box make its key. What is open at the end of the block is wiped and ended.

        Raises:
            InvalidInputError: The run cannot start.
            SandboxError: The walls cannot be built here, or the policy demands more than there is.
            PurgeError: Something could not be wiped.
        """
        code_digest()  # before anybody is started
        models = self._seating.models(agenda)
        job = self._job(agenda, new_run_id())
        facts = host.gather()
        setting = replace(self._setting, run=job.run, open=self._admitted(agenda, facts))
        digests = await weights_digests(models)
        delegations = self._seating.delegations(agenda, digests)
        mediation = self._seating.mediation(agenda, digests)
        with ExitStack() as lines:
            hands = crew.Crew(self._isolation, lines)
            box: OpenBox | None = None
            try:
                hands.start(self._broker_job(agenda, models) if models else None, models)
                key = await hands.ready(job)
                if code_has_changed():
                    raise SandboxError("our code was changed after this process started: start it anew")
                box = OpenBox(
                    hands, key, facts, job, self._budget, setting, delegations, mediation, self._policy
                )
                yield box
            finally:  # before the lines are closed: that would end the processes as they are
                if box is None:  # they hold nothing yet
                    purge.purge(hands.children, facts)
                else:
                    box.close()

    def _job(self, agenda: Agenda, run: str) -> Job:
        return Job(
            run=run,
            agenda=agenda,
            places={role: Place.of(seat, agenda.protocol) for role, seat in self._seats.items()},
            mediator=str(self._mediator) if self._mediator else None,
            models=tuple(str(spec) for spec in self._seating.models(agenda)),
            seed=self._seed,
            limits=self._budget.limits or Limits(),
        )

    def _admitted(self, agenda: Agenda, facts: host.Facts) -> tuple[str, ...]:
        """What the policy leaves open.

        Raises:
            InvalidInputError: It does not allow a model.
            SandboxError: It demands more than there is.
        """
        if self._policy is None:
            return ()
        return self._policy.admits(
            isolation=self._isolation.level,
            assurance=self._setting.assurance,
            models=[spec.public for spec in self._seating.models(agenda)],
            machine=closed(facts),
        )

    def _broker_job(self, agenda: Agenda, models: Sequence[ModelSpec]) -> BrokerJob:
        limits = self._budget.limits
        tokens = limits.tokens if limits and limits.tokens else _MOST_TOKENS
        return BrokerJob(
            models=tuple(str(crew.located(spec)) for spec in models),
            keys=keys_of(models, self._environment),
            seed=self._seed,
            limits=Allowance(
                requests=self._most_calls(agenda),
                tokens=tokens,
                max_tokens=LONGEST_REPLY_TOKENS,
                seconds=crew.LONGEST_SECONDS,  # it waits with the box; that minds the time, and says what ran out
            ),
            harden=self._isolation.level != "none",
        )

    def _most_calls(self, agenda: Agenda) -> int:
        most = _REQUESTS_A_ROUND * (agenda.rounds + 1)
        allowed = self._policy and self._policy.limits.calls
        return min(most, allowed) if allowed else most


def keys_of(models: Sequence[ModelSpec], environment: Mapping[str, str]) -> dict[str, str]:
    """The keys of these models, and of no others."""
    names = {COMPATIBLE_KEY if spec.base_url else f"{spec.provider.upper()}_API_KEY" for spec in models}
    return {name: environment[name] for name in names if environment.get(name, "").strip()}
