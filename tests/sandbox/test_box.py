"""The box: what it opens it closes, whatever happens, and only a result comes out."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from bargaining.agreement import Agreement, NoDeal
from bargaining.errors import (
    ExportError,
    InvalidInputError,
    InvalidModelError,
    LimitReachedError,
    ModelUnavailableError,
    UnforeseenError,
)
from bargaining.mandate import Limits, Mandate
from delegates.brief import Brief
from delegates.budget import Budget
from delegates.models.interface import Model, Request
from delegates.models.scripted import Reply, ScriptedModel
from delegates.models.spec import ModelSpec, parse
from delegates.prompt import PromptPack
from delegates.scenario import load
from sandbox.box import Box, Released, Seat

TRUCK = load("used-truck")
PACK = PromptPack.load("default")
TERMS = {"price": 12000, "handover": "in two weeks", "warranty_months": 6}
OFFER = json.dumps({"move": "offer", "terms": TERMS, "message": ""})
ACCEPT = json.dumps({"move": "accept", "message": ""})


class Workshop:
    """Opens scripted models and remembers them."""

    def __init__(self, **scripts: Sequence[Reply]) -> None:
        self.scripts = scripts
        self.opened: dict[str, ScriptedModel] = {}

    def __call__(self, spec: ModelSpec, seed: int) -> Model:
        if spec.name == "broken":
            raise InvalidModelError("this model cannot be opened")
        self.opened[spec.name] = ScriptedModel(self.scripts[spec.name], spec=str(spec), cycle=True)
        return self.opened[spec.name]

    @property
    def all_closed(self) -> bool:
        return bool(self.opened) and all(model.closed for model in self.opened.values())


def seats(seller: str = "scripted/s", buyer: str = "scripted/b") -> dict[str, Seat]:
    return {
        role: Seat(parse(spec), PACK, advised=False) for role, spec in (("seller", seller), ("buyer", buyer))
    }


def run(workshop: Workshop, seated: dict[str, Seat] | None = None, budget: Budget | None = None) -> Released:
    box = Box(seated or seats(), budget or Budget(), opener=workshop)
    return asyncio.run(box.run(TRUCK.agenda, TRUCK.briefs))


def test_two_models_agree_and_are_closed() -> None:
    workshop = Workshop(s=[OFFER], b=[ACCEPT])
    released = run(workshop)
    assert isinstance(released.result, Agreement)
    assert released.error is None
    assert released.ending == "agreed"
    assert json.loads(released.agreement)["terms"] == TERMS
    assert workshop.all_closed


def test_a_model_that_fails_ends_in_no_deal_with_its_error_and_is_closed() -> None:
    workshop = Workshop(s=[OFFER], b=[ModelUnavailableError("gone")])
    released = run(workshop)
    assert released.result == NoDeal()
    assert json.loads(released.agreement)["result"] == "no_deal"
    assert isinstance(released.error, ModelUnavailableError)
    assert released.ending is None
    assert workshop.all_closed


def test_an_error_that_nobody_foresaw_ends_in_no_deal_and_is_told_by_its_type_alone() -> None:
    workshop = Workshop(s=[RuntimeError("CANARY")], b=[ACCEPT])
    released = run(workshop)
    assert released.result == NoDeal()
    assert isinstance(released.error, UnforeseenError)
    assert str(released.error) == "an unforeseen error of type RuntimeError"
    assert released.error.__cause__ is None
    assert released.error.__context__ is None
    assert workshop.all_closed


class Unclosable(ScriptedModel):
    """Cannot be closed."""

    async def close(self) -> None:
        raise RuntimeError("CANARY")


def test_a_model_that_cannot_be_closed_is_an_error() -> None:
    with pytest.raises(ExportError, match="could not be closed") as raised:
        asyncio.run(
            Box(seats(), Budget(), opener=lambda spec, seed: Unclosable([OFFER, ACCEPT])).run(
                TRUCK.agenda, TRUCK.briefs
            )
        )
    assert "CANARY" not in str(raised.value)


def test_if_the_second_model_cannot_be_opened_the_first_is_closed() -> None:
    workshop = Workshop(s=[OFFER])
    with pytest.raises(InvalidModelError):
        run(workshop, seats(buyer="scripted/broken"))
    assert workshop.all_closed


class SlowToClose(ScriptedModel):
    """Takes a few turns of the event loop to close."""

    async def close(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        await super().close()


def test_a_failed_close_does_not_pass_for_an_interruption() -> None:
    async def stall(request: Request) -> str:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError("never")

    async def go() -> None:
        box = Box(seats(), Budget(), opener=lambda spec, seed: Unclosable([stall]))
        running = asyncio.ensure_future(box.run(TRUCK.agenda, TRUCK.briefs))
        await asked.wait()
        running.cancel()
        await running

    asked = asyncio.Event()
    with pytest.raises(ExportError, match="could not be closed"):
        asyncio.run(go())


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_cancelled_run_releases_no_deal_and_closes_its_models_however_often_it_is_cancelled(
    times: int,
) -> None:
    async def stall(request: Request) -> str:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError("never")

    model = SlowToClose([stall])

    async def go() -> Released:
        running = asyncio.ensure_future(
            Box(seats("scripted/x", "scripted/x"), Budget(), opener=lambda spec, seed: model).run(
                TRUCK.agenda, TRUCK.briefs
            )
        )
        await asked.wait()
        for _ in range(times):
            running.cancel()
            await asyncio.sleep(0)
        return await running

    asked = asyncio.Event()
    released = asyncio.run(go())
    assert released.result == NoDeal()
    assert isinstance(released.error, asyncio.CancelledError)
    assert model.closed


def test_a_run_cancelled_while_its_models_are_closed_releases_no_deal() -> None:
    closing = asyncio.Event()

    class Model(SlowToClose):
        async def close(self) -> None:
            closing.set()
            await super().close()

    model = Model([OFFER, ACCEPT])

    async def go() -> Released:
        box = Box(seats("scripted/x", "scripted/x"), Budget(), opener=lambda spec, seed: model)
        running = asyncio.ensure_future(box.run(TRUCK.agenda, TRUCK.briefs))
        await closing.wait()
        running.cancel()
        return await running

    released = asyncio.run(go())
    assert released.result == NoDeal()
    assert model.closed


def test_two_seats_with_one_spec_share_one_model() -> None:
    opened = []

    def opener(spec: ModelSpec, seed: int) -> Model:
        opened.append(ScriptedModel([OFFER, ACCEPT], cycle=True))
        return opened[-1]

    box = Box(seats("scripted/x", "scripted/x"), Budget(), opener=opener)
    released = asyncio.run(box.run(TRUCK.agenda, TRUCK.briefs))
    assert isinstance(released.result, Agreement)
    assert len(opened) == 1
    assert opened[0].closed


def test_a_tactic_opens_no_model() -> None:
    released = run(Workshop(), seats("tactic/boulware", "tactic/conceder"))
    assert isinstance(released.result, Agreement)


def test_a_budget_for_both_sides_stops_the_run_with_no_deal() -> None:
    budget = Budget(Limits(tokens=3000))
    workshop = Workshop(s=[OFFER], b=["garbage"])
    released = run(workshop, budget=budget)
    assert isinstance(released.error, LimitReachedError)
    assert released.result == NoDeal()
    assert budget.spent.tokens <= 3000
    assert workshop.all_closed


def test_a_budget_of_one_side_stops_the_run_too() -> None:
    poor = Brief(narrative="I buy.", mandate=Mandate(limits=Limits(tokens=10)))
    box = Box(seats(), Budget(), opener=Workshop(s=[OFFER], b=[ACCEPT]))
    released = asyncio.run(box.run(TRUCK.agenda, {**TRUCK.briefs, "buyer": poor}))
    assert isinstance(released.error, LimitReachedError)


def test_a_price_that_is_unknown_cannot_be_limited() -> None:
    with pytest.raises(InvalidInputError, match="price"):
        run(
            Workshop(m=[ACCEPT]),
            seats("openai/m@http://localhost:1/v1", "openai/m@http://localhost:1/v1"),
            Budget(Limits(usd=Fraction(1))),
        )


def delegates(released: Released) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(released.statement)["predicate"]["delegates"]
    return found


def test_the_statement_has_the_digest_of_local_weights_as_they_are(tmp_path: Path) -> None:
    gguf = tmp_path / "tiny.gguf"
    gguf.write_bytes(b"GGUF and more")
    workshop = Workshop(**{str(gguf): [OFFER], "b": [ACCEPT]})
    said = delegates(run(workshop, seats(seller=f"local/{gguf}")))
    assert said["seller"]["weights"] == "sha256:" + hashlib.sha256(b"GGUF and more").hexdigest()
    assert said["buyer"]["weights"] is None


def test_weights_that_cannot_be_read_have_no_digest() -> None:
    workshop = Workshop(**{"gone.gguf": [OFFER], "b": [ACCEPT]})
    assert delegates(run(workshop, seats(seller="local/gone.gguf")))["seller"]["weights"] is None


def test_nothing_of_a_brief_is_released() -> None:
    released = run(Workshop(s=[OFFER], b=[ACCEPT]))
    shown = released.agreement + released.statement + repr(released).encode()
    for secret in (b"9600", b"12500", b"parking", b"10200", b"12400", b"moving firm"):
        assert secret not in shown
