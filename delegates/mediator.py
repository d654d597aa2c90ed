"""Mediators: who proposes the texts that both sides are asked to sign.

Covered: one that follows a rule, and one with a language model whose unusable proposals the rule replaces.
Not covered: confidence in the mediator. A model sees both sides' answers, so its provider does too; it never sees
a brief.
"""

import json
from collections.abc import Sequence
from typing import Protocol

from bargaining.agenda import Agenda
from bargaining.errors import ModelReplyError
from bargaining.mediation import Mediation
from bargaining.outcome import Outcome
from bargaining.text import Ballot, MediatorView, Signatures
from delegates.conversation import Conversation, Counters
from delegates.mediator_prompt import Answered, MediatorPrompts, ProposePrompt, SystemPrompt
from delegates.models.interface import Model
from delegates.portrait import describe_issue
from delegates.reply import longest_reply_tokens, read_text, text_schema


class Mediator(Protocol):
    """Proposes texts."""

    async def propose(self, view: MediatorView) -> Outcome | None:
        """The next text to put before both sides; None if there is nothing left to try.

        Raises:
            ModelError: The model behind the mediator is of no use any more.
            LimitReachedError: A budget is used up.
        """
        ...


class RuleMediator:
    """Proposes what a rule says. Asks no model."""

    def __init__(self, rule: Mediation) -> None:
        self._rule = rule

    async def propose(self, view: MediatorView) -> Outcome | None:
        """The rule's text."""
        return self._rule.propose(view)


class LLMMediator:
    """A language model that proposes texts; where it fails, repeats itself or leaves the agenda, a rule does.

    Args:
        agenda: The public agenda: all that it knows beside the answers.
        model: Asked once a round. Wrap it for retries and budgets.
        prompts: What it is told.
        rule: What proposes in its place.
        timeout_seconds: The longest wait for one reply, retries included.
    """

    def __init__(
        self,
        agenda: Agenda,
        model: Model,
        prompts: MediatorPrompts,
        rule: Mediation,
        *,
        timeout_seconds: float = 300.0,
    ) -> None:
        self.counters = Counters()
        self._agenda = agenda
        self._prompts = prompts
        self._rule = rule
        self._signed = Signatures(agenda)
        self._noted = 0
        self._problem = ""
        system = SystemPrompt(
            roles=agenda.roles,
            title=agenda.title,
            description=agenda.description,
            issues=tuple(describe_issue(issue) for issue in agenda.issues),
            rounds=agenda.rounds,
        )
        self._conversation = Conversation(
            model,
            prompts.system(system),
            text_schema(agenda),
            longest_reply_tokens(agenda),
            self.counters,
            timeout_seconds,
        )

    def __repr__(self) -> str:
        return "<LLMMediator: redacted>"

    async def propose(self, view: MediatorView) -> Outcome | None:
        """Ask the model for a text that was not proposed yet; else ask the rule."""
        self.counters.turns += 1
        news = view.ballots[self._noted :]
        self._noted = len(view.ballots)
        for ballot in news:
            self._signed.note(ballot)
        self._conversation.begin(self._prompts.propose(self._describe(view, news)))
        reply = await self._conversation.ask(view.seconds_left)
        text, self._problem = self._judge(reply)
        if text is None:
            self.counters.replaced += 1
            return self._rule.propose(view)
        return text

    def _judge(self, reply: str | None) -> tuple[Outcome | None, str]:
        if reply is None:
            return None, "there was no reply"
        try:
            text = read_text(reply, self._agenda.space)
        except ModelReplyError as error:
            self.counters.unreadable += 1
            return None, str(error)
        if self._agenda.space.index(text) in self._signed:
            self.counters.denied += 1
            return None, "it had been proposed before; change one or two issues"
        return text, ""

    def _describe(self, view: MediatorView, news: Sequence[Ballot]) -> ProposePrompt:
        draft = self._signed.draft
        return ProposePrompt(
            round=view.round,
            rounds=self._agenda.rounds,
            answers=tuple(self._answered(ballot) for ballot in news),
            draft="" if draft is None else _json(self._agenda.space.at(draft)),
            replaced=self._problem,
            seconds_left=None if view.seconds_left is None else int(view.seconds_left),
        )

    def _answered(self, ballot: Ballot) -> Answered:
        said = (f"- the {role}: {'yes' if role in ballot.signed else 'no'}" for role in self._agenda.roles)
        return Answered(ballot.round, _json(ballot.text), tuple(said))


def _json(text: Outcome) -> str:
    return json.dumps(dict(text))
