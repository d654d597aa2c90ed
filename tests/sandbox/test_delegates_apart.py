"""Each delegate keeps to itself: what its model is asked, and what is within its reach, holds nothing of the other's.

Covered: both protocols, sides with a tactic, a model, and a model with an advisor, one model for both, one purse for
both; a mediator by rule or by model. A walk over all objects from a delegate, from what it is given and from its
context variables, before, while and after it works. Leaks that are made on purpose are found: `test_reach`.
Not covered: see `tests.sandbox.reach`. Code that searches the interpreter finds both briefs: one process holds both.
"""

import asyncio
import itertools
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from bargaining.move import Accept, Move, Offer
from bargaining.outcome import Outcome
from bargaining.table import View
from delegates.models.interface import Request
from delegates.models.spec import parse
from evals.detector import Detector
from graphs import alternating
from sandbox.broker import Broker
from sandbox.channel import ChannelModel
from tests.sandbox.eyes import Eyes
from tests.sandbox.line import ALLOWANCE, pair
from tests.sandbox.reach import objects
from tests.sandbox.sides import (
    GREETING,
    ROLES,
    Cast,
    Kind,
    Protocol,
    Side,
    Talker,
    agenda,
    other,
    play,
    side,
    sides,
    speaker,
    talk,
    wording,
)

KINDS: tuple[Kind, ...] = ("tactic", "model", "advised")
PROTOCOLS: tuple[Protocol, ...] = ("alternating_offers", "single_text")


def _named(cast: Cast) -> str:
    how = (*cast.kinds.values(), "by a model" * cast.mediated, "one model" * cast.shared)
    return ", ".join(word for word in (cast.protocol, *how) if word)


CASTS = {
    _named(cast): cast
    for protocol in PROTOCOLS
    for kinds in itertools.product(KINDS, repeat=2)
    for mediated in (False, True)[: 1 + (protocol == "single_text")]
    for shared in (False, True)[: 1 + ("tactic" not in kinds)]
    for cast in [Cast(protocol, dict(zip(ROLES, kinds, strict=True)), mediated, shared, limited=shared)]
}
TALKING = [name for name, cast in CASTS.items() if set(cast.kinds.values()) != {"tactic"}]


@dataclass(frozen=True)
class Seen:
    """What was seen of a negotiation."""

    both: dict[str, Side]
    eyes: Eyes
    heard: list[Request]


@cache
def seen(name: str) -> Seen:
    """What is seen where these sit. It takes a while: several tests look at it."""
    both = sides()
    eyes = Eyes(both, CASTS[name].seat(both))
    asyncio.run(eyes.negotiate())
    return Seen(both, eyes, [request for _, request in Talker.heard])


@pytest.mark.parametrize("name", CASTS)
def test_nothing_of_the_other_side_is_within_reach_of_a_delegate(name: str) -> None:
    eyes = seen(name).eyes
    assert eyes.found == []
    assert eyes.own == set(ROLES)  # the walk finds what is there
    assert all(eyes.looks[role] >= 4 for role in ROLES)
    assert CASTS[name].protocol != "single_text" or eyes.looks["mediator"] >= 4


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nor_is_it_through_the_channel_to_a_broker_that_both_sides_share(protocol: Protocol) -> None:
    async def negotiate() -> None:
        async with pair() as (inside, outside):
            serving = asyncio.create_task(Broker([Talker(spec) for spec in specs], ALLOWANCE).serve(outside))
            sitting = cast.seat(both, lambda spec: ChannelModel(inside, specs.index(spec), str(spec)))
            eyes.append(Eyes(both, sitting))
            await eyes[0].negotiate()
            serving.cancel()
            await asyncio.wait([serving])

    eyes: list[Eyes] = []
    both = sides()
    cast = Cast(protocol, {"seller": "model", "buyer": "model"})
    specs = [parse("scripted/seller"), parse("scripted/buyer")]
    asyncio.run(negotiate())
    assert eyes[0].found == []
    assert {speaker(request) for _, request in Talker.heard} == set(ROLES)


