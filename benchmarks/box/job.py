"""The negotiations that are run: the landlord and the tenant of `benchmarks.orchestration`, with different delegates.

tactic     two tactics; no broker
scripted   two scripted models in the broker, ten moves; what the processes cost without any HTTP
server     two models at the mock server, asked by the compatible adapter, advised, ten moves
short      the same with time for four moves, the last of which accepts; the difference is what further moves cost
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from bargaining.agenda import Agenda
from benchmarks.orchestration import scenario
from benchmarks.orchestration.job import MODEL, MOVES, SIDES, Side
from benchmarks.orchestration.script import scripted_terms
from delegates.brief import Brief
from delegates.models.spec import parse
from delegates.prompt import PromptPack
from sandbox.seating import Seat

Kind: TypeAlias = Literal["tactic", "scripted", "server", "short"]
KINDS: tuple[Kind, ...] = ("tactic", "scripted", "server")
_SHORT_ROUNDS = 2


@dataclass(frozen=True)
class Job:
    """A negotiation."""

    agenda: Agenda
    briefs: Mapping[str, Brief]
    seats: Mapping[str, Seat]


def job(kind: Kind, folder: Path, port: int) -> Job:
    """A negotiation of this kind.

    Args:
        kind: Who acts for the sides.
        folder: Where scripts are written; the same ones each time.
        port: Of the mock server.
    """
    agenda, briefs = scenario.agenda(), scenario.briefs("1")
    if kind == "short":
        fields = {name: getattr(agenda, name) for name in Agenda.model_fields}
        agenda = Agenda.model_validate({**fields, "rounds": _SHORT_ROUNDS})
        return Job(agenda, briefs, _seats("server", folder, port))
    return Job(agenda, briefs, _seats(kind, folder, port))


def _seats(kind: Kind, folder: Path, port: int) -> dict[str, Seat]:
    pack = PromptPack.load("default")
    return {side: Seat(parse(_spec(kind, side, folder, port)), pack, kind == "server") for side in SIDES}


def _spec(kind: Kind, side: Side, folder: Path, port: int) -> str:
    match kind:
        case "tactic":
            return "tactic/steady"
        case "server" | "short":
            return f"openai/{MODEL}@http://127.0.0.1:{port}/box/0/0/v1"
        case "scripted":
            return f"scripted/{_script(side, folder)}"


def _script(side: Side, folder: Path) -> Path:
    path = folder / f"{side}.json"
    first = SIDES.index(side)
    offers: list[object] = [
        {"move": "offer", "terms": scripted_terms(number), "message": "Please look at these terms kindly."}
        for number in range(first, MOVES - 1, 2)
    ]
    ending = [{"move": "accept", "message": "We are glad to take this."}] if first else []
    if not path.exists():
        path.write_text(json.dumps({"replies": offers + ending}), "utf-8")
    return path
