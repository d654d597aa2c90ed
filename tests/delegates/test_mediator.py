"""A mediator with a language model: what it is told, and what replaces a proposal that is of no use."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from bargaining.errors import ModelTransientError, ModelUnavailableError
from bargaining.mediation import HillClimbing
from bargaining.outcome import Outcome
from bargaining.text import Ballot, MediatorView
from delegates.mediator import LLMMediator
from delegates.mediator_prompt import MediatorPrompts
from delegates.models.scripted import Reply, ScriptedModel
from tests.delegates.sale import AGENDA, BEST, FAIR, LOW

MEDIATED = AGENDA.model_copy(update={"protocol": "single_text"})
SPACE = MEDIATED.space


def said(terms: dict[str, object]) -> str:
    return json.dumps({"terms": terms})


def mediate(
    *replies: Reply, answers: Sequence[str] = ("", "", ""), cycle: bool = False
) -> tuple[list[Outcome | None], LLMMediator, ScriptedModel]:
    """Let it propose once for each answer and once more; an answer is the roles that sign, such as `seller`."""
    model = ScriptedModel(replies, cycle=cycle, keep_requests=True)
    mediator = LLMMediator(MEDIATED, model, MediatorPrompts(), HillClimbing(MEDIATED))
    ballots: tuple[Ballot, ...] = ()
    texts = []
    for number, signed in enumerate([*answers, ""], start=1):
        texts.append(asyncio.run(mediator.propose(MediatorView(MEDIATED, number, ballots))))
        text = texts[-1]
        assert text is not None
        ballots = (*ballots, Ballot(number, text, frozenset(signed.split())))
    return texts, mediator, model


def test_the_models_texts_are_proposed() -> None:
    texts, mediator, _ = mediate(said(FAIR), said(LOW), answers=[""])
    assert [dict(text or {}) for text in texts] == [FAIR, LOW]
    assert mediator.counters.replaced == 0


@pytest.mark.parametrize(
    ("useless", "counted"),
    [
        ("no idea", "unreadable"),
        (said({**FAIR, "price": 1}), "unreadable"),
        (said(FAIR), "denied"),  # the second time
        (ModelTransientError("busy"), "failed_calls"),
    ],
    ids=["no text", "off the grid", "a text again", "no reply"],
)
def test_what_is_of_no_use_is_replaced_by_the_rules_text(useless: Reply, counted: str) -> None:
    texts, mediator, _ = mediate(said(FAIR), useless, answers=[""])
    assert texts[1] in SPACE
    assert dict(texts[1] or {}) != FAIR
    assert mediator.counters.replaced == 1
    assert getattr(mediator.counters, counted) == 1


def test_the_model_hears_both_sides_answers_the_draft_and_why_a_text_was_not_used() -> None:
    _, _, model = mediate(said(FAIR), said(LOW), said(LOW), said(BEST), answers=["seller buyer", "buyer", ""])
    first, second, third, fourth = (request.turns[-1].text for request in model.requests)
    assert "No text has been signed" in first
    assert "- the seller: yes" in second
    assert "- the buyer: yes" in second
    assert f"signed so far: {json.dumps(FAIR)}" in second
    assert "- the seller: no" in third
    assert "proposed before" in fourth
    assert "Text 3:" in fourth


def test_every_request_extends_the_one_before() -> None:
    _, _, model = mediate(said(FAIR), said(LOW), said(BEST), "?")
    for before, after in zip(model.requests, model.requests[1:], strict=False):
        assert after.system == before.system
        assert after.turns[: len(before.turns)] == before.turns


def test_a_model_that_stays_silent_counts_as_unavailable() -> None:
    with pytest.raises(ModelUnavailableError):
        mediate(ModelTransientError("busy"), cycle=True)


def test_the_agenda_is_told_and_the_form_asked_for() -> None:
    _, _, model = mediate(said(FAIR), answers=[])
    system = model.requests[0].system
    assert '{"terms": {"price": …, "handover": …, "delivered": …}}' in system
    assert "8000 to 15000 in steps of 100 EUR" in system


def test_it_does_not_show_what_it_holds() -> None:
    _, mediator, _ = mediate(said(FAIR), answers=[])
    assert repr(mediator) == "<LLMMediator: redacted>"
