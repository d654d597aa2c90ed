"""The principals' side in the guest: makes a brief, or only holds a canary. It is not part of the product.

python -m benchmarks.residue_ram.guest.principal (hold|use|FOLDER) WORD LABEL

Covered: the canary wherever a brief can hold one: narrative, facts of every disclosure, keywords, outside options,
half of it in a limit. It comes from a word on the command line that shows nothing of it. Standard library only.
"""

import json
import os
import signal
import sys
from pathlib import Path

from benchmarks.residue_ram.canary import HALF, derive

SCENARIO = "scenario.yaml"
_COPIES = 2000
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


def scenario(canary: str) -> str:
    """A sale in which both briefs hold the canary."""
    sides = (("seller", 0, 100), ("buyer", 100, 0))
    return _AGENDA + "".join(
        _BRIEF.format(role=role, low=low, high=high, canary=canary, half=canary[:HALF])
        for role, low, high in sides
    )


def write_scripts(folder: Path) -> dict[str, Path]:
    """What the scripted models say: five offers, then an agreement. No word of it is secret."""
    offers = {
        "seller": [
            {"move": "offer", "terms": {"price": price}, "message": ""} for price in (7000, 6000, 5500)
        ],
        "buyer": [
            *({"move": "offer", "terms": {"price": price}, "message": ""} for price in (3000, 4500)),
            {"move": "accept", "message": ""},
        ],
    }
    scripts = {}
    for role, replies in offers.items():
        scripts[role] = folder / f"{role}.json"
        scripts[role].write_text(json.dumps({"cycle": True, "replies": replies}))
    return scripts


def main() -> None:
    """Do it, say so, and wait to be ended; `use` ends by itself."""
    where, word, label = sys.argv[1:]
    canary = derive(word, label)
    match where:
        case "hold":
            kept = [canary]
        case "use":
            kept = [json.dumps({"number": number, "text": scenario(canary)}) for number in range(_COPIES)]
        case folder:
            kept = []
            descriptor = os.open(Path(folder, SCENARIO), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            os.write(descriptor, scenario(canary).encode())
            os.close(descriptor)
    os.write(1, b".")
    if where != "use":
        signal.pause()
    del kept


if __name__ == "__main__":
    main()
