"""Delegates: each acts for one principal, and answers one question: what is your move?

Covered: a delegate with a language model behind an advisor and a guard, and one that plays a classical tactic.
Not covered: who may see what at the table (`graphs`), and where the models run (`sandbox`). A move without a message
shows that the model had nothing to say, or nothing that the guard let pass, twice; like any denial, that tells a
little about what the guard looks for to whoever can make the model say things, and a model that wants to can signal
with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, assert_never

from bargaining.errors import ModelReplyError
from bargaining.mandate import BoundMandate, Denied
from bargaining.move import Accept, Move, Offer, Pass, WalkAway
from delegates.advisor import Advice, Advisor, Caution, UtilityAdvisor
from delegates.conversation import Conversation, Counters
from delegates.fitting import Fitting
from delegates.guard import Guard, Rule, answerable, discreet, fitting, patient, within_mandate
from delegates.models.interface import Model
from delegates.portrait import system_prompt
from delegates.prompt import PromptPack, RepairPrompt, TurnPrompt
from delegates.reply import longest_reply_tokens, read_reply, reply_schema
from delegates.secrecy import Secrets

if TYPE_CHECKING:
    from bargaining.agenda import Agenda
    from bargaining.table import View
    from bargaining.tactic import Tactic
    from delegates.brief import Brief

REPAIRS = 2
"""How often in one turn a model may mend a reply that was denied or could not be read."""


class Delegate(Protocol):
    """Acts for one principal."""

    async def decide(self, view: View) -> Move:
        """The move for this turn. Everything in it becomes public.

        Raises:
            ModelError: The model behind the delegate is of no use any more.
            LimitReachedError: A budget is used up.
        """
        ...


@dataclass(frozen=True, slots=True)
class _BadMessage:
    """The guard denied no more than the message."""

    move: Move
    """Without it."""
    reason: str = field(repr=False)


class TacticDelegate:
    """Plays a classical tactic. Says nothing, asks no model."""

    def __init__(self, tactic: Tactic) -> None:
        self._tactic = tactic
        self.counters = Counters()

    async def decide(self, view: View) -> Move:
        """The tactic's move."""
        self.counters.turns += 1
        return self._tactic.move(view)


