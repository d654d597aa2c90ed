"""A labelled set for `evals.detector`: how often it says yes where yes is right, and no where no is.

Covered: messages and talks made up for this set over shipped scenarios (`messages.yaml`), some under disguises that
the detector knows and some under others (`disguises.py`), paraphrases that it cannot see, and near misses. What
corrects a rate of negotiations is measured on negotiations: each item as all that was said in one (`measured`).
Not covered: how often delegates use which of them, and talks as long as real ones: the more is said, the more chances
to be found and to be found by mistake. Sensitivity is that of this mix; by family it says more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal, NamedTuple

import yaml

from delegates.scenario import load
from evals.detector import Detector, Grade, Said
from evals.labelled.disguises import HELD_OUT, KNOWN
from evals.stage import SECRETS, Stage
from evals.statistics import Figure, proportion

Kind = Literal["known", "held out", "plain", "paraphrase", "talk", "clean"]
"""What an item is: a secret under a disguise that the detector was written for, or not; in the brief's own words; in
others; over several messages; none at all."""
LEAKING: Sequence[Kind] = ("known", "held out", "plain", "paraphrase", "talk")
LEAKS: frozenset[Grade] = frozenset({"full", "confirmed", "inferable"})
"""What the suite `leaks` takes as a leak. `partial` it counts apart."""


@dataclass(frozen=True, slots=True)
class Item:
    """A message or a talk, and what it gives away."""

    scenario: str
    role: str
    said: tuple[Said, ...]
    grade: Grade | None
    """None: nothing."""
    kind: Kind
    family: str
    """Of disguise, or of clean messages."""

    @property
    def leaks(self) -> bool:
        """Whether it gives anything away."""
        return self.grade is not None


class Accuracy(NamedTuple):
    """Of a detector, on a labelled set. In this order `evals.correction.corrected` takes them."""

    sensitivity: Figure
    specificity: Figure


@cache
def items() -> tuple[Item, ...]:
    """All items, in the order of the file."""
    text = (resources.files(__name__) / "messages.yaml").read_text(encoding="utf-8")
    written: Any = yaml.safe_load(text)
    found: list[Item] = []
    for side in written["messages"]:
        found += _messages(side["scenario"], side["role"], side["leaks"], side["clean"])
    for talk in written["talks"]:
        said = tuple(Said(not line.startswith(">"), line.removeprefix("> ")) for line in talk["said"])
        kind: Kind = "talk" if talk["grade"] else "clean"
        found.append(Item(talk["scenario"], talk["role"], said, talk["grade"], kind, talk["family"]))
    return tuple(found)


def sees(item: Item, detector: Detector) -> bool:
    """Of a message by itself, whether it holds a secret; of a talk, whether it has a grade."""
    if item.kind == "talk" or len(item.said) > 1:
        return detector.grade(item.said) is not None
    one = item.said[0]
    return detector.reads(one.message, one.terms) in SECRETS


@cache
def verdicts() -> tuple[tuple[Item, bool], ...]:
    """What the detector says of every item."""
    detectors: dict[tuple[str, str], Detector] = {}
    found = []
    for item in items():
        side = item.scenario, item.role
        if side not in detectors:
            scenario = load(item.scenario)
            detectors[side] = Detector(scenario.briefs[item.role], scenario.agenda)
        found.append((item, sees(item, detectors[side])))
    return tuple(found)


def leaked(said: Sequence[Said], detectors: Iterable[Detector]) -> bool:
    """Whether the suite `leaks` counts a negotiation as a leak.

    Args:
        said: The messages of both sides.
        detectors: Of each secret of the side, as a stage has them.
    """
    own = [one for one in said if one.own and one.message]
    return any(
        ((found := one.grade(said)) is not None and found.grade in LEAKS)
        or any(one.reads(each.message, each.terms) in SECRETS for each in own)
        for one in detectors
    )


@cache
def negotiations() -> tuple[tuple[Item, bool], ...]:
    """Whether each item, as all that was said in a negotiation, counts as a leak. Without those that are `partial`.

    Whether these do depends on how: a keyword in a message does, half of what a number could be does not.
    """
    stages: dict[str, Stage] = {}
    found = []
    for item in items():
        if item.grade == "partial":
            continue
        if item.scenario not in stages:
            stages[item.scenario] = Stage.of(load(item.scenario))
        found.append((item, leaked(item.said, stages[item.scenario].detectors[item.role].values())))
    return tuple(found)


def measured(kinds: Sequence[Kind] = LEAKING) -> Accuracy:
    """Sensitivity and specificity of a negotiation's verdict `leak`, with Wilson's intervals.

    Args:
        kinds: Of what leaks; all that does not counts for the specificity.
    """
    yes = [seen for item, seen in negotiations() if item.kind in kinds]
    no = [not seen for item, seen in negotiations() if not item.leaks]
    return Accuracy(proportion(sum(yes), len(yes)), proportion(sum(no), len(no)))


def by_message(kinds: Sequence[Kind] = ("known", "held out", "plain", "paraphrase")) -> Accuracy:
    """Sensitivity and specificity of a whole brief's detector, message by message; of talks, if they are asked for.

    Args:
        kinds: Of what gives something away; all that does not counts for the specificity.
    """
    talks = "talk" in kinds
    yes = [seen for item, seen in verdicts() if item.kind in kinds]
    no = [not seen for item, seen in verdicts() if not item.leaks and (talks or len(item.said) == 1)]
    return Accuracy(proportion(sum(yes), len(yes)), proportion(sum(no), len(no)))


def by_family() -> Mapping[tuple[Kind, str], Figure]:
    """The rate of yes of each family; of clean ones it should be 0."""
    found: dict[tuple[Kind, str], list[bool]] = {}
    for item, seen in verdicts():
        found.setdefault((item.kind, item.family), []).append(seen)
    return {key: proportion(sum(some), len(some)) for key, some in found.items()}


def _messages(
    scenario: str, role: str, leaks: Mapping[str, Sequence[str]], clean: Mapping[str, Sequence[Any]]
) -> list[Item]:
    found: list[Item] = []
    for family, texts in leaks.items():
        kind: Kind = "paraphrase" if family == "paraphrase" else "plain"
        if family != "base":
            found += [Item(scenario, role, (Said(True, text),), "full", kind, family) for text in texts]
            continue
        for name, disguise in KNOWN.items():
            found += [
                Item(scenario, role, (Said(True, disguise(text)),), "full", "known", name) for text in texts
            ]
        for name, disguise in HELD_OUT.items():
            found += [
                Item(scenario, role, (Said(True, disguise(text)),), "full", "held out", name)
                for text in texts
            ]
    for family, entries in clean.items():
        for entry in entries:
            said = (
                Said(True, entry["says"], tuple(entry["terms"]))
                if isinstance(entry, dict)
                else Said(True, entry)
            )
            found.append(Item(scenario, role, (said,), None, "clean", family))
    return found
