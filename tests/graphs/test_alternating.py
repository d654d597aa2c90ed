"""Whatever the delegates do, the table holds: no illegal move, no agreement outside a mandate, always an end."""

import asyncio
import itertools
import random
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal
from bargaining.issue import BooleanIssue, CategoricalIssue, IntegerIssue
from bargaining.mandate import Allowed, BoundMandate, Mandate
from bargaining.move import Accept, Move, Offer, Pass, WalkAway
from bargaining.outcome import Outcome
from bargaining.table import View
from graphs.alternating import Negotiation, mermaid, negotiate


def _agenda(**changes: object) -> Agenda:
    return Agenda.model_validate(
        {
            "title": "A sale",
            "roles": ("seller", "buyer"),
            "issues": (
                IntegerIssue(name="price", minimum=0, maximum=100, step=10),
                BooleanIssue(name="delivered"),
            ),
            "rounds": 4,
            **changes,
        }
    )


class Player:
    """A delegate that does what a function says."""

    def __init__(self, play: Callable[[View], Move]) -> None:
        self._play = play
        self.views: list[View] = []

    async def decide(self, view: View) -> Move:
        self.views.append(view)
        return self._play(view)


def _mandates(
    agenda: Agenda, seller: Mapping[str, object] | None = None, buyer: Mapping[str, object] | None = None
) -> dict[str, BoundMandate]:
    return {
        "seller": BoundMandate(Mandate.model_validate(seller or {}), agenda, None),
        "buyer": BoundMandate(Mandate.model_validate(buyer or {}), agenda, None),
    }


def _run(
    first: Callable[[View], Move],
    second: Callable[[View], Move],
    agenda: Agenda | None = None,
    **mandates: Mapping[str, object],
) -> Negotiation:
    agenda = agenda or _agenda()
    return asyncio.run(
        negotiate(agenda, {"seller": Player(first), "buyer": Player(second)}, _mandates(agenda, **mandates))
    )


def _offer(price: int, delivered: bool = False) -> Offer:
    return Offer(outcome=_agenda().space.outcome({"price": price, "delivered": delivered}))


def _accept_standing(view: View) -> Move:
    return Accept(offer=view.standing.number) if view.standing else Pass()


def test_an_accepted_offer_is_the_agreement() -> None:
    end = _run(lambda view: _offer(60), _accept_standing)
    assert end.result == Agreement(terms={"price": 60, "delivered": False})
    assert end.ending == "agreed"


def test_walking_away_ends_without_a_deal() -> None:
    end = _run(lambda view: WalkAway(), _accept_standing)
    assert (end.result, end.ending) == (NoDeal(), "walked away")


def test_the_rounds_run_out() -> None:
    agenda = _agenda(deadlock_rounds=None)
    end = _run(lambda view: _offer(100), lambda view: _offer(0), agenda)
    assert (end.result, end.ending) == (NoDeal(), "rounds over")
    assert end.table.turn == 2 * agenda.rounds


def test_a_deadlock_brings_the_last_round_forward() -> None:
    agenda = _agenda(rounds=50, deadlock_rounds=3)
    end = _run(lambda view: _offer(100), lambda view: _offer(0), agenda)
    assert (end.result, end.ending) == (NoDeal(), "deadlock")
    assert end.table.turn == 2 * (3 + 1 + 1)  # the first round, three repeats, the last round


@pytest.mark.parametrize(
    ("illegal", "code"),
    [
        (lambda view: Accept(offer=0), "no such offer on the table"),
        (lambda view: Accept(offer=-1), "no such offer on the table"),
        (lambda view: Offer(outcome=Outcome({"price": 15, "delivered": True})), "terms not on the agenda"),
        (lambda view: Offer(outcome=Outcome({"price": 10, "delivered": 1})), "terms not on the agenda"),
        (lambda view: Offer(outcome=Outcome({"price": 10})), "terms not on the agenda"),
        (
            lambda view: Offer(outcome=Outcome({"price": 10, "delivered": True, "banana": -5})),
            "terms not on the agenda",
        ),
        (lambda view: _offer(10).model_copy(update={"message": "x" * 401}), "message too long"),
        (lambda view: Pass(message="psst"), "message too long"),
        (lambda view: "accept", "not a move"),
        (lambda view: None, "not a move"),
        (lambda view: Accept.model_construct(offer="x"), "not a move"),  # type: ignore[arg-type]  # a hostile delegate
        (lambda view: Accept.model_construct(), "not a move"),  # type: ignore[call-arg]  # same
        (lambda view: Offer.model_construct(), "not a move"),  # type: ignore[call-arg]  # what a hostile delegate does
        (
            lambda view: Offer.model_construct(outcome={"price": "x"}, message=""),  # type: ignore[arg-type]  # same
            "terms not on the agenda",
        ),
        (lambda view: WalkAway.model_construct(message=7), "not a move"),  # type: ignore[arg-type]  # same
        (lambda view: _offer(0), "outside the mandate"),
    ],
)
def test_an_illegal_move_is_refused_and_then_the_turn_passes(
    illegal: Callable[[View], Move], code: str
) -> None:
    agenda = _agenda()
    seller = Player(illegal)
    end = asyncio.run(
        negotiate(
            agenda,
            {"seller": seller, "buyer": Player(lambda view: WalkAway())},
            _mandates(agenda, seller={"conditions": [{"at_least": {"price": 10}}]}),
        )
    )
    assert [view.refusals for view in seller.views] == [(), (code,), (code, code)]
    assert isinstance(end.table.entries[0].move, Pass)
    assert end.result == NoDeal()


