"""Who sits in the box: a delegate for each side, or a responder for each side and a mediator between them.

Covered: what the seats need for each protocol, and what the statement says about them.
Not covered: opening and closing models; the box does that.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TypeAlias

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal
from bargaining.deluge import RisingBar
from bargaining.errors import InvalidInputError
from bargaining.mandate import BoundMandate
from bargaining.mediation import HillClimbing
from bargaining.move import Offer
from bargaining.tactic import TACTICS
from delegates import mediator_prompt
from delegates.brief import Brief
from delegates.budget import Budget
from delegates.conversation import NO_QUEUE, Counters
from delegates.delegate import Delegate, LLMDelegate, TacticDelegate
from delegates.mediator import LLMMediator, Mediator, RuleMediator
from delegates.models.interface import Model
from delegates.models.metered import MeteredModel
from delegates.models.price import price_of
from delegates.models.spec import ModelSpec, thinking_tokens
from delegates.prompt import PromptPack
from delegates.responder import BarResponder, LLMResponder, Responder
from graphs import alternating, single_text
from graphs.state import Ending, Progress
from sandbox.export import KeptOffer
from sandbox.statement import Delegation

MEDIATOR = "the mediator"
"""What the mediator's counters are filed under: no role can be called so."""

BAR_TACTIC = "steady"
"""The only tactic for single texts: the bar rises with the square of the time, as this tactic concedes."""

Bound: TypeAlias = Mapping[str, BoundMandate]
"""Each side's mandate, with its preferences, if it has any."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Who acts for one side, and with what."""

    model: ModelSpec
    prompts: PromptPack
    advised: bool = True


@dataclass(frozen=True, slots=True)
class Ended:
    """How a sitting ended."""

    result: Agreement | NoDeal
    ending: Ending
    offers: tuple[KeptOffer, ...] = field(default=(), repr=False)


def check_seats(agenda: Agenda, briefs: Mapping[str, Brief], models: Mapping[str, ModelSpec]) -> None:
    """Check that everybody can take part, before anything is opened.

    Args:
        agenda: What is negotiated, and how.
        briefs: One for each role.
        models: Who acts for each role, as far as that is known.

    Raises:
        InvalidInputError: A seat cannot be filled.
    """
    mediated = agenda.protocol == "single_text"
    check_players(agenda, models)
    for role in agenda.roles:
        if mediated and not briefs[role].mandate.authority.accept:
            raise InvalidInputError(
                f"in the protocol single_text a side signs or does not, and the {role}'s mandate gives no "
                "authority to accept: give it, or choose the protocol alternating_offers"
            )
        spec = models.get(role)
        if spec is not None and spec.provider == "tactic" and briefs[role].preferences is None:
            raise InvalidInputError(
                f"the {role}'s delegate is a tactic, which needs preferences: "
                f"add `preferences` to the {role}'s brief or give the {role} a language model"
            )


def check_players(agenda: Agenda, models: Mapping[str, ModelSpec]) -> None:
    """Check what can be checked without a brief: that whoever acts for a role can follow the protocol.

    Raises:
        InvalidInputError: One cannot.
    """
    for role, spec in models.items():
        if agenda.protocol == "single_text" and spec.provider == "tactic" and spec.name != BAR_TACTIC:
            raise InvalidInputError(
                f"the {role} cannot play {spec}: in single_text a side without a model follows the rising bar; "
                f"write tactic/{BAR_TACTIC}, or choose the protocol alternating_offers"
            )


class Sitting(ABC):
    """Everybody in place for one negotiation."""

    counters: Mapping[str, Counters]

    @abstractmethod
    async def negotiate(self, observe: Callable[[Progress], None]) -> Ended:
        """Negotiate to the end."""


