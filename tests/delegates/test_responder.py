"""Answers for one side: who is asked, what counts, and what the model is told."""

import asyncio
import json

import pytest

from bargaining.deluge import RisingBar
from bargaining.errors import ModelTransientError, ModelUnavailableError
from bargaining.text import TextView
from delegates.brief import Brief
from delegates.models.scripted import Reply, ScriptedModel
from delegates.prompt import PromptPack
from delegates.responder import BarResponder, LLMResponder
from tests.delegates.sale import (
    AGENDA,
    BEST,
    BRIEF,
    FAIR,
    LIMIT,
    LOW,
    MANDATE,
    POOR,
    RESERVATION,
    UTILITY,
    brief,
)

YES, NO = json.dumps({"answer": "yes"}), json.dumps({"answer": "no"})
PACK = PromptPack.load("default")
MEDIATED = AGENDA.model_copy(update={"protocol": "single_text", "rounds": 11})


def view(terms: dict[str, object], number: int = 1, *, seconds_left: float | None = None) -> TextView:
    return TextView(MEDIATED, "seller", number, (MEDIATED.space.outcome(terms),), (), seconds_left)


def responder(
    *replies: Reply, advised: bool = True, of: Brief = BRIEF, cycle: bool = False
) -> tuple[LLMResponder, ScriptedModel]:
    model = ScriptedModel(replies or ("never asked",), cycle=cycle, keep_requests=True)
    return LLMResponder("seller", MEDIATED, of, model, PACK, advised=advised, timeout_seconds=5), model


def answer(side: LLMResponder | BarResponder, seen: TextView) -> bool:
    return asyncio.run(side.answer(seen))


def test_the_models_answer_counts() -> None:
    side, _ = responder(YES, NO)
    assert answer(side, view(FAIR)) is True
    assert answer(side, view(FAIR, 2)) is False


@pytest.mark.parametrize("terms", [LOW, POOR], ids=["below a limit", "below the reservation value"])
@pytest.mark.parametrize("advised", [True, False])
def test_outside_the_mandate_the_answer_is_no_and_the_model_is_not_even_asked(
    terms: dict[str, object], advised: bool
) -> None:
    side, model = responder(YES, advised=advised, cycle=True)
    assert answer(side, view(terms)) is False
    assert model.calls == 0


def test_far_below_the_advisors_bar_the_model_is_not_asked() -> None:
    side, model = responder(YES)
    assert answer(side, view(FAIR, 11)) is False  # in the last round only the best reaches the bar
    assert model.calls == 0


def test_a_little_below_the_bar_the_model_may_decide_and_hears_the_advisors_no() -> None:
    nearly = {**BEST, "price": 14900}
    side, model = responder(YES)
    assert answer(side, view(nearly, 11)) is True
    assert "advisor says: not yet" in model.requests[0].turns[-1].text


def test_without_an_advisor_the_mandate_alone_decides_who_is_asked() -> None:
    side, model = responder(YES, advised=False)
    assert answer(side, view(FAIR, 11)) is True
    assert "advisor" not in model.requests[0].turns[-1].text


def test_without_authority_to_accept_the_answer_is_no() -> None:
    bound = brief(mandate={"authority": {"accept": False}})
    side, model = responder(YES, of=bound)
    assert answer(side, view(FAIR)) is False
    assert model.calls == 0


def test_an_unreadable_reply_is_mended() -> None:
    side, model = responder("perhaps", "well", YES)
    assert answer(side, view(FAIR)) is True
    assert side.counters.unreadable == 2
    assert '{"answer": "yes"}' in model.requests[1].turns[-1].text


@pytest.mark.parametrize(("advised", "expected"), [(True, True), (False, False)])
def test_after_too_many_unreadable_replies_the_advisor_answers_or_it_is_no(
    advised: bool, expected: bool
) -> None:
    side, model = responder("perhaps", advised=advised, cycle=True)
    assert answer(side, view(FAIR)) is expected
    assert model.calls == 3
    assert side.counters.replaced == 1


def test_a_model_that_stays_silent_counts_as_unavailable() -> None:
    side, _ = responder(ModelTransientError("busy"), cycle=True)
    assert answer(side, view(FAIR)) is True
    assert answer(side, view(FAIR)) is True
    with pytest.raises(ModelUnavailableError):
        answer(side, view(FAIR))
    assert side.counters.failed_calls == 3


def test_every_request_extends_the_one_before_and_asks_only_for_yes_or_no() -> None:
    side, model = responder(YES, "?", NO, YES)
    for number in (1, 2, 3):
        answer(side, view(FAIR, number))
    for before, after in zip(model.requests, model.requests[1:], strict=False):
        assert after.system == before.system
        assert after.turns[: len(before.turns)] == before.turns
        assert after.schema == before.schema
    assert '{"answer": "yes"}' in model.requests[0].system
    assert '"move"' not in model.requests[0].system


def test_with_an_advisor_the_model_is_not_told_its_limits() -> None:
    side, model = responder(YES)
    answer(side, view(FAIR))
    said = model.requests[0].system + model.requests[0].turns[-1].text
    assert str(LIMIT) not in said
    assert str(RESERVATION) not in said


def test_it_does_not_show_what_it_holds() -> None:
    side, _ = responder(YES)
    answer(side, view(FAIR))
    assert repr(side) == "<LLMResponder for seller: redacted>"
    assert repr(vars(side)["_conversation"]) == "<Conversation: redacted>"


def test_a_bar_answers_without_a_model() -> None:
    side = BarResponder(RisingBar(UTILITY, MANDATE))
    assert [answer(side, view(FAIR, n)) for n in (1, 11)] == [True, False]
    assert side.counters.turns == 2
