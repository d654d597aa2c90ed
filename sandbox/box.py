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
from bargaining.errors import ExportError, InvalidInputError, InvalidModelError, NegboxError, UnforeseenError
from bargaining.mandate import BoundMandate
from bargaining.tactic import TACTICS
from bargaining.utility import UtilityFunction
from delegates.brief import Brief
from delegates.budget import Budget
from delegates.delegate import Counters, Delegate, LLMDelegate, TacticDelegate
from delegates.models import weights
from delegates.models.interface import Model
from delegates.models.metered import MeteredModel
from delegates.models.price import price_of
from delegates.models.spec import ModelSpec, open_model, thinking_tokens
from delegates.prompt import PromptPack
from graphs.alternating import negotiate, unobserved
from graphs.state import Ending, Progress
from sandbox.export import release
from sandbox.statement import Delegation, statement


@dataclass(frozen=True, slots=True)
class Seat:
    """Who acts for one side, and with what."""

    model: ModelSpec
    prompts: PromptPack
    advised: bool = True


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


class Box:
    """Runs one negotiation.

    Args:
        seats: Who acts for each role.
        budget: Limits on both sides together; counts what they use.
        seed: For models that take one and for searches.
        opener: Makes a model from its spec.
    """

    def __init__(
        self,
        seats: Mapping[str, Seat],
        budget: Budget,
        *,
        seed: int = 0,
        opener: Callable[[ModelSpec, int], Model] = lambda spec, seed: open_model(spec, seed=seed),
    ) -> None:
        self._seats = dict(seats)
        self._budget = budget
        self._seed = seed
        self._opener = opener

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
        bound = {role: briefs[role].bind(agenda) for role in agenda.roles}
        mandates = {role: mandate for role, (_, mandate) in bound.items()}
        error: BaseException | None = None
        unforeseen = ""
        ending: Ending | None = None
        result: Agreement | NoDeal = NoDeal()
        counters: dict[str, Counters] = {}
        digests: Mapping[ModelSpec, str] = {}
        try:
            async with self._models() as models:
                delegates: dict[str, Delegate] = {}
                for role in agenda.roles:
                    seated = self._delegate(role, agenda, briefs[role], *bound[role], models)
                    delegates[role], counters[role] = seated, seated.counters
                digests = await _digests(models)
                try:
                    negotiation = await negotiate(agenda, delegates, mandates, observe=observe)
                except NegboxError as caught:
                    error = caught
                except Exception as caught:  # noqa: BLE001 - only its type: its text and frames could hold a brief
                    unforeseen = type(caught).__name__
                else:
                    result, ending = negotiation.result, negotiation.ending
        except asyncio.CancelledError as caught:  # also while the models were being closed
            result, ending, error = NoDeal(), None, caught
        if unforeseen:
            error = UnforeseenError(f"an unforeseen error of type {unforeseen}")
        agreement = release(result, agenda)
        delegations = {role: self._delegation(role, bound[role][0], digests) for role in agenda.roles}
        said = statement(agenda, agreement, delegations, self._seed)
        return Released(agreement, said, result, ending, counters, error)

    @asynccontextmanager
    async def _models(self) -> AsyncIterator[Mapping[ModelSpec, Model]]:
        """One model for each different spec, all closed at the end, whatever happens."""
        models: dict[ModelSpec, Model] = {}
        try:
            for seat in self._seats.values():
                if seat.model.provider != "tactic" and seat.model not in models:
                    models[seat.model] = self._opener(seat.model, self._seed)
            yield models
        finally:
            await _close_all(list(models.values()))

    def _delegate(
        self,
        role: str,
        agenda: Agenda,
        brief: Brief,
        utility: UtilityFunction | None,
        mandate: BoundMandate,
        models: Mapping[ModelSpec, Model],
    ) -> LLMDelegate | TacticDelegate:
        seat = self._seats[role]
        if seat.model.provider == "tactic":
            if utility is None:
                raise InvalidInputError(
                    f"the {role}'s delegate is a tactic, which needs preferences: "
                    f"add `preferences` to the {role}'s brief or give the {role} a language model"
                )
            return TacticDelegate(TACTICS[seat.model.name](agenda, utility, mandate, self._seed))
        price = price_of(seat.model)
        own = MeteredModel(models[seat.model], Budget(brief.mandate.limits), price)
        model = MeteredModel(own, self._budget, price, thinking_tokens=thinking_tokens(seat.model))
        return LLMDelegate(role, agenda, brief, model, seat.prompts, advised=seat.advised, seed=self._seed)

    def _delegation(
        self, role: str, utility: UtilityFunction | None, digests: Mapping[ModelSpec, str]
    ) -> Delegation:
        seat = self._seats[role]
        return Delegation(
            model=seat.model.public,
            weights=digests.get(seat.model),
            prompts=None if seat.model.provider == "tactic" else seat.prompts,
            advised=seat.advised and utility is not None and seat.model.provider != "tactic",
        )


async def _digests(specs: Iterable[ModelSpec]) -> Mapping[ModelSpec, str]:
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