class Seating:
    """Makes delegates, responders and a mediator from seats.

    Args:
        seats: Who acts for each role.
        mediator: The model that mediates; None: a rule does, where the protocol needs a mediator.
        budget: Pays for all models together.
        seed: For searches.
    """

    def __init__(
        self, seats: Mapping[str, Seat], mediator: ModelSpec | None, budget: Budget, seed: int
    ) -> None:
        self._seats = dict(seats)
        self._mediator = mediator
        self._budget = budget
        self._seed = seed

    def models(self, agenda: Agenda) -> tuple[ModelSpec, ...]:
        """The models that have to be opened, each once."""
        specs = [seat.model for seat in self._seats.values()]
        if agenda.protocol == "single_text" and self._mediator is not None:
            specs.append(self._mediator)
        return tuple(dict.fromkeys(spec for spec in specs if spec.provider != "tactic"))

    def check(self, agenda: Agenda, briefs: Mapping[str, Brief]) -> None:
        """Check that every seat can be filled.

        Raises:
            InvalidInputError: One cannot.
        """
        check_seats(agenda, briefs, {role: seat.model for role, seat in self._seats.items()})

    def check_players(self, agenda: Agenda) -> None:
        """See `check_players`."""
        check_players(agenda, {role: seat.model for role, seat in self._seats.items()})

    def seat(
        self, agenda: Agenda, briefs: Mapping[str, Brief], bound: Bound, models: Mapping[ModelSpec, Model]
    ) -> Sitting:
        """Put everybody in place. Call `check` first.

        Raises:
            InvalidInputError: A tactic cannot play here.
        """
        if agenda.protocol == "alternating_offers":
            delegates = {
                role: self._delegate(role, agenda, briefs[role], bound[role], models) for role in agenda.roles
            }
            return _Alternating(agenda, bound, delegates)
        queue = self._queue()
        responders = {
            role: self._responder(role, agenda, briefs[role], bound[role], models, queue)
            for role in agenda.roles
        }
        return _Mediated(agenda, bound, responders, self._mediating(agenda, models))

    def delegations(self, agenda: Agenda, digests: Mapping[ModelSpec, str]) -> dict[str, Delegation]:
        """What the statement says about each side."""
        return {role: self._delegation(agenda, role, digests) for role in agenda.roles}

    def mediation(self, agenda: Agenda, digests: Mapping[ModelSpec, str]) -> Delegation | None:
        """What the statement says about the mediator, if there is one."""
        if agenda.protocol != "single_text":
            return None
        if self._mediator is None:
            return Delegation("rule", None, None, advised=False)
        return Delegation(
            self._mediator.public, digests.get(self._mediator), mediator_prompt.shipped(), advised=True
        )

    def _delegate(
        self,
        role: str,
        agenda: Agenda,
        brief: Brief,
        mandate: BoundMandate,
        models: Mapping[ModelSpec, Model],
    ) -> LLMDelegate | TacticDelegate:
        seat = self._seats[role]
        if seat.model.provider == "tactic":
            assert mandate.utility is not None, "check_seats refuses a tactic without preferences"
            return TacticDelegate(TACTICS[seat.model.name](agenda, mandate.utility, mandate, self._seed))
        model = self._metered(seat.model, models, brief)
        return LLMDelegate(
            role, agenda, brief, model, seat.prompts, advised=seat.advised, seed=self._seed, mandate=mandate
        )

    def _responder(
        self,
        role: str,
        agenda: Agenda,
        brief: Brief,
        mandate: BoundMandate,
        models: Mapping[ModelSpec, Model],
        queue: AbstractAsyncContextManager[None],
    ) -> LLMResponder | BarResponder:
        seat = self._seats[role]
        if seat.model.provider == "tactic":
            return BarResponder(RisingBar(mandate.utility, mandate))
        model = self._metered(seat.model, models, brief)
        pack = seat.prompts.suited(agenda.protocol)
        return LLMResponder(
            role, agenda, brief, model, pack, advised=seat.advised, mandate=mandate, queue=queue
        )

    def _mediating(self, agenda: Agenda, models: Mapping[ModelSpec, Model]) -> LLMMediator | RuleMediator:
        rule = HillClimbing(agenda, self._seed)
        if self._mediator is None:
            return RuleMediator(rule)
        model = self._metered(self._mediator, models)
        return LLMMediator(agenda, model, mediator_prompt.shipped(), rule)

    def _metered(
        self, spec: ModelSpec, models: Mapping[ModelSpec, Model], brief: Brief | None = None
    ) -> Model:
        """A model that is paid for by its principal's own budget, if it has one, and by the common one."""
        price = price_of(spec)
        model = models[spec]
        if brief is not None:
            model = MeteredModel(model, Budget(brief.mandate.limits), price)
        return MeteredModel(model, self._budget, price, thinking_tokens=thinking_tokens(spec))

    def _queue(self) -> AbstractAsyncContextManager[None]:
        """For sides that are asked at once.

        A budget is checked before a call and charged after it, so two calls at once could pass its limit together.
        """
        return asyncio.Lock() if self._budget.is_limited else NO_QUEUE

    def _delegation(self, agenda: Agenda, role: str, digests: Mapping[ModelSpec, str]) -> Delegation:
        seat = self._seats[role]
        played = seat.model.provider == "tactic"
        return Delegation(
            model=seat.model.public,
            weights=digests.get(seat.model),
            prompts=None if played else seat.prompts.suited(agenda.protocol),
            advised=seat.advised and not played,
        )


class _Alternating(Sitting):
    """Two delegates who take turns."""

    def __init__(
        self, agenda: Agenda, bound: Bound, delegates: Mapping[str, LLMDelegate | TacticDelegate]
    ) -> None:
        self.counters = {role: delegate.counters for role, delegate in delegates.items()}
        self._agenda = agenda
        self._delegates: Mapping[str, Delegate] = delegates
        self._mandates = bound

    async def negotiate(self, observe: Callable[[Progress], None]) -> Ended:
        """Take turns to the end."""
        end = await alternating.negotiate(self._agenda, self._delegates, self._mandates, observe=observe)
        return Ended(end.result, end.ending, tuple(_offers(end)))


class _Mediated(Sitting):
    """Two responders and a mediator."""

    def __init__(
        self,
        agenda: Agenda,
        bound: Bound,
        responders: Mapping[str, LLMResponder | BarResponder],
        mediator: LLMMediator | RuleMediator,
    ) -> None:
        counters = {role: responder.counters for role, responder in responders.items()}
        if isinstance(mediator, LLMMediator):
            counters[MEDIATOR] = mediator.counters
        self.counters = counters
        self._agenda = agenda
        self._responders: Mapping[str, Responder] = responders
        self._mediator: Mediator = mediator
        self._mandates = bound

    async def negotiate(self, observe: Callable[[Progress], None]) -> Ended:
        """Answer text after text to the end."""
        end = await single_text.negotiate(
            self._agenda, self._mediator, self._responders, self._mandates, observe=observe
        )
        return Ended(end.result, end.ending)


def _offers(end: alternating.Negotiation) -> Iterator[KeptOffer]:
    for entry in end.table.entries:
        if isinstance(entry.move, Offer):
            yield KeptOffer(entry.number // 2 + 1, entry.role, entry.move.outcome)
