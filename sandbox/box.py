"""The box: one negotiation, from briefs to released bytes, with everything closed on every exit.

Covered: models and delegates are opened, used and closed; only the agreement and the statement are returned;
an interrupted, failed or exhausted run releases a no deal.
Not covered: isolation. The run shares the caller's process, memory is not wiped, and the statement says so.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal
from bargaining.errors import ExportError, InvalidInputError, InvalidModelError
from delegates.brief import Brief
from delegates.budget import Budget
from delegates.conversation import Counters
from delegates.models import weights
from delegates.models.interface import Model
from delegates.models.spec import ModelSpec, open_model
from graphs.alternating import unobserved
from graphs.state import Ending, Progress
from sandbox.check import Check
from sandbox.export import release, release_offers
from sandbox.isolation.interface import Level
from sandbox.seating import Seat, Seating
from sandbox.session import Held, bare, hold
from sandbox.statement import statement

__all__ = ["Box", "Released", "Seat"]


@dataclass(frozen=True, slots=True)
class Released:
    """All that leaves the box, and how the run went for those who own both briefs."""

    agreement: bytes
    """Canonical JSON."""
    statement: bytes
    """Canonical JSON."""
    result: Agreement | NoDeal
    ending: Ending | None
    """None if the run was cut short."""
    counters: Mapping[str, Counters] = field(repr=False)
    error: BaseException | None = None
    """What cut the run short, if something did."""
    offers: bytes | None = field(default=None, repr=False)
    """Canonical JSON: the offers, if the box was asked to keep them and the run was not cut short."""
    isolation: Level = "none"
    """What stood between the run and everything else."""
    checks: tuple[Check, ...] = ()
    """What was checked of what the run left. Nothing, without isolation."""


class Box:
    """Runs one negotiation.

    Args:
        seats: Who acts for each role.
        budget: Limits on both sides together; counts what they use.
        seed: For models that take one and for searches.
        mediator: The model that mediates where the agenda's protocol has a mediator. None: a rule does.
        keep_offers: Also release the offers, without their messages. They tell about the briefs: for made-up
            scenarios only. The statement says so.
        opener: Makes a model from its spec.
    """

    def __init__(
        self,
        seats: Mapping[str, Seat],
        budget: Budget,
        *,
        seed: int = 0,
        mediator: ModelSpec | None = None,
        keep_offers: bool = False,
        opener: Callable[[ModelSpec, int], Model] = lambda spec, seed: open_model(spec, seed=seed),
    ) -> None:
        self._seating = Seating(seats, mediator, budget, seed)
        self._seed = seed
        self._keep_offers = keep_offers
        self._opener = opener

    def check(self, agenda: Agenda, briefs: Mapping[str, Brief]) -> None:
        """Check what can be checked before anything is opened. `run` does so too.

        Raises:
            InvalidInputError: The run cannot start.
        """
        if self._keep_offers and agenda.protocol != "alternating_offers":
            raise InvalidInputError(
                "offers can be kept only in alternating offers: a mediator's texts are not offers"
            )
        self._seating.check(agenda, briefs)

    async def run(
        self,
        agenda: Agenda,
        briefs: Mapping[str, Brief],
        observe: Callable[[Progress], None] = unobserved,
    ) -> Released:
        """Negotiate and release the result.

        A run that is cancelled, fails or meets a limit after it started releases a no deal and says why in
        `error`; the caller decides how to report it.

        Raises:
            InvalidInputError: The run cannot start: a brief, a model or a seat is unusable.
        """
        self.check(agenda, briefs)
        bound = {role: briefs[role].bind(agenda)[1] for role in agenda.roles}
        held = Held()
        counters: Mapping[str, Counters] = {}
        digests: Mapping[ModelSpec, str] = {}
        cancelled: asyncio.CancelledError | None = None
        try:
            async with self._models(agenda) as models:
                sitting = self._seating.seat(agenda, briefs, bound, models)
                counters = sitting.counters
                digests = await weights_digests(models)
                held = await hold(sitting, observe)
        except asyncio.CancelledError as caught:  # also while the models were being closed
            held, cancelled = Held(), bare(caught)
        agreement = release(held.result, agenda)
        delegations = self._seating.delegations(agenda, digests)
        mediation = self._seating.mediation(agenda, digests)
        kept = ("offers",) if self._keep_offers else ()
        said = statement(agenda, agreement, delegations, self._seed, kept, mediation)
        whole = self._keep_offers and held.ending is not None
        offers = release_offers(held.offers, agenda) if whole else None
        return Released(agreement, said, held.result, held.ending, counters, cancelled or held.error, offers)

    @asynccontextmanager
    async def _models(self, agenda: Agenda) -> AsyncIterator[Mapping[ModelSpec, Model]]:
        """One model for each different spec, all closed at the end, whatever happens."""
        models: dict[ModelSpec, Model] = {}
        try:
            for spec in self._seating.models(agenda):
                models[spec] = self._opener(spec, self._seed)
            yield models
        finally:
            await _close_all(list(models.values()))


async def weights_digests(specs: Iterable[ModelSpec]) -> Mapping[ModelSpec, str]:
    """The digests of local weights: of the files as they are now, not those that a catalogue promises.

    Taken before anything else runs (a gigabyte takes half a second): an engine that starts counts the free cores.
    A file that cannot be read has none; the engine will say why.
    """
    cancelled = threading.Event()

    def stop_when_cancelled(*_: int) -> None:
        if cancelled.is_set():
            raise InterruptedError

    def digest_all(local: Sequence[ModelSpec]) -> Mapping[ModelSpec, str]:
        found: dict[ModelSpec, str] = {}
        for spec in local:
            with suppress(OSError, InvalidModelError):
                found[spec] = "sha256:" + weights.digest(weights.find(spec.name), stop_when_cancelled)
        return found

    local = [spec for spec in specs if spec.provider == "local"]
    try:
        return await asyncio.to_thread(digest_all, local) if local else {}
    finally:
        cancelled.set()


async def _close_all(models: Sequence[Model]) -> None:
    """Close every model, even if closing one of them fails or the run is being cancelled, also repeatedly."""
    closing = asyncio.gather(*(model.close() for model in models), return_exceptions=True)
    cancelled: asyncio.CancelledError | None = None
    while not closing.done():
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError as caught:
            cancelled = caught
    if any(isinstance(outcome, BaseException) for outcome in closing.result()):
        raise ExportError(
            "a model could not be closed: what it holds may still be in memory; end its process"
        )
    if cancelled:  # only then: a failed purge must not pass for an interruption
        raise cancelled
