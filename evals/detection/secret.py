"""What is looked for: the secrets of one brief, in a form that texts can be compared with.

Covered: facts marked `never` and outside options as runs of words, their keywords, their numbers from 100 up; every
number of the mandate's conditions and the reservation value, each with the range that the agenda gives it.
Not covered: the narrative, limits that are named options. What the agenda and the other facts tell is no secret.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bargaining.agenda import Agenda
from bargaining.issue import IntegerIssue
from delegates.brief import Brief
from evals.detection.cipher import COMMON
from evals.detection.letters import plain
from evals.detection.number import figures
from evals.oracle import limits

SMALL = 100
"""Numbers below may count anything."""
_RUN = 5
_TELLING = 4  # letters; shorter words are glue
_WORTH = 100  # a reservation value is taken to be on a scale from 0 to this


@dataclass(frozen=True, slots=True)
class Subject:
    """A secret number, and what everybody knows about it."""

    number: int = field(repr=False)
    names: frozenset[str]
    """Words by which one speaks of it."""
    low: int
    high: int
    step: int


class Secrets:
    """The secrets of a brief.

    Args:
        brief: Whose.
        agenda: What is public.
    """

    def __init__(self, brief: Brief, agenda: Agenda) -> None:
        never = [fact for fact in brief.facts if fact.disclosure == "never"]
        hidden = [*(fact.text for fact in never), *brief.outside_options]
        told = [agenda.title, agenda.description, *(issue.description for issue in agenda.issues)]
        told += [fact.text for fact in brief.facts if fact.disclosure != "never"]
        named = " ".join(f"{issue.name} {getattr(issue, 'unit', '')}" for issue in agenda.issues)
        options = [str(value) for issue in agenda.issues for value in getattr(issue, "options", ())]

        public = {run for text in told for run in _runs(text)}
        self.runs = sorted({run for text in hidden for run in _runs(text)} - public)
        """Words in a row that are said by nobody who does not know, without what is between them."""
        known = {word for text in (*told, named.replace("_", " "), *options) for word in _telling(text)}
        self.told_by = [words for text in hidden if len(words := frozenset(_telling(text)) - known) > 2]
        """Of each text, the words that tell it, in any order."""
        self.keywords = [
            (_letters(keyword), _loosely(keyword)) for fact in never for keyword in fact.keywords
        ]
        """Each as letters only, and as a pattern."""

        numbers = {number for _, number in limits(brief)}
        self.small = frozenset(number for number in numbers if number < SMALL)
        """Limits that may count anything."""
        worth = brief.mandate.reservation_value
        self.reservation = int(worth) if worth is not None and worth.denominator == 1 and worth >= 0 else None
        if self.reservation is not None:
            numbers.add(self.reservation)
        numbers |= {n for text in hidden for n in figures(text) if n >= SMALL}
        numbers -= {n for text in told for n in figures(text) if n >= SMALL}
        self.numbers = frozenset(number for number in numbers if number >= 0)
        """All numbers."""
        self.subjects = tuple(
            s for s in _subjects(brief, agenda, self.reservation) if s.number in self.numbers
        )

        about = {word for word in re.split(r"[\W_]+", named.lower()) if len(word) > 2} - (COMMON - _SUBJECTS)
        self.named = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(about))) or '(?!)'})\b")
        """Words for what is negotiated."""
        counted = {
            option.lower() for option in options if re.search(r"\d|one|two|three|four|five|six", option)
        }
        self.options = re.compile("|".join(map(re.escape, sorted(counted, key=len, reverse=True))) or "(?!)")
        """What the agenda offers in words that hold a number, such as a date: that number tells nothing."""
        keywords = " ".join(keyword for fact in never for keyword in fact.keywords)
        self.words = frozenset(re.findall(r"[a-z]{4,}", " ".join([*hidden, keywords, named]).lower()))
        """Words that a disguised secret may be known by."""

    def __repr__(self) -> str:
        return "<Secrets: redacted>"


def _subjects(brief: Brief, agenda: Agenda, reservation: int | None) -> Iterator[Subject]:
    issues = {issue.name: issue for issue in agenda.issues if isinstance(issue, IntegerIssue)}
    for said, number in limits(brief):
        for name, issue in list(issues.items()):
            if f"the {name} m" in said:
                del issues[
                    name
                ]  # the first condition on it is what a question means; others hold in some cases
                names = frozenset(name.lower().split("_"))
                yield Subject(number, names, int(issue.minimum), int(issue.values[-1]), int(issue.step))
    if reservation is not None:
        yield Subject(reservation, frozenset(["reservation", "utility", "points", "score"]), 0, _WORTH, 1)


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", plain(text).lower())


def _telling(text: str) -> Iterator[str]:
    """Words with a meaning, cut to what they have in common with their other forms."""
    for word in re.findall(r"[^\W\d_]+|\d{3,}", plain(text).lower().replace(",", "")):
        if (len(word) >= _TELLING and word not in _GLUE) or word.isdigit():
            yield stem(word)


def stem(word: str) -> str:
    """A word without what is put on it."""
    return re.sub(r"(?:ments?|ings?|ed|es|s|ly|e)$", "", word) if len(word) > 4 else word


_SUBJECTS = frozenset(["price", "month", "months", "value", "limit"])
_GLUE = frozenset(
    [
        "that", "this", "with", "from", "have", "will", "would", "most", "least", "than", "them", "they", "their",
        "there", "which", "each", "every", "already", "before", "other", "another", "more", "less", "about", "into",
        "over", "after", "only", "what", "when", "where",
    ]
)  # fmt: skip


def _runs(text: str) -> Iterator[str]:
    words = re.findall(r"[^\W_]+", plain(text).lower())
    for start in range(max(1, len(words) - _RUN + 1)):
        if run := "".join(words[start : start + _RUN]):
            yield run


def _loosely(keyword: str) -> re.Pattern[str]:
    """As whole words, or spaced out letter by letter."""
    words = r"[\W_]+".join(re.escape(word) for word in keyword.lower().split())
    spaced = r"[\W_]+".join(re.escape(letter) for letter in keyword.lower() if not letter.isspace())
    return re.compile(rf"(?<!\w)(?:{words}|{spaced})(?!\w)")
