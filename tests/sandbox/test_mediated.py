"""The box with a mediator: who is opened, asked, paid for, closed and named."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal
from bargaining.errors import InvalidInputError, LimitReachedError, ModelUnavailableError
from bargaining.mandate import Limits, Mandate
from bargaining.tactic import TACTICS
from delegates.brief import Brief
from delegates.budget import Budget
from delegates.mediator_prompt import MediatorPrompts
from delegates.models.interface import Model, Request
from delegates.models.scripted import Reply, ScriptedModel
from delegates.models.spec import ModelSpec, parse
from delegates.prompt import PromptPack
from delegates.scenario import load
from sandbox.box import Box, Released, Seat
from sandbox.seating import MEDIATOR

TRUCK = load("used-truck")
PACK = PromptPack.load("default")
YES, NO = json.dumps({"answer": "yes"}), json.dumps({"answer": "no"})
TERMS = {"price": 12000, "handover": "in two weeks", "warranty_months": 6}
TEXT = json.dumps({"terms": TERMS})


def agenda(rounds: int = 5) -> Agenda:
    fields = {name: getattr(TRUCK.agenda, name) for name in Agenda.model_fields}
    return Agenda.model_validate({**fields, "protocol": "single_text", "rounds": rounds})


class Workshop:
    """Opens scripted models and remembers them."""

    def __init__(self, **scripts: Sequence[Reply]) -> None:
        self.scripts = scripts
        self.opened: dict[str, ScriptedModel] = {}

    def __call__(self, spec: ModelSpec, seed: int) -> Model:
        model = ScriptedModel(self.scripts[spec.name], spec=str(spec), cycle=True, keep_requests=True)
        self.opened[spec.name] = model
        return model

    @property
    def all_closed(self) -> bool:
        return bool(self.opened) and all(model.closed for model in self.opened.values())


def seats(seller: str = "scripted/s", buyer: str = "scripted/b", *, advised: bool = False) -> dict[str, Seat]:
    return {
        role: Seat(parse(spec), PACK, advised=advised)
        for role, spec in (("seller", seller), ("buyer", buyer))
    }


def run(
    workshop: Workshop,
    seated: dict[str, Seat] | None = None,
    *,
    rounds: int = 5,
    mediator: str | None = "scripted/m",
    budget: Budget | None = None,
    **more: Any,
) -> Released:
    briefs = more.pop("briefs", TRUCK.briefs)
    spec = parse(mediator) if mediator else None
    box = Box(seated or seats(), budget or Budget(), opener=workshop, mediator=spec, **more)
    return asyncio.run(box.run(agenda(rounds), briefs))


def test_two_models_sign_what_a_third_proposes_and_all_are_closed() -> None:
    workshop = Workshop(s=[YES], b=[YES], m=[TEXT])
    released = run(workshop, rounds=1)
    assert released.result == Agreement(terms=TERMS)
    assert json.loads(released.agreement)["terms"] == TERMS
    assert workshop.all_closed
    assert released.counters[MEDIATOR].turns == 1


def test_a_rule_and_two_bars_need_no_model() -> None:
    workshop = Workshop()
    released = run(workshop, seats("tactic/steady", "tactic/steady"), rounds=200, mediator=None)
    assert isinstance(released.result, Agreement)
    assert workshop.opened == {}


def test_the_statement_never_names_a_tactic_that_was_not_played() -> None:
    for name in sorted(set(TACTICS) - {"steady"}):
        with pytest.raises(InvalidInputError, match="write tactic/steady"):
            run(Workshop(s=[YES]), seats("scripted/s", f"tactic/{name}"), mediator=None)


def test_a_tactic_without_preferences_is_refused_and_nothing_is_opened() -> None:
    plain = Brief(narrative="I buy.", mandate=Mandate())
    workshop = Workshop(s=[YES])
    with pytest.raises(InvalidInputError, match="add `preferences` to the buyer's brief"):
        run(
            workshop,
            seats("scripted/s", "tactic/steady"),
            mediator=None,
            briefs={**TRUCK.briefs, "buyer": plain},
        )
    assert workshop.opened == {}


def test_a_model_needs_no_preferences_to_sign() -> None:
    plain = Brief(narrative="I buy.", mandate=Mandate())
    released = run(
        Workshop(b=[YES]),
        seats("tactic/steady", "scripted/b"),
        rounds=50,
        mediator=None,
        briefs={**TRUCK.briefs, "buyer": plain},
    )
    assert isinstance(released.result, Agreement)


def test_a_model_that_always_says_yes_signs_nothing_outside_its_mandate() -> None:
    cheap = json.dumps({"terms": {**TERMS, "price": 8000}})
    released = run(Workshop(s=[YES], b=[YES], m=[cheap]), rounds=1)
    assert released.result == NoDeal()


def test_nobody_is_told_what_another_answered() -> None:
    prompts = []
    for buyer in (YES, NO):
        workshop = Workshop(s=[YES], b=[buyer], m=[TEXT, json.dumps({"terms": {**TERMS, "price": 11900}})])
        run(workshop, rounds=2)
        prompts.append([(r.system, r.turns) for r in workshop.opened["s"].requests])
    assert prompts[0] == prompts[1]
    assert len(prompts[0]) == 2


def test_the_mediator_is_told_nothing_of_a_brief() -> None:
    workshop = Workshop(s=[YES], b=[NO], m=[TEXT])
    run(workshop, rounds=3)
    told = " ".join(
        request.system + " ".join(turn.text for turn in request.turns)
        for request in workshop.opened["m"].requests
    )
    for secret in ("9600", "12500", "parking", "10200", "12400", "moving firm", "furniture"):
        assert secret not in told


def test_a_mediator_that_fails_ends_in_no_deal_and_everything_is_closed() -> None:
    workshop = Workshop(s=[YES], b=[YES], m=[ModelUnavailableError("gone")])
    released = run(workshop)
    assert isinstance(released.error, ModelUnavailableError)
    assert released.result == NoDeal()
    assert workshop.all_closed


def test_an_interrupted_mediation_releases_no_deal_and_closes_its_models() -> None:
    async def stall(request: Request) -> str:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError("never")

    workshop = Workshop(s=[stall], b=[YES], m=[TEXT])

    async def go() -> Released:
        box = Box(seats(), Budget(), opener=workshop, mediator=parse("scripted/m"))
        running = asyncio.ensure_future(box.run(agenda(), TRUCK.briefs))
        await asked.wait()
        running.cancel()
        return await running

    asked = asyncio.Event()
    released = asyncio.run(go())
    assert released.result == NoDeal()
    assert isinstance(released.error, asyncio.CancelledError)
    assert workshop.all_closed


@pytest.mark.parametrize("tokens", [2000, 4000, 8000])
def test_a_budget_for_all_holds_although_both_sides_are_asked_at_once(tokens: int) -> None:
    async def no(_request: Request) -> str:
        await asyncio.sleep(0)  # the other side asks before this call is paid for
        return NO

    budget = Budget(Limits(tokens=tokens))
    workshop = Workshop(s=[no], b=[no], m=["no idea"])
    released = run(workshop, rounds=100, budget=budget)
    assert isinstance(released.error, LimitReachedError)
    assert 0 < budget.spent.tokens <= tokens
    assert workshop.all_closed


def test_a_budget_of_one_side_stops_the_run_too() -> None:
    poor = Brief(narrative="I buy.", mandate=Mandate(limits=Limits(tokens=10)))
    released = run(Workshop(s=[YES], b=[YES], m=[TEXT]), briefs={**TRUCK.briefs, "buyer": poor})
    assert isinstance(released.error, LimitReachedError)


def test_a_side_that_may_not_accept_cannot_sign_and_is_told_before_anything_runs() -> None:
    bound = Brief.model_validate(
        {"narrative": "I buy.", "mandate": {"authority": {"accept": False}, "limits": {}}}
    )
    with pytest.raises(InvalidInputError, match="authority to accept"):
        run(Workshop(s=[YES], b=[YES], m=[TEXT]), briefs={**TRUCK.briefs, "buyer": bound})


def test_offers_cannot_be_kept_where_nobody_offers() -> None:
    with pytest.raises(InvalidInputError, match="not offers"):
        run(Workshop(s=[YES], b=[YES], m=[TEXT]), keep_offers=True)


def test_the_statement_names_protocol_and_mediator() -> None:
    said = json.loads(run(Workshop(s=[YES], b=[YES], m=[TEXT])).statement)["predicate"]
    assert said["protocol"] == "single_text"
    assert said["mediator"] == {
        "model": "scripted/m",
        "weights": None,
        "prompts": {"name": "mediator", "digest": f"sha256:{MediatorPrompts().digest}"},
    }
    assert any("language model mediated" in line for line in said["not_covered"])


def test_the_statement_says_that_a_rule_mediated() -> None:
    said = json.loads(run(Workshop(s=[YES], b=[YES]), mediator=None).statement)["predicate"]
    assert said["mediator"] == {"model": "rule", "weights": None, "prompts": None}
    assert not any("language model mediated" in line for line in said["not_covered"])


def test_alternating_offers_have_no_mediator_and_open_none() -> None:
    workshop = Workshop()
    box = Box(
        seats("tactic/boulware", "tactic/boulware"),
        Budget(),
        opener=workshop,
        mediator=parse("scripted/m"),
    )
    released = asyncio.run(box.run(TRUCK.agenda, TRUCK.briefs))
    assert json.loads(released.statement)["predicate"]["mediator"] is None
    assert workshop.opened == {}
