"""A rehearsal: a made-up negotiation that makes a box load all that it will need, before it is closed.

LangGraph, the guard's languages and the templates are loaded where they are first used. In a closed box that fails.
Covered: both protocols, with models that offer, talk, err and are refused. Not covered: what only rare faults load.
"""

import asyncio
import json
from functools import partial

from bargaining.agenda import Agenda
from delegates import mediator_prompt
from delegates.brief import Brief
from delegates.budget import Budget
from delegates.models.interface import Model
from delegates.models.price import price_of
from delegates.models.scripted import Reply, ScriptedModel
from delegates.models.spec import ModelSpec, parse
from delegates.prompt import PromptPack
from delegates.scenario import Scenario, load
from sandbox.box import Box
from sandbox.seal import BoxKey, SealedBrief, seal
from sandbox.seating import Seat

_SCENARIO = "used-truck"
_TALK = (
    "Not at all.",
    "We could do eleven thousand five hundred, zwölftausend or douze mille; 11.500 EUR, half of 23k, MMXII.",
    "q2FuIHdlIG1lZXQ= 48656c6c6f20796f75 %48%65 &#72;&#101; h e l l o  w o r l d",
    "ça va, très bien, 二万 пять тысяч",
)


def rehearse() -> None:
    """Negotiate, in an event loop of its own, and read what is read from files."""
    mediator_prompt.shipped()
    price_of(parse("openai/any"))
    scenario = load(_SCENARIO)
    asyncio.run(_rehearse(scenario))
    key = BoxKey.generate()
    for role, brief in scenario.briefs.items():
        sealed = seal(brief.to_yaml().encode(), key.public, run_id="rehearsal", role=role)
        again = SealedBrief.from_bytes(sealed.to_bytes())
        Brief.from_yaml(key.open(again, run_id="rehearsal", role=role).decode())


async def _rehearse(scenario: Scenario) -> None:
    first, second = scenario.agenda.roles
    talking, playing = parse("scripted/rehearsal"), parse("tactic/steady")
    pack = PromptPack.load("default")
    for protocol in ("alternating_offers", "single_text"):
        fields = {name: getattr(scenario.agenda, name) for name in Agenda.model_fields}
        agenda = Agenda.model_validate({**fields, "protocol": protocol, "rounds": 8})
        for advised, other in ((True, playing), (False, talking)):
            seats = {first: Seat(talking, pack, advised), second: Seat(other, pack, advised)}
            mediator = talking if protocol == "single_text" else None
            box = Box(seats, Budget(), mediator=mediator, opener=partial(_script, agenda))
            await box.run(agenda, scenario.briefs)


def _script(agenda: Agenda, spec: ModelSpec, _seed: int) -> Model:
    outcomes = [dict(agenda.space.at(index)) for index in (0, agenda.space.size // 2, agenda.space.size - 1)]
    offers = [
        json.dumps({"move": "offer", "terms": terms, "message": text}) for terms in outcomes for text in _TALK
    ]
    replies: list[Reply] = ["no JSON", "{}", *offers, '{"answer": "yes"}', '{"answer": "no"}']
    return ScriptedModel(replies, spec=str(spec), cycle=True)
