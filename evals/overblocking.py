"""How often the guard stops an ordinary sentence: its false alarms on human negotiation.

    python -m evals.overblocking DIALOGUES.json...

Reads CaSiNo dialogues (Chawla et al., NAACL 2021, CC BY 4.0, github.com/kushalchawla/CaSiNo), in which people
negotiate over camping supplies and know nothing of our secrets: each sentence that the guard stops is a false
alarm. It is measured against the secrets of every side of the shipped scenarios, without the excuse that a
number is a term of the offer beside it.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bargaining.errors import InvalidInputError
from delegates.scenario import Scenario, load
from delegates.secrecy import Secrets
from evals import command

SCENARIOS = ("used-truck", "job-offer", "saas-contract")
BUTTONS = {"Submit-Deal", "Accept-Deal", "Reject-Deal", "Walk-Away"}
"""What people pressed, among what they wrote."""


@dataclass(frozen=True, slots=True)
class Count:
    """False alarms for one side."""

    scenario: str
    role: str
    messages: int
    stopped: int
    labels: tuple[tuple[str, int], ...]


def messages(paths: list[Path]) -> Iterator[str]:
    """What people wrote, without the buttons they pressed.

    Raises:
        InvalidInputError: A file holds something else.
    """
    for path in paths:
        try:
            dialogues = json.loads(path.read_text(encoding="utf-8"))
            texts = [str(turn["text"]) for dialogue in dialogues for turn in dialogue["chat_logs"]]
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidInputError(f"{path}: is not a file of CaSiNo dialogues") from error
        yield from (text for text in texts if text not in BUTTONS)


def count(scenario: Scenario, name: str, role: str, texts: list[str]) -> Count:
    """Read all texts as if this side's delegate had written them."""
    brief, agenda = scenario.briefs[role], scenario.agenda
    _, mandate = brief.bind(agenda)
    secrets = Secrets(brief, agenda, mandate)
    labels: dict[str, int] = {}
    for text in texts:
        if finding := secrets.found_in(text):
            labels[finding.label] = labels.get(finding.label, 0) + 1
    return Count(name, role, len(texts), sum(labels.values()), tuple(sorted(labels.items())))


def main() -> int:
    """Print a table of false alarms."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dialogues", nargs="+", type=Path, help="CaSiNo files")
    texts = list(messages(parser.parse_args().dialogues))
    if not texts:
        raise InvalidInputError("there are no messages in these files; choose others")
    lines = ["scenario        role        messages  stopped   share"]
    for name in SCENARIOS:
        scenario = load(name)
        for role in scenario.agenda.roles:
            c = count(scenario, name, role, texts)
            lines.append(f"{name:15} {role:11} {c.messages:8}  {c.stopped:7}  {c.stopped / c.messages:6.2%}")
            lines += [f"    {number:5}  {label}" for label, number in c.labels]
    sys.stdout.write("\n".join(lines) + "\n")
    return command.OK


if __name__ == "__main__":
    command.run(main)