@pytest.mark.parametrize("name", TALKING)
def test_no_model_is_told_anything_of_another_sides_brief(name: str) -> None:
    cast, both, heard = CASTS[name], seen(name).both, seen(name).heard
    asked = {role for role in ROLES if cast.kinds[role] != "tactic"} | set(("mediator",) * cast.mediated)
    assert {speaker(request) for request in heard} == asked
    for request in heard:
        role, text = speaker(request), wording(request)
        for owner, one in both.items():
            shown = one.secrets.in_text(text)
            assert bool(shown) == (owner == role), shown
            if owner != role:
                assert Detector(one.brief, agenda(cast.protocol)).reads(text) is None


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_a_model_is_asked_is_the_same_whatever_the_other_side_has_in_its_brief_and_prompts(
    protocol: Protocol, shared: bool
) -> None:
    cast = Cast(protocol, {"seller": "model", "buyer": "advised"}, mediated=True, shared=shared)
    both = sides()
    asked: dict[str, list[list[Request]]] = {"seller": [], "buyer": [], "mediator": []}
    for told_by in (both, {**both, "buyer": side("buyer")}, {**both, "seller": side("seller")}):
        play(cast.seat(told_by))
        for role, requests in asked.items():
            requests.append([request for _, request in Talker.heard if speaker(request) == role])
    first, other_buyer, other_seller = range(3)
    assert asked["seller"][first] == asked["seller"][other_buyer] != asked["seller"][other_seller]
    assert asked["buyer"][first] == asked["buyer"][other_seller] != asked["buyer"][other_buyer]
    assert asked["mediator"][first] == asked["mediator"][other_seller] == asked["mediator"][other_buyer]


def test_the_other_side_hears_what_passed_the_guard_and_not_what_did_not() -> None:
    """Each model blurts out a fact in its second turn, and has to try again."""
    both = sides()
    play(Cast("alternating_offers", {"seller": "model", "buyer": "model"}).seat(both))
    blurted = [speaker(request) for _, request in Talker.heard if "never know" in talk(request)]
    assert {*blurted} == {*ROLES}
    for role in ROLES:
        texts = [wording(request) for _, request in Talker.heard if speaker(request) == role]
        assert any(GREETING in text for text in texts)
        assert not any(both[other(role)].secrets.in_text(text) for text in texts)


# ---------------------------------------------------------------------------------- what a move can carry


class SlyText(str):
    """A text with something in its pocket."""

    kept: object


class SlyNumber(int):
    """A number with something in its pocket."""

    kept: object


def sly(kind: type, value: Any, kept: object) -> Any:
    made = kind(value)
    made.kept = kept
    return made


def test_what_a_careless_move_carries_stays_behind() -> None:
    both = sides()
    brief = both["seller"].brief
    table = agenda("alternating_offers")

    class Seller:
        async def decide(self, view: View) -> Move:
            if view.standing:
                return Accept.model_construct(offer=sly(SlyNumber, view.standing.number, brief), message="")
            terms = {"price": sly(SlyNumber, 12000, brief), sly(SlyText, "delivered", brief): True}
            move = Offer.model_construct(outcome=Outcome(terms), message=sly(SlyText, GREETING, brief))
            object.__setattr__(move, "__pydantic_extra__", {"meta": brief})
            carried.append(objects(move))
            return move

    class Buyer:
        async def decide(self, view: View) -> Move:
            reached.append(objects(view) & objects(brief))
            said.extend(entry.move.message for entry in view.table.entries)
            return Offer(outcome=table.space.outcome({"price": 12000, "delivered": True}))

    carried: list[frozenset[int]] = []
    reached: list[frozenset[int]] = []
    said: list[str] = []
    mandates = {role: one.brief.bind(table)[1] for role, one in both.items()}
    end = asyncio.run(alternating.negotiate(table, {"seller": Seller(), "buyer": Buyer()}, mandates))
    assert end.ending == "agreed"
    assert carried == [objects(brief)]
    assert said == [GREETING]
    assert reached == [frozenset()]
    assert not objects(end) & objects(brief)
