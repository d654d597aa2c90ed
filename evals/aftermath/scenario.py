"""A made-up sale with a canary wherever a brief can hold one, and the two models that negotiate it.

Covered: narrative, facts of every disclosure, keywords, outside options, and half of it in a limit (it is all digits).
Not covered: issues, which are public.
"""

import json
import secrets
from collections.abc import Callable
from pathlib import Path

from delegates.scenario import load, split
from evals.aftermath.ending import Play
from evals.server import Fault, Faults, FaultyServer, Json, reflect, status

DIGITS = 32
"""Half of them are as many as a limit can hold, and more than chance writes."""
_FOR_EVER_SECONDS = 600.0
_BRIEF = """\
  {role}:
    narrative: I have a boat in mind. My limit in words is canary {canary}.
    facts:
      - {{text: "Everybody may know {canary}.", disclosure: free}}
      - {{text: "Who asks may know {canary}.", disclosure: if_asked}}
      - {{text: "Nobody may know {canary}.", disclosure: never, keywords: ["{canary}"]}}
    preferences:
      issues:
        price: {{weight: 1, points: {{0: {low}, 10000: {high}}}}}
    mandate: {{reservation_value: "10.{half}"}}
    outside_options: ["Go to {canary}."]
"""
_AGENDA = """\
agenda:
  title: Sale of a boat
  roles: [seller, buyer]
  rounds: 4
  issues:
    - {name: price, kind: integer, minimum: 0, maximum: 10000, step: 1}
briefs:
"""
_OFFER = {"move": "offer", "terms": {"price": 5000}, "message": ""}


def canary() -> str:
    """A new one."""
    digits = [secrets.choice("123456789") for _ in range(DIGITS)]
    digits[DIGITS // 2 - 1] = "7"  # so that the limit, as a fraction, is not reduced to other digits
    return "".join(digits)


def write(folder: Path, canary: str) -> tuple[Path, Path]:
    """Write the scenario and the seller's script."""
    scenario, script = folder / "scenario.yaml", folder / "seller.json"
    sides = [("seller", 0, 100), ("buyer", 100, 0)]
    briefs = (
        _BRIEF.format(role=role, low=low, high=high, canary=canary, half=canary[: DIGITS // 2])
        for role, low, high in sides
    )
    scenario.write_text(_AGENDA + "".join(briefs))
    script.write_text(json.dumps({"cycle": True, "replies": [_OFFER]}))
    return scenario, script


def write_apart(folder: Path, scenario: Path) -> dict[str, Path]:
    """Write the agenda and each brief to files of their own, as two parties have them, by their names."""
    return {path.stem: path for path in split(load(scenario), folder)}


def server(play: Play, asked: Callable[[], None]) -> FaultyServer:
    """The buyer's model.

    Args:
        play: What it does.
        asked: Called at each question, before it is answered.
    """

    def reply(_: Json) -> str:
        asked()
        return json.dumps({"move": "walk_away" if play == "walk away" else "accept", "message": ""})

    faults: dict[Play, Faults] = {
        "refuse": lambda _: status(401),
        "reflect": lambda _: reflect(400),
        "stall": lambda _: Fault(stall_seconds=_FOR_EVER_SECONDS),
    }
    return FaultyServer(reply, faults=faults.get(play, ()))