class LLMDelegate:
    """A language model that chooses, adjusts and argues, between an advisor and a guard.

    It holds the brief and the conversation with its model; nothing else does. Failed, denied or unreadable
    replies are mended within the turn, at most `REPAIRS` times; then the advisor's move is made, without a
    message. An offer that the advisor can better for one side at no cost to the other gets the better terms. Where only
    the message is at fault, it may be mended once; then the model's move is made without it.
    None of that is seen at the table or costs a turn.

    Args:
        role: Which side it acts for.
        agenda: The public agenda.
        brief: The principal's private context.
        model: Asked once per try. Wrap it for retries and budgets.
        pack: The prompts.
        advised: Use the advisor, where the brief has preferences.
        seed: Breaks ties in the advisor's search of very large spaces.
        timeout_seconds: The longest wait for one reply, retries included.
        mandate: The brief's mandate, if it is bound to the agenda already.
    """

    def __init__(
        self,
        role: str,
        agenda: Agenda,
        brief: Brief,
        model: Model,
        pack: PromptPack,
        *,
        advised: bool = True,
        seed: int = 0,
        timeout_seconds: float = 300.0,
        mandate: BoundMandate | None = None,
    ) -> None:
        if mandate is None:
            _, mandate = brief.bind(agenda)
        utility = mandate.utility
        self.counters = Counters()
        self._role = role
        self._pack = pack
        rules: list[Rule] = [within_mandate(mandate), answerable]
        self._advisor: Advisor
        if utility and advised:
            self._advisor = UtilityAdvisor(agenda, role, utility, mandate, seed=seed)
            rules.append(patient(utility))
        else:
            self._advisor = Caution(role, opening=mandate.best if utility else None)
        sayable = [fact.text for fact in brief.facts if fact.disclosure != "never"]
        wordings = [discreet(Secrets(brief, agenda, mandate)), fitting(Fitting(agenda, sayable))]
        self._guard = Guard(rules, wordings)
        system = pack.system(system_prompt(role, agenda, brief, utility, mandate, advised=advised))
        self._conversation = Conversation(
            model, system, reply_schema(agenda), longest_reply_tokens(agenda), self.counters, timeout_seconds
        )
        self._reported = 0

    def __repr__(self) -> str:
        return f"<LLMDelegate for {self._role}: redacted>"

    async def decide(self, view: View) -> Move:
        """Ask the model, check, mend; in the end, fall back on the advisor."""
        self.counters.turns += 1
        advice = self._advisor.advise(view)
        self._conversation.begin(self._pack.turn(self._describe(view, advice)))
        silent: Move | None = None
        for repairs_left in range(REPAIRS, -1, -1):
            reply = await self._conversation.ask(view.seconds_left)
            if reply is None:
                break
            verdict = self._judge(reply, view, advice)
            if not isinstance(verdict, Denied | _BadMessage):
                return verdict
            attempts_left = repairs_left
            if isinstance(verdict, _BadMessage):
                attempts_left = min(repairs_left, 1) if silent is None else 0
                silent = verdict.move
            if not attempts_left:
                break
            self._conversation.add(
                self._pack.repair(RepairPrompt(reason=verdict.reason, attempts_left=attempts_left))
            )
        if silent is not None:  # it passed the guard: what was said with it does not make it worse
            self.counters.silenced += 1
            return silent
        self.counters.replaced += 1
        return advice.move

    def _judge(self, reply: str, view: View, advice: Advice) -> Move | Denied | _BadMessage:
        try:
            move = read_reply(reply, view)
        except ModelReplyError as error:
            self.counters.unreadable += 1
            return Denied(str(error))
        verdict = self._guard.check(move, view, advice)
        if isinstance(verdict, Denied):
            self.counters.denied += 1
            return verdict
        if isinstance(move, Offer) and (better := advice.better(move.outcome)):
            self.counters.bettered += 1
            move = move.model_copy(update={"outcome": better})
        verdict = self._guard.check_message(move, view, advice)
        if isinstance(verdict, Denied):
            self.counters.denied += 1
            return _BadMessage(move.model_copy(update={"message": ""}), verdict.reason)
        return move

    def _describe(self, view: View, advice: Advice) -> TurnPrompt:
        """What happened since the last own turn, and what the advisor says now."""
        news = view.table.entries[self._reported :]
        self._reported = view.table.turn
        standing = view.standing
        return TurnPrompt(
            round=view.table.round,
            rounds=view.table.rounds,
            last_turn=view.table.is_last_turn,
            seconds_left=None if view.seconds_left is None else int(view.seconds_left),
            their_move="\n".join(
                _narrate(entry.role, entry.move, own=entry.role == self._role) for entry in news
            ),
            standing=_json(standing.move) if standing else "",
            advice=tuple(json.dumps(dict(outcome)) for outcome in advice.offers),
            advice_accept=advice.accept,
            refusals=view.refusals,
        )


def _json(move: Move) -> str:
    return json.dumps(dict(move.outcome)) if isinstance(move, Offer) else ""


def _narrate(role: str, move: Move, *, own: bool) -> str:
    who = "Your side" if own else f"The {role}"
    # quoted as JSON, so that the other side's text cannot pass for anything but a string
    said = f" and said {json.dumps(move.message)}" if move.message else ""
    match move:
        case Offer():
            return f"{who} offered {_json(move)}{said}."
        case Accept():
            return f"{who} accepted{said}."
        case WalkAway():
            return f"{who} walked away{said}."
        case Pass():
            return f"{who} made no move."
        case _:
            assert_never(move)
