"""Two sides that both have much to hide, models that keep nothing of it, and who sits where."""

import asyncio
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar, Literal, TypeAlias

from bargaining.agenda import Agenda
from bargaining.issue import BooleanIssue, IntegerIssue
from bargaining.mandate import Limits
from delegates.brief import Brief
from delegates.budget import Budget
from delegates.models.interface import Completion, Model, Request, Usage
from delegates.models.spec import ModelSpec, parse
from delegates.prompt import PromptPack
from graphs.alternating import unobserved
from sandbox.seating import Ended, Seat, Seating
from tests.sandbox.reach import Secrets

Kind: TypeAlias = Literal["tactic", "model", "advised"]
Protocol: TypeAlias = Literal["alternating_offers", "single_text"]

ROLES = ("seller", "buyer")
PACK = PromptPack.load("default")
GREETING = "It always started."
_CONFESSION = "must never know: "


def agenda(protocol: Protocol) -> Agenda:
    price = IntegerIssue(name="price", minimum=8000, maximum=15000, step=100, unit="EUR")
    return Agenda(
        title="A truck",
        roles=ROLES,
        issues=(price, BooleanIssue(name="delivered")),
        rounds=4,
        message_characters=300,
        protocol=protocol,
    )


@dataclass(frozen=True, repr=False)
class Side:
    """One side, its brief, its prompts and what both hold that nobody else may."""

    role: str
    brief: Brief
    pack: PromptPack
    secrets: Secrets


def word() -> str:
    """A secret without figures: one could be a price by chance, which everybody is told."""
    return "".join(secrets.choice("abcdefghijklmnop") for _ in range(32))


def side(role: str) -> Side:
    """A side with new secrets."""
    kept = {name: word() for name in ("narrative", "fact", "keyword", "asked", "outside", "prompts")}
    digits = f"{secrets.randbelow(9 * 10**17) + 10**17}7"
    low, high = (0, 100) if role == "seller" else (100, 0)
    brief = Brief.model_validate(
        {
            "narrative": f"I am the {role}, and {kept['narrative']} is why.",
            "facts": [
                {
                    "text": f"The wife of the {role} {_CONFESSION}{kept['fact']}.",
                    "disclosure": "never",
                    "keywords": [kept["keyword"]],
                },
                {"text": f"Who asks is told {kept['asked']}.", "disclosure": "if_asked"},
            ],
            "preferences": {
                "issues": {
                    "price": {"points": {8000: low, 15000: high}},
                    "delivered": {"scores": {True: 9, False: 0}},
                }
            },
            "mandate": {"reservation_value": f"0.{digits}"},
            "outside_options": [f"Go to {kept['outside']}."],
        }
    )
    marked = {
        name: text if name == "pack.toml" else f"{text}\n{kept['prompts']}\n"
        for name, text in PACK.sources.items()
    }
    hidden = Secrets({**kept, "number": digits}, Fraction(f"0.{digits}"))
    return Side(role, brief, replace(PACK, sources=marked), hidden)


def sides() -> dict[str, Side]:
    """Both."""
    return {role: side(role) for role in ROLES}


def other(role: str) -> str:
    """The one across the table."""
    return ROLES[1 - ROLES.index(role)]


class Talker:
    """A model that blurts out a fact that it must never tell, and keeps nothing of it."""

    heard: ClassVar[list[tuple[str, Request]]] = []
    """All requests, by the model's name. Not with the models, which sides may share."""
    attend: ClassVar[Callable[[Request], None] | None] = None
    """Called in the middle of each call."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = str(spec)

    async def complete(self, request: Request) -> Completion:
        Talker.heard.append((self.spec, request))
        await asyncio.sleep(0)
        if Talker.attend is not None:
            Talker.attend(request)
        return Completion(talk(request), Usage(10, 0, 10))

    async def close(self) -> None:
        """Nothing to release."""


def speaker(request: Request) -> str:
    """Whose model is asked."""
    said = re.search(r"I am the (\w+), and", request.system)
    return said[1] if said else "mediator"


def wording(request: Request) -> str:
    """All that a model is told."""
    return "\n".join((request.system, *(turn.text for turn in request.turns), json.dumps(request.schema)))


def is_second(request: Request) -> bool:
    """Whether this is the first question of a side's second turn."""
    return re.findall(r" (\d) of \d", request.turns[-1].text)[-1:] == ["2"]


def talk(request: Request) -> str:
    """What a talker says."""
    number = len(request.turns) // 2
    if "answer" in request.schema["properties"]:
        return json.dumps({"answer": ("no", "yes")[number % 2]})
    price = {"seller": 13000 - 100 * number, "buyer": 10000 + 100 * number, "mediator": 11000 + 100 * number}
    terms = {"price": price[speaker(request)], "delivered": number % 2 == 0}
    if "move" not in request.schema["properties"]:
        return json.dumps({"terms": terms})
    blurted = re.search(re.escape(_CONFESSION) + r"\w+", request.system) if number == 1 else None
    message = blurted[0] if blurted else GREETING
    return json.dumps({"move": {"kind": "offer", "terms": terms}, "message": message})


@dataclass(frozen=True)
class Cast:
    """Who sits where."""

    protocol: Protocol
    kinds: Mapping[str, Kind]
    mediated: bool = False
    """By a model."""
    shared: bool = False
    """Both sides use one model."""
    limited: bool = False
    """From one purse."""

    @property
    def mediator(self) -> ModelSpec | None:
        """Who mediates."""
        return parse("scripted/mediator") if self.mediated else None

    def seats(self, both: Mapping[str, Side]) -> dict[str, Seat]:
        """What each side sits on."""
        return {
            role: Seat(parse(self._spec(role)), both[role].pack, advised=self.kinds[role] == "advised")
            for role in ROLES
        }

    def seat(self, both: Mapping[str, Side], opener: Callable[[ModelSpec], Model] | None = None) -> Any:
        """Everybody in place: a sitting. Without an opener all models are talkers."""
        table = agenda(self.protocol)
        briefs = {role: one.brief for role, one in both.items()}
        bound = {role: brief.bind(table)[1] for role, brief in briefs.items()}
        budget = Budget(Limits(tokens=10**6) if self.limited else None)
        seating = Seating(self.seats(both), self.mediator, budget, 0)
        models: dict[ModelSpec, Model] = {spec: (opener or Talker)(spec) for spec in seating.models(table)}
        return seating.seat(table, briefs, bound, models)

    def _spec(self, role: str) -> str:
        return (
            "tactic/steady" if self.kinds[role] == "tactic" else f"scripted/{'both' if self.shared else role}"
        )


def delegates(sitting: Any) -> dict[str, Any]:
    """Those who act for the sides."""
    found: dict[str, Any] = vars(sitting).get("_delegates") or sitting._responders
    return found


def play(sitting: Any) -> Ended:
    """A whole negotiation. Afterwards `Talker.heard` has what models were asked."""
    Talker.heard.clear()
    ended: Ended = asyncio.run(sitting.negotiate(unobserved))
    return ended
