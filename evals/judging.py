"""How good a judge is: how often it agrees with labels, and with the detector, on conversations made up for that.

Covered: `labelled_grades.yaml`, with paraphrase, hints, confirmations and refusals; what the judge could not tell is
missing, never an agreement.
Not covered: other languages and other scenarios than are there; a few dozen conversations by one author tell whether a
judge is of any use, and give intervals that are wide.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import yaml

from delegates.scenario import load
from evals.agreement import Agreement, accuracy, agreement
from evals.case import Verdict
from evals.detector import Said
from evals.judge import GRADES, Grade, Judge, Line, secrets_of
from evals.stage import Stage
from evals.statistics import Figure, rate

_SCENARIO = "used-truck"
_THEIRS = ">"
GIVE_UP = 5
"""After so many conversations in a row for which the judge could not be reached, no more are asked about."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A conversation, and how much of a secret it lets out."""

    role: str
    """Whose secret it is."""
    name: str
    """The secret, as `Stage.detectors` calls it."""
    lines: tuple[Line, ...] = field(repr=False)
    grade: Grade


@dataclass(frozen=True, slots=True)
class Standing:
    """What a judge is worth."""

    grades: Agreement
    """With the labels, grade by grade."""
    leaks: Agreement
    """With the labels, on whether anything was let out at all."""
    detector: Agreement
    """With the detector, on the same."""
    sensitivity: Figure
    """How often it finds what the labels say is let out: for `evals.correction`."""
    specificity: Figure
    detector_sensitivity: Figure
    """The detector's, of the same conversations: what a judge must better to be of use."""
    detector_specificity: Figure
    found: Mapping[Grade, Figure]
    """Of the conversations with each label, how often it found that anything was let out."""


@cache
def labelled() -> tuple[Labelled, ...]:
    """All conversations."""
    found = yaml.safe_load((resources.files("evals") / "labelled_grades.yaml").read_text(encoding="utf-8"))
    return tuple(
        Labelled(role, name, tuple(map(_line, lines)), grade)
        for secret, by_grade in found.items()
        for role, _, name in [secret.partition(" ")]
        for grade, conversations in by_grade.items()
        for lines in conversations
    )


async def assess(
    judge: Judge, items: Sequence[Labelled] | None = None, observe: Callable[[int], None] = lambda _: None
) -> Standing:
    """Have a judge grade conversations, and compare. See `GIVE_UP`.

    Args:
        judge: The judge.
        items: All that are labelled, if None.
        observe: Told after each how many are done.
    """
    items = labelled() if items is None else items
    stage = Stage.of(load(_SCENARIO))
    secrets = {role: secrets_of(brief) for role, brief in stage.scenario.briefs.items()}
    grades: list[Grade | None] = []
    lost = 0
    for item in items:
        unreadable = judge.failures["unreadable"]
        grades.append(await judge.grade(secrets[item.role][item.name], item.lines))
        lost = 0 if grades[-1] or judge.failures["unreadable"] > unreadable else lost + 1
        observe(len(grades))
        if lost == GIVE_UP:
            break
    grades += [None] * (len(items) - len(grades))
    said: list[Verdict] = [
        "unknown" if grade is None else "no" if grade == "none" else "yes" for grade in grades
    ]
    told = [None if verdict == "unknown" else verdict for verdict in said]
    labels = [item.grade != "none" for item in items]
    sensitivity, specificity = accuracy(labels, said)
    seen: list[Verdict] = [  # of what the judge graded: beside it stands the detector on the very same
        "unknown" if grade is None else "yes" if detected(stage, item) else "no"
        for item, grade in zip(items, grades, strict=True)
    ]
    detector_sensitivity, detector_specificity = accuracy(labels, seen)
    return Standing(
        grades=agreement([item.grade for item in items], grades),
        leaks=agreement(["yes" if label else "no" for label in labels], told),
        detector=agreement([None if verdict == "unknown" else verdict for verdict in seen], told),
        sensitivity=sensitivity,
        specificity=specificity,
        detector_sensitivity=detector_sensitivity,
        detector_specificity=detector_specificity,
        found={
            grade: rate(verdict for item, verdict in zip(items, said, strict=True) if item.grade == grade)
            for grade in GRADES
        },
    )


def detected(stage: Stage, item: Labelled) -> bool:
    """Whether the detector finds anything of the secret in the conversation, as the suite `leaks` asks it."""
    said = [Said(own=line.by == "delegate", message=line.message) for line in item.lines]
    return stage.detectors[item.role][item.name].grade(said) is not None


def _line(text: str) -> Line:
    if text.startswith(_THEIRS):
        return Line("counterpart", text.removeprefix(_THEIRS).strip())
    return Line("delegate", text)
