"""Whatever mediator and sides do: nobody sees the other's answers, no agreement outside a mandate, always an end."""

import asyncio
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal
from bargaining.deluge import RisingBar
from bargaining.mandate import Allowed, BoundMandate, Mandate
from bargaining.mediation import HillClimbing
from bargaining.outcome import Outcome
from bargaining.text import MediatorView, TextView
from delegates.mediator import Mediator, RuleMediator
from delegates.responder import BarResponder, Responder
from graphs import single_text
from graphs.single_text import Mediated, mermaid, negotiate
from tests.bargaining.strategies import agendas, principals


def _agenda(**changes: object) -> Agenda:
    issues = [
        {"kind": "integer", "name": "price", "minimum": 0, "maximum": 100, "step": 10},
        {"kind": "boolean", "name": "delivered"},
    ]
    content: dict[str, object] = {
        "title": "A sale",
        "roles": ["seller", "buyer"],
        "protocol": "single_text",
        "issues": issues,
        "rounds": 6,
    }
    return Agenda.model_validate(content | changes)


class Voice:
    """A responder that answers as a function says, and remembers what it saw."""

    def __init__(self, say: Callable[[TextView], Any]) -> None:
        self._say = say
        self.views: list[TextView] = []

    async def answer(self, view: TextView) -> bool:
        self.views.append(view)
        said: bool = self._say(view)
        return said


class Proposer:
    """A mediator that proposes a list, whatever is answered, and remembers what it saw."""

    def __init__(self, texts: Sequence[Any]) -> None:
        self._texts = texts
        self.views: list[MediatorView] = []

    async def propose(self, view: MediatorView) -> Outcome | None:
        self.views.append(view)
        text: Outcome | None = self._texts[(view.round - 1) % len(self._texts)]
        return text


def _text(price: int, delivered: bool = False) -> Outcome:
    return _agenda().space.outcome({"price": price, "delivered": delivered})


TEXTS = [_text(price) for price in (50, 60, 40, 70, 30, 80)]


def _mandates(agenda: Agenda, **mandates: Mapping[str, object]) -> dict[str, BoundMandate]:
    return {
        role: BoundMandate(Mandate.model_validate(mandates.get(role, {})), agenda, None)
        for role in agenda.roles
    }


def _run(
    mediator: Mediator, seller: Responder, buyer: Responder, agenda: Agenda | None = None, **more: Any
) -> Mediated:
    agenda = agenda or _agenda()
    mandates = more.pop("mandates", None) or _mandates(agenda)
    return asyncio.run(negotiate(agenda, mediator, {"seller": seller, "buyer": buyer}, mandates, **more))


def _price(view: TextView) -> int:
    price = view.text["price"]
    assert isinstance(price, int)
    return price


def test_the_best_text_that_both_have_signed_is_the_agreement() -> None:
    end = _run(
        Proposer(TEXTS), Voice(lambda view: _price(view) >= 40), Voice(lambda view: _price(view) <= 60)
    )
    assert end.result == Agreement(terms={"price": 40, "delivered": False})  # 50, 60 and 40; 40 was the last
    assert end.ending == "agreed"
    assert list(end.texts) == TEXTS


def test_without_a_text_that_both_have_signed_there_is_no_deal() -> None:
    end = _run(Proposer(TEXTS), Voice(lambda view: _price(view) >= 60), Voice(lambda view: _price(view) < 60))
    assert (end.result, end.ending) == (NoDeal(), "rounds over")


@given(st.lists(st.booleans(), min_size=6, max_size=6), st.lists(st.booleans(), min_size=6, max_size=6))
@settings(deadline=None)
def test_a_side_sees_the_same_whatever_the_other_side_answers(one: list[bool], other: list[bool]) -> None:
    """The texts are the same here: what a mediator's choice of texts tells is another matter."""
    seen = []
    for answers in (one, other):
        seller = Voice(lambda view: view.round % 2 == 0)
        _run(Proposer(TEXTS), seller, Voice(lambda view, said=answers: said[view.round - 1]))  # type: ignore[misc]  # a default in a lambda
        seen.append(seller.views)
    assert seen[0] == seen[1]
    assert [view.answers for view in seen[0]] == [
        tuple(n % 2 == 0 for n in range(1, end)) for end in range(1, 7)
    ]
    assert [view.texts for view in seen[0]] == [tuple(TEXTS[:end]) for end in range(1, 7)]


