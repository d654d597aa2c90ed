"""Who plays in a tournament: tactics, language models with and without an advisor, and stand-ins for a model's say.

A stand-in moves within what the advisor lets a model do, and not well: it shows what the advisor is worth when
the model behind it is a poor negotiator. `worst` always settles for the least allowed; `random` for anything
that a model with good intentions might pick by chance.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import TypeAlias

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal
from bargaining.bidding import Bidder
from bargaining.errors import InvalidInputError
from bargaining.mandate import Allowed, BoundMandate
from bargaining.move import Accept, Move, Offer
from bargaining.outcome import Outcome
from bargaining.table import View
from bargaining.tactic import TACTICS
from bargaining.utility import UtilityFunction
from delegates.advisor import SLACK, UtilityAdvisor
from delegates.budget import Budget
from delegates.delegate import Delegate, TacticDelegate
from delegates.models.spec import ModelSpec, parse
from delegates.prompt import PromptPack
from delegates.scenario import Scenario, bind
from graphs.alternating import negotiate
from sandbox.box import Box
from sandbox.seating import Seat

STAND_INS = ("worst", "random")
"""The stand-ins by name."""


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A delegate with a language model."""

    spec: ModelSpec
    advised: bool
    prompts: PromptPack

    def __str__(self) -> str:
        # other prompts are another player: nothing measured with them may pass for this one's
        pack = f"{self.prompts.name} {self.prompts.digest[:8]}"
        return f"{self.spec.public} {'with' if self.advised else 'without'} advisor, prompts {pack}"


Player: TypeAlias = str | LanguageModel
"""The name of a tactic or a stand-in, or a language model."""


@dataclass(frozen=True, slots=True)
class Game:
    """How one negotiation went."""

    terms: Outcome | None
    ending: str
    rounds: int
    calls: int = 0
    tokens: int = 0
    denied: int = 0
    unreadable: int = 0
    replaced: int = 0
    failed: str = ""
    """The type of the error that cut the run short: then it says nothing about the players."""


class StandIn:
    """Plays in place of a model: at the edge of what the advisor allows, or anywhere within.

    Args:
        temper: One of `STAND_INS`.
        agenda: What is negotiated.
        role: Its side.
        utility: The side's own.
        mandate: The side's own.
        seed: For its dice.
    """

    def __init__(
        self,
        temper: str,
        agenda: Agenda,
        role: str,
        utility: UtilityFunction,
        mandate: BoundMandate,
        seed: int,
    ) -> None:
        self._temper = temper
        self._advisor = UtilityAdvisor(agenda, role, utility, mandate)
        self._bidder = Bidder(agenda, utility, mandate)
        self._utility, self._mandate = utility, mandate
        self._dice = Random(seed)  # noqa: S311  (a test's dice, not a secret)

    async def decide(self, view: View) -> Move:
        """Accept what is just good enough, or half of the time; else offer something that is."""
        advice = self._advisor.advise(view)
        assert advice.least is not None
        standing = view.standing
        if standing is not None and isinstance(standing.move, Offer):
            outcome = standing.move.outcome
            allowed = isinstance(self._mandate.allows(outcome), Allowed)
            enough = allowed and self._utility.value(outcome) >= advice.least
            if advice.accept or (enough and (self._temper == "worst" or self._dice.random() < 0.5)):
                return Accept(offer=standing.number)
        if view.table.is_last_turn:
            return advice.move
        wish = self._wish(advice.least, advice.most)
        return Offer(outcome=advice.better(wish) or wish)

    def _wish(self, least: Fraction, most: Fraction | None) -> Outcome:
        if self._temper == "worst":
            return self._bidder.candidates(least, 1)[0]
        # as far above the aspiration level as it may go below it; ranks count from the best
        room = 2 * SLACK * (self._bidder.ceiling - self._bidder.floor)
        enough, above = self._bidder.count(least), self._bidder.count(least + room if most is None else most)
        return self._bidder.ranked(self._dice.randrange(min(above, enough - 1), enough))


def play(scenario: Scenario, players: Mapping[str, Player], seed: int) -> Game:
    """One negotiation. With a language model at the table, in a box like any other.

    Raises:
        InvalidInputError: A player does not exist, or a stand-in is to meet a language model.
    """
    check(list(players.values()))
    if any(isinstance(player, LanguageModel) for player in players.values()):
        return _boxed(scenario, players, seed)
    return _direct(scenario, players, seed)


def check(players: Sequence[Player]) -> None:
    """See that these players exist and can meet one another.

    Raises:
        InvalidInputError: One does not, or a stand-in is to meet a language model.
    """
    for player in players:
        if isinstance(player, str) and player not in {*TACTICS, *STAND_INS}:
            raise InvalidInputError(
                f"no such player: '{player}'; there are the tactics {', '.join(sorted(TACTICS))}"
                f" and the stand-ins {', '.join(STAND_INS)}"
            )
    if any(isinstance(player, LanguageModel) for player in players) and not TACTICS.keys() >= {
        player for player in players if isinstance(player, str)
    }:
        raise InvalidInputError("a stand-in does not meet a language model; give it a tactic to meet")


def _direct(scenario: Scenario, players: Mapping[str, Player], seed: int) -> Game:
    agenda = scenario.agenda
    utilities, mandates = bind(scenario)
    delegates: dict[str, Delegate] = {}
    for role in agenda.roles:
        name, utility, mandate = str(players[role]), utilities[role], mandates[role]
        delegates[role] = (
            TacticDelegate(TACTICS[name](agenda, utility, mandate, seed))
            if name in TACTICS
            else StandIn(name, agenda, role, utility, mandate, seed)
        )
    ended = asyncio.run(negotiate(agenda, delegates, mandates))
    return Game(_terms(ended.result, agenda), ended.ending, rounds=(ended.table.turn + 1) // 2)


def _boxed(scenario: Scenario, players: Mapping[str, Player], seed: int) -> Game:
    budget, agenda = Budget(), scenario.agenda
    box = Box({role: _seat(player) for role, player in players.items()}, budget, seed=seed)
    released = asyncio.run(box.run(agenda, scenario.briefs))
    if isinstance(released.error, asyncio.CancelledError):
        raise KeyboardInterrupt  # asyncio makes a cancellation of Ctrl-C, and the box a no deal of that
    counters = list(released.counters.values())
    return Game(
        terms=_terms(released.result, agenda),
        ending=released.ending or "cut short",
        rounds=max((counter.turns for counter in counters), default=0),
        calls=budget.spent.calls,
        tokens=budget.spent.tokens,
        denied=sum(counter.denied for counter in counters),
        unreadable=sum(counter.unreadable for counter in counters),
        replaced=sum(counter.replaced for counter in counters),
        failed=type(released.error).__name__ if released.error else "",
    )


def _terms(result: Agreement | NoDeal, agenda: Agenda) -> Outcome | None:
    return agenda.space.outcome(result.terms) if isinstance(result, Agreement) else None


def _seat(player: Player) -> Seat:
    if isinstance(player, LanguageModel):
        return Seat(player.spec, player.prompts, player.advised)
    return Seat(parse(f"tactic/{player}"), PromptPack.load("default"))
