"""Where the sealed briefs of a run come from. Whoever starts a box asks for them, and never needs to read one.

OwnBriefs        briefs that this process holds, for who calls the library; the statement says so
DeliveredBriefs  what two principals have sealed each for itself
ScenarioFile     one file with both, read by a sealer in a process of its own: see `sandbox.sealer`
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from bargaining.errors import SealError
from delegates.brief import Brief
from delegates.budget import Budget
from delegates.models.scripted import ScriptedModel
from sandbox.isolation.interface import Child
from sandbox.job import Job
from sandbox.seal import PublicKey, SealedBrief, seal

READ_BY_STARTER = (
    "The process that started the box held both briefs and sealed them; it was not wiped, it only ended."
)


class Briefing(Protocol):
    """The briefs of one run."""

    @property
    def children(self) -> Mapping[str, Child]:
        """Processes that hold a brief, by name; they are wiped with those of the run."""
        ...

    @property
    def not_covered(self) -> tuple[str, ...]:
        """What the statement has to say of how the briefs came."""
        ...

    def check(self, job: Job) -> None:
        """Check that the briefs fit the job, as far as whoever holds them can be asked.

        Raises:
            InvalidInputError: A brief does not fit its seat.
        """
        ...

    async def seal(self, job: Job, key: PublicKey) -> Sequence[bytes]:
        """The sealed briefs, in the order of the agenda's roles.

        Raises:
            SealError: There are not the right ones for this run.
            SandboxError: Whoever holds them does not answer.
        """
        ...


class OwnBriefs:
    """Briefs that this process holds.

    Args:
        briefs: One for each role.
    """

    children: Mapping[str, Child] = MappingProxyType({})
    not_covered = (READ_BY_STARTER,)

    def __init__(self, briefs: Mapping[str, Brief]) -> None:
        self._briefs = briefs

    def check(self, job: Job) -> None:
        """See `Briefing.check`."""
        check_fit(job, self._briefs)

    async def seal(self, job: Job, key: PublicKey) -> Sequence[bytes]:
        """See `Briefing.seal`."""
        return seal_all(job, self._briefs, key)


class DeliveredBriefs:
    """What principals have sealed to the key of one box.

    Args:
        sealed: In any order.
    """

    children: Mapping[str, Child] = MappingProxyType({})
    not_covered: tuple[str, ...] = ()

    def __init__(self, sealed: Sequence[SealedBrief]) -> None:
        self._sealed = tuple(sealed)

    def check(self, job: Job) -> None:
        """Check what is written on the outside: the run, and one brief for each role.

        Raises:
            SealError: One belongs to another run, is there twice, or is missing.
        """
        if any(sealed.run != job.run for sealed in self._sealed):
            raise SealError(
                f"a brief is sealed to another run than {job.run}: seal it to the claim of this box"
            )
        roles = sorted(sealed.role for sealed in self._sealed)
        if roles != sorted(job.agenda.roles):
            raise SealError(
                f"there must be one sealed brief of the {' and one of the '.join(job.agenda.roles)}; "
                "each says whose it is where it was sealed (negbox brief seal --role)"
            )

    async def seal(self, job: Job, key: PublicKey) -> Sequence[bytes]:
        """See `Briefing.seal`. They are sealed already."""
        if any(sealed.kem != key.kem for sealed in self._sealed):
            raise SealError("a brief is sealed to another kind of key: seal it to the claim of this box")
        by_role = {sealed.role: sealed.to_bytes() for sealed in self._sealed}
        return [by_role[role] for role in job.agenda.roles]


def check_fit(job: Job, briefs: Mapping[str, Brief]) -> None:
    """Seat everybody as the box will, with models that are never asked.

    Raises:
        InvalidInputError: A brief does not fit its seat.
    """
    agenda = job.agenda
    seating = job.seating(Budget(job.limits))
    seating.check(agenda, briefs)
    bound = {role: briefs[role].bind(agenda)[1] for role in agenda.roles}
    models = {spec: ScriptedModel(["{}"], spec=str(spec)) for spec in seating.models(agenda)}
    seating.seat(agenda, briefs, bound, models)


def seal_all(job: Job, briefs: Mapping[str, Brief], key: PublicKey) -> list[bytes]:
    """The briefs, sealed to a box for one run, in the order of the agenda's roles."""
    return [
        seal(briefs[role].to_yaml().encode(), key, run_id=job.run, role=role).to_bytes()
        for role in job.agenda.roles
    ]