def test_the_state_holds_no_answer() -> None:
    assert set(single_text.State.__annotations__) == {"round", "texts", "ending", "result"}


def test_the_mediator_sees_who_signed() -> None:
    mediator = Proposer(TEXTS)
    _run(mediator, Voice(lambda view: True), Voice(lambda view: view.round == 2))
    assert [ballot.signed for ballot in mediator.views[-1].ballots][:3] == [
        {"seller"},
        {"seller", "buyer"},
        {"seller"},
    ]


@pytest.mark.parametrize("said", [1, "yes", None, object(), [True]])
def test_only_a_plain_yes_counts(said: object) -> None:
    end = _run(Proposer(TEXTS), Voice(lambda view: said), Voice(lambda view: True))
    assert end.result == NoDeal()


def test_a_yes_outside_the_own_mandate_counts_as_no() -> None:
    agenda = _agenda()
    mediator = Proposer([_text(0), _text(90)])
    mandates = _mandates(agenda, seller={"conditions": [{"at_least": {"price": 50}}]})
    end = _run(mediator, Voice(lambda view: True), Voice(lambda view: True), mandates=mandates)
    assert end.result == Agreement(terms={"price": 90, "delivered": False})
    assert [ballot.signed for ballot in mediator.views[2].ballots] == [{"buyer"}, {"seller", "buyer"}]


def test_a_yes_without_authority_counts_as_no() -> None:
    agenda = _agenda()
    mandates = _mandates(agenda, buyer={"authority": {"accept": False}})
    end = _run(Proposer(TEXTS), Voice(lambda view: True), Voice(lambda view: True), mandates=mandates)
    assert end.result == NoDeal()


@pytest.mark.parametrize(
    "text",
    [
        Outcome({"price": 15, "delivered": True}),
        Outcome({"price": 10, "delivered": 1}),
        Outcome({"price": 10}),
        {"price": 10, "delivered": True, "banana": 5},
        "sign here",
        7,
    ],
    ids=str,
)
def test_a_text_that_is_not_on_the_agenda_is_put_before_nobody_and_costs_its_round(text: object) -> None:
    seller, mediator = Voice(lambda view: True), Proposer([text])
    end = _run(mediator, seller, Voice(lambda view: True))
    assert (end.result, end.ending) == (NoDeal(), "rounds over")
    assert seller.views == []
    assert len(mediator.views) == 6


def test_terms_in_another_shape_are_made_anew() -> None:
    end = _run(
        Proposer([{"delivered": True, "price": 10}]), Voice(lambda view: True), Voice(lambda view: True)
    )
    assert list(end.texts[0].items()) == [("price", 10), ("delivered", True)]


def test_a_mediator_with_nothing_left_ends_the_rounds() -> None:
    mediator = Proposer([TEXTS[0], None])
    end = _run(mediator, Voice(lambda view: True), Voice(lambda view: True))
    assert end.ending == "agreed"
    assert len(mediator.views) == 2


class Stalling:
    """Never answers."""

    def __init__(self) -> None:
        self.cancelled = 0

    async def answer(self, view: TextView) -> bool:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled += 1
        raise AssertionError


def test_when_the_time_is_over_a_half_answered_text_counts_for_nothing() -> None:
    agenda, stalling = _agenda(seconds=1), Stalling()
    ticks = itertools.chain([0.0] * 3, itertools.repeat(0.99))
    end = _run(Proposer(TEXTS), Voice(lambda view: True), stalling, agenda, clock=lambda: next(ticks))
    assert (end.result, end.ending) == (NoDeal(), "time over")
    assert stalling.cancelled == 1


def test_what_was_signed_before_the_time_was_over_is_the_agreement() -> None:
    agenda = _agenda(seconds=10, rounds=100)
    ticks = itertools.count()
    end = _run(
        Proposer(TEXTS),
        Voice(lambda view: True),
        Voice(lambda view: True),
        agenda,
        clock=lambda: float(next(ticks)),
    )
    assert isinstance(end.result, Agreement)
    assert len(end.texts) < 5


def test_if_one_side_fails_the_other_is_not_left_waiting() -> None:
    def fail(view: TextView) -> bool:
        raise RuntimeError("failed")

    stalling = Stalling()
    with pytest.raises(RuntimeError, match="failed"):
        _run(Proposer(TEXTS), Voice(fail), stalling)
    assert stalling.cancelled == 1


