"""Responders: each answers a mediator's texts for one principal: would you sign this?

Covered: a responder with a language model between an advisor and its mandate, and one that only has a bar.
Not covered: moves and messages; in this protocol a side can say nothing but yes or no.
"""

import json
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bargaining.agenda import Agenda
from bargaining.deluge import RisingBar
from bargaining.errors import ModelReplyError
from bargaining.mandate import BoundMandate
from bargaining.text import TextView
from delegates.brief import Brief
from delegates.conversation import NO_QUEUE, Conversation, Counters
from delegates.delegate import REPAIRS
from delegates.models.interface import Model
from delegates.portrait import system_prompt
from delegates.prompt import AnswerPrompt, PromptPack, RepairPrompt
from delegates.reply import answer_schema, read_answer

FORM = '{"answer": "yes"} or {"answer": "no"}'
"""What an answer has to look like."""

_REPLY_TOKENS = 32


class Responder(Protocol):
    """Answers for one principal."""

    async def answer(self, view: TextView) -> bool:
        """Whether its side would sign the text. Nobody else learns the answer before the end but the mediator.

        Raises:
            ModelError: The model behind the responder is of no use any more.
            LimitReachedError: A budget is used up.
        """
        ...


class BarResponder:
    """Signs what reaches its side's rising bar. Asks no model."""

    def __init__(self, bar: RisingBar) -> None:
        self._bar = bar
        self.counters = Counters()

    async def answer(self, view: TextView) -> bool:
        """Whether the text reaches the bar."""
        self.counters.turns += 1
        return self._bar.signs(view)


class LLMResponder:
    """A language model that decides, with a bar as its advisor, inside its mandate.

    It is asked only where its answer can matter: a text that the mandate forbids, or with an advisor one far below
    the bar, is a no whatever the model would say. That keeps a text outside the mandate from being signed, and
    saves most of the calls; whoever can time the answers can tell such a no from a considered one.

    Args:
        role: Which side it acts for.
        agenda: The public agenda.
        brief: The principal's private context.
        model: Asked once per try. Wrap it for retries and budgets.
        pack: The prompts.
        advised: Use the bar as an advisor, where the brief has preferences.
        mandate: The brief's mandate, if it is bound to the agenda already.
        timeout_seconds: The longest wait for one reply, retries included.
        queue: What sides who pay from one limited budget ask behind, see `Conversation`.
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
        mandate: BoundMandate | None = None,
        timeout_seconds: float = 300.0,
        queue: AbstractAsyncContextManager[None] = NO_QUEUE,
    ) -> None:
        if mandate is None:
            _, mandate = brief.bind(agenda)
        utility = mandate.utility
        self.counters = Counters()
        self._role = role
        self._pack = pack
        self._advised = advised and utility is not None
        self._may_sign = mandate.mandate.authority.accept
        self._bar = RisingBar(utility if advised else None, mandate)
        system = pack.system(system_prompt(role, agenda, brief, utility, mandate, advised=advised))
        self._conversation = Conversation(
            model, system, answer_schema(), _REPLY_TOKENS, self.counters, timeout_seconds, queue
        )

    def __repr__(self) -> str:
        return f"<LLMResponder for {self._role}: redacted>"

    async def answer(self, view: TextView) -> bool:
        """Ask the model, mend; in the end, fall back on the advisor's answer, or no."""
        self.counters.turns += 1
        if not self._may_sign or not self._bar.considers(view):
            return False
        advice = self._advised and self._bar.signs(view)
        self._conversation.begin(self._pack.answer(self._describe(view, advice=advice)))
        for repairs_left in range(REPAIRS, -1, -1):
            reply = await self._conversation.ask(view.seconds_left)
            if reply is None:
                break
            try:
                return read_answer(reply)
            except ModelReplyError as error:
                reason = str(error)
            self.counters.unreadable += 1
            if repairs_left:
                self._conversation.add(self._pack.repair(RepairPrompt(reason, repairs_left, FORM)))
        self.counters.replaced += 1
        return advice

    def _describe(self, view: TextView, *, advice: bool) -> AnswerPrompt:
        return AnswerPrompt(
            round=view.round,
            rounds=view.agenda.rounds,
            text=json.dumps(dict(view.text)),
            seconds_left=None if view.seconds_left is None else int(view.seconds_left),
            advice=("yes" if advice else "no") if self._advised else "",
        )
