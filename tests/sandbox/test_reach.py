"""The instruments that tell delegates apart: they find what somebody left within reach, or put into a prompt."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from evals.attack import DISGUISES
from graphs import nodes, single_text
from tests.sandbox.eyes import Eyes
from tests.sandbox.reach import Secrets
from tests.sandbox.sides import (
    ROLES,
    Cast,
    Protocol,
    Side,
    Talker,
    delegates,
    other,
    side,
    sides,
    speaker,
    wording,
)

PROTOCOLS: tuple[Protocol, ...] = ("alternating_offers", "single_text")


Plant = Callable[[Side, Any, Any], None]
"""Puts something of a side within reach of another's delegate; the last is the agenda, which both have."""


def _shared_object(one: Side, theirs: Any, common: Any) -> None:
    common.__dict__["notes"] = [one.brief]


def _shared_text(one: Side, theirs: Any, common: Any) -> None:
    common.__dict__["notes"] = one.secrets.texts["outside"].encode().hex()


def _closure(one: Side, theirs: Any, common: Any) -> None:
    theirs.hook = lambda: one.brief


def _number(one: Side, theirs: Any, common: Any) -> None:
    theirs.floor = one.brief.mandate.reservation_value


def _method(one: Side, theirs: Any, common: Any) -> None:
    theirs.notify = one.brief.to_yaml


def _raised(one: Side, theirs: Any, common: Any) -> None:
    with suppress(ValueError):
        try:
            raise KeyError(one.secrets.texts["fact"])
        except KeyError as error:
            theirs.last = error


def _frame(one: Side, theirs: Any, common: Any) -> None:
    def fail(brief: object) -> None:
        raise ValueError("nothing to see")

    try:
        fail(one.brief)
    except ValueError as error:
        theirs.last = error


PLANTS = (_shared_object, _shared_text, _closure, _number, _method, _raised, _frame)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_brief_that_somebody_leaves_within_reach_is_found(protocol: Protocol, plant: Plant) -> None:
    both = sides()
    sitting = Cast(protocol, {"seller": "model", "buyer": "advised"}).seat(both)
    plant(both["seller"], delegates(sitting)["buyer"], sitting._agenda)
    eyes = Eyes(both, sitting)
    asyncio.run(eyes.negotiate())
    assert any(found.startswith("the buyer reaches the seller's") for found in eyes.found)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_without_the_empty_context_each_delegate_could_reach_the_other(
    protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (nodes, single_text):
        monkeypatch.setattr(module, "apart", asyncio.ensure_future)
    both = sides()
    eyes = Eyes(both, Cast(protocol, {"seller": "tactic", "buyer": "model"}).seat(both))
    asyncio.run(eyes.negotiate())
    for role in ROLES:
        assert any(found.startswith(f"the {role} reaches the {other(role)}'s") for found in eyes.found)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_prompt_that_tells_of_the_other_side_is_found(protocol: Protocol) -> None:
    """The buyer's prompts quote the seller."""
    for way in ("plain", "base64", "hex", "reversed"):
        both = sides()
        quoted = DISGUISES[way](both["seller"].secrets.texts["narrative"])
        buyer = both["buyer"]
        sources = {**buyer.pack.sources, "system.md": f"{buyer.pack.sources['system.md']}\n{quoted}"}
        careless = {**both, "buyer": replace(buyer, pack=replace(buyer.pack, sources=sources))}
        eyes = Eyes(careless, Cast(protocol, {"seller": "model", "buyer": "model"}).seat(careless))
        asyncio.run(eyes.negotiate())
        asked = [wording(request) for _, request in Talker.heard if speaker(request) == "buyer"]
        assert asked
        assert all(both["seller"].secrets.in_text(text) for text in asked)
        assert eyes.found


def test_a_secret_is_found_in_every_form() -> None:
    one = side("seller")
    kept: Secrets = one.secrets
    assert kept.reached(one.brief)
    assert kept.reached([kept.number])
    assert kept.reached([float(kept.number)])
    assert kept.reached({1: (x for x in [one.brief])})
    assert kept.reached(ValueError("x", kept.texts["fact"]))
    assert kept.in_text(repr(kept.texts["asked"]))
    assert kept.in_text(kept.texts["asked"][16:])
    assert not kept.reached(side("seller").brief)