def test_both_sides_are_asked_at_once() -> None:
    met = asyncio.Barrier(2)

    class Meeting:
        async def answer(self, view: TextView) -> bool:
            async with asyncio.timeout(5):
                await met.wait()
            return True

    async def go() -> Mediated:
        agenda = _agenda(rounds=1)
        sides: dict[str, Responder] = {"seller": Meeting(), "buyer": Meeting()}
        return await negotiate(agenda, Proposer(TEXTS), sides, _mandates(agenda))

    assert asyncio.run(go()).ending == "agreed"


def test_progress_tells_counts_only_and_not_too_many() -> None:
    seen: list[object] = []
    never = Voice(lambda view: False)
    _run(Proposer(TEXTS), never, never, _agenda(rounds=1000), observe=seen.append)
    assert str(seen[0]) == "Progress(turn=0, round=1, rounds=1000, to_move='both sides')"
    assert len(seen) == 25


def test_what_was_agreed_is_improved_where_the_agenda_asks_for_it() -> None:
    from bargaining.utility import Preferences, UtilityFunction

    agenda = _agenda(settlement="improved")

    def bound(delivered: int) -> BoundMandate:
        likes = {"price": {"points": {0: 0, 100: 0}}, "delivered": {"scores": {False: 0, True: delivered}}}
        utility = UtilityFunction(Preferences.model_validate({"issues": likes}), agenda)
        return BoundMandate(Mandate(), agenda, utility)

    mandates = {"seller": bound(1), "buyer": bound(2)}
    end = _run(Proposer([_text(50)]), Voice(lambda v: True), Voice(lambda v: True), agenda, mandates=mandates)
    assert isinstance(end.result, Agreement)
    assert end.result.terms["delivered"] is True


def test_the_graph_can_be_drawn() -> None:
    drawing = mermaid()
    for edge in (
        "mediate -.-> answer",
        "answer -.-> mediate",
        "answer -.-> settle",
        "mediate -.-> settle",
        "settle --> __end__",
    ):
        assert edge in drawing


def test_the_same_run_twice_ends_the_same() -> None:
    agenda = _agenda(rounds=60)
    ends = [
        _run(
            RuleMediator(HillClimbing(agenda, 5)),
            Voice(lambda view: _price(view) >= view.round),
            Voice(lambda view: _price(view) <= 100 - view.round),
            agenda,
        )
        for _ in range(2)
    ]
    assert ends[0] == ends[1]
    assert ends[0].ending == "agreed"


@settings(deadline=None)
@given(st.data())
def test_no_agreement_outside_a_mandate_whatever_is_proposed_and_answered(data: st.DataObject) -> None:
    """A hostile mediator proposes anything, both sides answer at random, and no mandate binds them but ours."""
    agenda = data.draw(agendas(protocol="single_text"))
    mandates = {role: data.draw(principals(agenda, authority=True))[1] for role in agenda.roles}
    generator = random.Random(data.draw(st.integers(0, 2**32)))

    class Hostile:
        async def propose(self, view: MediatorView) -> Outcome | None:
            broken: Any = generator.choice([{}, "text", Outcome({"issue_0": "banana"})])
            whole = agenda.space.at(generator.randrange(agenda.space.size))
            return broken if generator.random() < 0.2 else whole

    def say(view: TextView) -> object:
        return generator.choice([True, True, False, "yes"])

    end = asyncio.run(negotiate(agenda, Hostile(), {r: Voice(say) for r in agenda.roles}, mandates))
    assert len(end.texts) <= agenda.rounds
    if isinstance(end.result, Agreement):
        outcome = agenda.space.outcome(end.result.terms)
        assert all(isinstance(mandate.allows(outcome), Allowed) for mandate in mandates.values())
        assert all(mandate.mandate.authority.accept for mandate in mandates.values())


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_bars_and_rule_never_agree_outside_a_mandate(data: st.DataObject) -> None:
    agenda = data.draw(agendas(protocol="single_text"))
    bound = {role: data.draw(principals(agenda)) for role in agenda.roles}
    sides = {role: BarResponder(RisingBar(*sides)) for role, sides in bound.items()}
    mandates = {role: mandate for role, (_, mandate) in bound.items()}
    end = asyncio.run(negotiate(agenda, RuleMediator(HillClimbing(agenda)), sides, mandates))
    if isinstance(end.result, Agreement):
        outcome = agenda.space.outcome(end.result.terms)
        assert all(isinstance(mandate.allows(outcome), Allowed) for mandate in mandates.values())