def test_nobody_accepts_an_own_offer() -> None:
    refused: list[tuple[str, ...]] = []

    def seller(view: View) -> Move:
        refused.append(view.refusals)
        return _offer(50) if view.table.turn == 0 else Accept(offer=0)

    end = _run(seller, lambda view: _offer(10))
    assert end.result == NoDeal()
    assert ("own offer",) in refused


def test_a_replaced_offer_is_gone() -> None:
    def buyer(view: View) -> Move:
        return _offer(0) if view.table.turn == 1 else Accept(offer=0)

    end = _run(lambda view: _offer(50 - 10 * view.table.round), buyer)
    assert end.result == NoDeal()


def test_an_expired_offer_cannot_be_accepted() -> None:
    agenda = _agenda(offer_lifetime=1)
    refused: list[tuple[str, ...]] = []

    def buyer(view: View) -> Move:
        if view.table.turn == 1:
            return _offer(0)
        refused.append(view.refusals)
        return Accept(offer=0)

    end = _run(lambda view: _offer(50) if view.table.turn == 0 else Pass(), buyer, agenda)
    assert end.result == NoDeal()
    assert ("offer expired",) in refused


def test_an_offer_that_has_not_expired_can_be_accepted_after_a_pass() -> None:
    def buyer(view: View) -> Move:
        return _offer(0) if view.table.turn == 1 else Accept(offer=0)

    end = _run(lambda view: _offer(50) if view.table.turn == 0 else Pass(), buyer)
    assert end.result == Agreement(terms={"price": 50, "delivered": False})


def test_authority_is_enforced() -> None:
    no_accept = {"authority": {"accept": False}}
    assert _run(lambda view: _offer(50), _accept_standing, buyer=no_accept).result == NoDeal()
    no_walk = {"authority": {"walk_away": False}}
    assert _run(lambda view: WalkAway(), _accept_standing, seller=no_walk).ending != "walked away"


def test_time_runs_out_while_a_delegate_thinks() -> None:
    class Stalling:
        async def decide(self, view: View) -> Move:
            await asyncio.Event().wait()
            raise AssertionError

    agenda = _agenda(seconds=1)
    ticks = itertools.chain([0.0, 0.99], itertools.repeat(1.0))
    end = asyncio.run(
        negotiate(
            agenda, {"seller": Stalling(), "buyer": Stalling()}, _mandates(agenda), clock=lambda: next(ticks)
        )
    )
    assert (end.result, end.ending) == (NoDeal(), "time over")


@pytest.mark.parametrize("late", [1, 2, 3])
def test_time_runs_out_for_a_delegate_that_never_waits(late: int) -> None:
    agenda = _agenda(seconds=10)
    ticks = itertools.chain([0.0] * late, itertools.repeat(50.0))
    players = {"seller": Player(lambda view: _offer(60)), "buyer": Player(_accept_standing)}
    end = asyncio.run(negotiate(agenda, players, _mandates(agenda), clock=lambda: next(ticks)))
    assert (end.result, end.ending) == (NoDeal(), "time over")


def test_progress_tells_counts_only() -> None:
    seen: list[object] = []
    agenda = _agenda()
    players = {"seller": Player(lambda view: _offer(60)), "buyer": Player(_accept_standing)}
    asyncio.run(negotiate(agenda, players, _mandates(agenda), observe=seen.append))
    assert [str(progress) for progress in seen] == [
        "Progress(turn=0, round=1, rounds=4, to_move='seller')",
        "Progress(turn=1, round=1, rounds=4, to_move='buyer')",
    ]


def test_the_graph_can_be_drawn() -> None:
    drawing = mermaid()
    for edge in ("__start__ --> turn", "turn -.-> turn", "turn -.-> settle", "settle --> __end__"):
        assert edge in drawing


AGENDA = Agenda(
    title="Fuzz",
    roles=("a", "b"),
    issues=(
        IntegerIssue(name="price", minimum=0, maximum=9),
        CategoricalIssue(name="colour", options=("red", "green")),
    ),
    rounds=5,
)


@settings(deadline=None)
@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 2**32))
def test_no_agreement_outside_a_mandate_whatever_is_played(least: int, most: int, seed: int) -> None:
    """Both sides move at random: offers, acceptances of any number, illegal terms."""
    generator = random.Random(seed)

    def play(view: View) -> Move:
        match generator.randrange(4):
            case 0:
                return Accept(offer=generator.randrange(-2, 10))
            case 1:
                return Offer(outcome=Outcome({"price": generator.randrange(-3, 14), "colour": "red"}))
            case _:
                return Offer(outcome=AGENDA.space.at(generator.randrange(AGENDA.space.size)))

    mandates = {
        "a": BoundMandate(
            Mandate.model_validate({"conditions": [{"at_least": {"price": least}}]}), AGENDA, None
        ),
        "b": BoundMandate(
            Mandate.model_validate({"conditions": [{"at_most": {"price": most}}]}), AGENDA, None
        ),
    }
    end = asyncio.run(negotiate(AGENDA, {"a": Player(play), "b": Player(play)}, mandates))
    assert end.table.turn <= 2 * AGENDA.rounds
    if isinstance(end.result, Agreement):
        outcome = AGENDA.space.outcome(end.result.terms)
        assert all(isinstance(mandate.allows(outcome), Allowed) for mandate in mandates.values())
