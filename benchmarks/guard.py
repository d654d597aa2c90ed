"""Measure what it costs to read a message before it goes on the table.

    python -m benchmarks.guard [--repeat 20] [--json]

The guard reads each message of a model for secrets (`delegates.secrecy`) and for terms that are not those of the
move (`delegates.fitting`). Beside it stands a floor: to read the reply that the message came in. Every message is
timed several times, guard and floor in turn, and the fastest counts, so that other programs disturb little.
"""

import argparse
import base64
import json
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bargaining.outcome import Outcome
from bargaining.table import Table, View
from delegates.fitting import Fitting
from delegates.reply import read_reply
from delegates.scenario import load
from delegates.secrecy import Secrets
from evals.attack import DISGUISES

SCENARIO, ROLE = "used-truck", "seller"
SENTENCES = (
    "I can offer {price:,} EUR with {months} months of warranty, and the truck was inspected last month.",
    "Thank you for your offer; I appreciate the movement, but I need a little more than that.",
    "Two similar trucks are advertised nearby, both with more kilometres. What about {price} euros?",
    "If the handover is {handover}, we would both be done with it quickly.",
    "The timing belt and the water pump were replaced, with a bill from the dealer.",
    "I believe that {price:,} EUR and {months} months is a fair compromise between our positions.",
    "I understand that the price matters to you most, so let us settle that one first.",
)
HOSTILE = (
    "one zwei trois cuatro cinque zes sete ",
    "1e9 ",
    "1k 2k 3 thousand ",
    "1 and a half ",
    "&amp;#37;41 ",
    "neunundneunzigtausendneunhundert ",
    "9,999",
    "\ufdfa",  # one character that stands for eighteen
    "a-",
    "%2525",
    "0,0 ",
)
"""What takes the guard longest, of all that was tried."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message beside an offer."""

    message: str
    terms: Outcome


def ordinary(dice: random.Random, size: int) -> list[Spoken]:
    """Messages as a model writes them, of so many characters at least, that name the terms of their offers."""
    space = load(SCENARIO).agenda.space
    made = []
    for _ in range(40):
        terms = space.at(dice.randrange(space.size))
        words = {"price": terms["price"], "months": terms["warranty_months"], "handover": terms["handover"]}
        message = ""
        while len(message) < size:
            message += dice.choice(SENTENCES).format(**words) + " "
        made.append(Spoken(message.strip(), terms))
    return made


def disguised(dice: random.Random) -> list[Spoken]:
    """Ordinary messages in one disguise after another, up to 400 characters."""
    made = []
    for spoken in ordinary(dice, 100):
        message = spoken.message
        for _ in range(2):
            message = dice.choice(list(DISGUISES.values()))(message)
        made.append(Spoken(message[:400], spoken.terms))
    return made


def hostile(size: int) -> list[Spoken]:
    """Messages that are made to take long."""
    terms = load(SCENARIO).agenda.space.at(0)
    nested = " ".join(base64.b64encode(base64.b64encode(f"{n:04}".encode())).decode() for n in range(400))
    return [Spoken((piece * size)[:size], terms) for piece in (*HOSTILE, nested)]


def fastest(tasks: Sequence[Callable[[], object]], repeat: int) -> list[float]:
    """The shortest time of each task, in microseconds; the tasks take turns."""
    best = [float("inf")] * len(tasks)
    for _ in range(repeat):
        for place, task in enumerate(tasks):
            started = time.perf_counter()
            task()
            best[place] = min(best[place], time.perf_counter() - started)
    return [seconds * 1e6 for seconds in best]


def measure(kinds: Mapping[str, Sequence[Spoken]], repeat: int) -> dict[str, dict[str, float]]:
    """A line for each kind of message."""
    scenario = load(SCENARIO)
    brief, agenda = scenario.briefs[ROLE], scenario.agenda
    _, mandate = brief.bind(agenda)
    secrets, fitting = Secrets(brief, agenda, mandate), Fitting(agenda)
    view = View(Table(agenda.model_copy(update={"message_characters": 4000})), ROLE)
    lines = {}
    for kind, messages in kinds.items():
        times = []
        for spoken in messages:
            message, terms = spoken.message, spoken.terms
            offer = {"move": {"kind": "offer", "terms": dict(terms)}, "message": message}
            reply, values = json.dumps(offer), list(terms.values())
            tasks: list[Callable[[], object]] = [
                lambda message=message, values=values: secrets.found_in(message, values),  # type: ignore[misc]
                lambda message=message, terms=terms: fitting.misfit(message, [terms]),  # type: ignore[misc]
                lambda reply=reply: read_reply(reply, view),  # type: ignore[misc]
            ]
            times.append(fastest(tasks, repeat))
        found, fits, floor = (statistics.mean(column) for column in zip(*times, strict=True))
        lines[kind] = {
            "characters": round(statistics.mean(len(spoken.message) for spoken in messages)),
            "secrecy us": round(found),
            "fitting us": round(fits),
            "slowest ms": round(max(first + second for first, second, _ in times) / 1000, 2),
            "floor us": round(floor, 1),
            "guard / floor": round((found + fits) / floor, 1),
        }
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=20, help="times that each message is read")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    dice = random.Random(1)
    kinds = {
        "ordinary": ordinary(dice, 100),
        "ordinary, longer": ordinary(dice, 200),
        "longest allowed": ordinary(dice, 3800)[:5],
        "disguised": disguised(dice),
        "hostile, 400": hostile(400),
        "hostile, 4000": hostile(4000),
    }
    lines = measure(kinds, options.repeat)
    if options.json:
        print(json.dumps(lines))
        return
    columns = list(next(iter(lines.values())))
    print("| message | " + " | ".join(columns) + " |\n|---" + "|---" * len(columns) + "|")
    for kind, line in lines.items():
        print(f"| {kind} | " + " | ".join(f"{line[column]:,}" for column in columns) + " |")


if __name__ == "__main__":
    main()
