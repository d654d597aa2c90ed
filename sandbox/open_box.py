"""A box that is open: it has made its key, and waits for the briefs of its one negotiation.

Covered: whatever happens, everybody is wiped and ended once, and the end is a result with its statement, or an error.
Not covered: signing the statement; see `sandbox.supervisor` for who starts whom.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bargaining.agreement import NoDeal
from bargaining.errors import InvalidInputError, ModelError, PurgeError, SandboxError
from delegates.budget import Budget
from graphs.alternating import unobserved
from graphs.state import Progress
from sandbox import export, frame, purge
from sandbox.account import Account
from sandbox.box import Released
from sandbox.briefing import Briefing
from sandbox.claim import Claim
from sandbox.crew import LONGEST_SECONDS, Crew
from sandbox.host import Facts
from sandbox.identity import agreement_schema_digest, code_digest
from sandbox.job import Job
from sandbox.policy import Policy
from sandbox.purge import Check
from sandbox.seal import PublicKey
from sandbox.statement import Delegation, Setting, Totals, statement

GRACE_SECONDS = 60.0
"""What a box may take beyond its time: it minds that itself, and says what ran out."""

ROOT_OUTSIDE = "A process of the run was root outside its walls: who got out of them owned what root owns."


class OpenBox:
    """Made by `WalledBox.open`. It is good for one negotiation.

    Args:
        crew: The processes, all of them ready.
        key: What the box says that briefs are to be sealed to.
        facts: About this machine, as they were before the processes were started.
        job: What is negotiated, and by whom.
        budget: Shows what is used.
        setting: What is known so far about where it runs.
        delegations: What statement and claim say about each side.
        mediation: What they say about the mediator, if there is one.
        policy: Says when a result appears, and whether turns may be seen.
    """

    def __init__(
        self,
        crew: Crew,
        key: PublicKey,
        facts: Facts,
        job: Job,
        budget: Budget,
        setting: Setting,
        delegations: Mapping[str, Delegation],
        mediation: Delegation | None,
        policy: Policy | None,
    ) -> None:
        self.key = key
        self.job = job
        self.setting = setting
        self._crew = crew
        self._facts = facts
        self._budget = budget
        self._delegations = delegations
        self._mediation = mediation
        self._policy = policy
        self._open = True
        self.over = asyncio.Event()
        """Set once nothing more can be done with it."""

    async def negotiate(
        self, briefing: Briefing, observe: Callable[[Progress], None] = unobserved
    ) -> Released:
        """Hand out the briefs, negotiate and release the result.

        Raises:
            InvalidInputError: A brief does not open, or does not fit. There is no result.
            SandboxError: It is no longer open.
            PurgeError: Something could not be wiped. Nothing is released.
        """
        if not self._open:
            raise SandboxError("this box has had its negotiation: open another")
        agenda = self.job.agenda
        began = time.monotonic()
        hidden = self._policy is not None and self._policy.progress == "none"
        account = Account(self._budget, agenda, unobserved if hidden else observe)
        before = self._budget.spent
        released: bytes | None = None
        checks: tuple[Check, ...] = ()
        cancelled: asyncio.CancelledError | None = None
        problem: SandboxError | None = None
        unwiped: PurgeError | None = None
        try:
            try:
                async with asyncio.timeout(self._seconds() + GRACE_SECONDS):
                    await self._brief(briefing)
                    await account.listen(self._crew.control)
                released = await self._crew.released(agenda)
                if isinstance(account.error, ModelError) and (complaint := self._crew.complaint()):
                    account.error = type(account.error)(complaint)
            except TimeoutError:
                problem = SandboxError("the box did not come to an end in its time, and was ended: no deal")
            except SandboxError as caught:
                problem = caught
            finally:
                try:
                    checks = self.close(briefing)
                except PurgeError as caught:
                    unwiped = caught
            if self._policy:  # what is released, and when, is all that is seen of how it went
                await asyncio.sleep(-(time.monotonic() - began) % self._policy.release_seconds)
        except asyncio.CancelledError as caught:
            cancelled = caught
        if unwiped:
            raise unwiped
        if isinstance(account.error, InvalidInputError) and not (cancelled or problem):
            raise account.error
        spent = self._budget.spent
        used = Totals(
            spent.calls - before.calls, spent.tokens - before.tokens, most_tokens=self.job.limits.tokens
        )
        return self._ended(account, released, cancelled or problem, checks, briefing, used)

    def _ended(
        self,
        account: Account,
        released: bytes | None,
        error: BaseException | None,
        checks: tuple[Check, ...],
        briefing: Briefing,
        used: Totals,
    ) -> Released:
        """The result and its statement; no deal, if something cut it short."""
        agenda = self.job.agenda
        result = None if released is None else export.read(released, agenda)
        if error is None:
            error = account.contradiction(result)
        if error or released is None or result is None:
            result = NoDeal()
            released = export.release(result, agenda)
        error = error or account.error
        root = any(child.user == "root" for child in self._crew.children.values())
        setting = replace(
            self.setting,
            purge=checks,
            not_covered=(*([ROOT_OUTSIDE] if root else []), *briefing.not_covered),
            usage=None if error else used,  # of what was cut short nobody knows all that was asked
        )
        said = statement(agenda, released, self._delegations, self.job.seed, (), self._mediation, setting)
        return Released(
            released,
            said,
            result,
            None if error else account.ending,
            account.counters,
            error,
            isolation=setting.isolation,
            checks=checks,
        )

    def claim(self, policy: Policy) -> Claim:
        """What this box says about itself before anybody seals a brief to it. Somebody has to sign it.

        Args:
            policy: Under which it was opened.
        """
        who = {**self._delegations, **({"mediator": self._mediation} if self._mediation else {})}
        agenda = self.job.agenda
        return Claim(
            run=self.job.run,
            key=self.key,
            code=code_digest(),
            policy=policy.digest,
            agenda=export.agenda_digest(agenda),
            agreement_schema=agreement_schema_digest(agenda),
            models={name: one.model for name, one in who.items()},
            prompts={name: f"sha256:{one.prompts.digest}" for name, one in who.items() if one.prompts},
            weights={name: one.weights for name, one in who.items() if one.weights},
            isolation=self.setting.isolation,
            assurance=self.setting.assurance,
            nonces=tuple(self.setting.nonces),
        )

    def close(self, briefing: Briefing | None = None) -> tuple[Check, ...]:
        """Wipe and end everybody, the processes that hold the briefs too. Safe to call again.

        Returns:
            What was checked; nothing the second time.

        Raises:
            PurgeError: Something of the briefs may be left.
        """
        if not self._open:
            return ()
        self._open = False
        self.over.set()
        children = {**self._crew.children, **(briefing.children if briefing else {})}
        checks = purge.purge(children, self._facts)
        purge.insist(checks, self.setting.isolation)
        return checks

    def _seconds(self) -> float:
        """How long the run may take."""
        limited: Sequence[int | float | None] = (
            self.job.limits.seconds,
            self.job.agenda.seconds,
            LONGEST_SECONDS,
        )
        return float(min(each for each in limited if each is not None))

    async def _brief(self, briefing: Briefing) -> None:
        """Hand out the sealed briefs."""
        for sealed in await briefing.seal(self.job, self.key):
            await frame.send_to(self._crew.control, sealed)
