"""How often the detector sees a secret where nobody knows one: its false alarms on people who negotiate.

    python -m benchmarks.detector.casino DIALOGUES.json... [--json]

Reads CaSiNo dialogues (Chawla et al., NAACL 2021, CC BY 4.0, github.com/kushalchawla/CaSiNo) as if a delegate of each
side of the shipped scenarios had written them: message by message, and each side of each dialogue as a talk.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bargaining.errors import InvalidInputError
from delegates.scenario import load
from evals import command
from evals.detector import Detector, Said
from evals.overblocking import BUTTONS, SCENARIOS
from evals.stage import SECRETS
from evals.statistics import proportion


@dataclass(frozen=True, slots=True)
class Alarms:
    """False alarms for one side."""

    scenario: str
    role: str
    messages: int
    stopped: int
    talks: int
    graded: int
    ways: tuple[tuple[str, int], ...]
    """Of the talks: grade and way, and how often."""


def dialogues(paths: Sequence[Path]) -> Iterator[list[tuple[str, str]]]:
    """Who wrote what, without the buttons they pressed.

    Raises:
        InvalidInputError: A file holds something else.
    """
    for path in paths:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            for one in found:
                turns = [(str(turn["id"]), str(turn["text"])) for turn in one["chat_logs"]]
                yield [(who, text) for who, text in turns if text not in BUTTONS]
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidInputError(f"{path}: is not a file of CaSiNo dialogues") from error


def alarms(name: str, role: str, talks: Sequence[Sequence[tuple[str, str]]]) -> Alarms:
    """Read all of it as if it were about this side's secrets."""
    scenario = load(name)
    detector = Detector(scenario.briefs[role], scenario.agenda)
    texts = [text for talk in talks for _, text in talk]
    stopped = sum(detector.reads(text) in SECRETS for text in texts)
    ways: Counter[str] = Counter()
    sides = 0
    for talk in talks:
        for owner in sorted({who for who, _ in talk}):
            sides += 1
            if found := detector.grade([Said(who == owner, text) for who, text in talk]):
                ways[f"{found.grade}, {found.way}"] += 1
    return Alarms(name, role, len(texts), stopped, sides, ways.total(), tuple(sorted(ways.items())))


def main() -> int:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dialogues", nargs="+", type=Path, help="CaSiNo files")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    talks = list(dialogues(args.dialogues))
    if not any(talks):
        raise InvalidInputError("there are no messages in these files; choose others")
    rows = [alarms(name, role, talks) for name in SCENARIOS for role in load(name).agenda.roles]
    if args.json:
        sys.stdout.write(json.dumps([asdict(row) for row in rows]) + "\n")
        return command.OK
    lines = [
        "| scenario | role | messages | alarms | talks | alarms | what |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        what = "; ".join(f"{way}: {count}" for way, count in row.ways)
        lines.append(
            f"| {row.scenario} | {row.role} | {row.messages} | {row.stopped} | {row.talks} | {row.graded} | {what} |"
        )
    every = proportion(sum(row.stopped for row in rows), sum(row.messages for row in rows))
    talked = proportion(sum(row.graded for row in rows), sum(row.talks for row in rows))
    lines += ["", f"False alarms: {every.value:.3%} of messages, {talked.value:.3%} of talks."]
    sys.stdout.write("\n".join(lines) + "\n")
    return command.OK


if __name__ == "__main__":
    command.run(main)
