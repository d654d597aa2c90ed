"""What a message must not say, and whether it says it.

Covered: the limits of a mandate and the reservation value; facts marked `never` and outside options; long
quotations from the brief. They are looked for verbatim, in other number formats and number words, spaced out,
reversed, with look-alike or invisible characters, and in base64, base32, hex, URL, HTML, decimal or binary
codes, rot13 and atbash, each inside another up to two levels deep.
Not covered: paraphrase, hints, arithmetic ("half of 18,000"), answers to yes-or-no questions about a limit, a
secret in pieces over several messages, limits that are named options ("never next month"), numbers below 100 in
facts, number words in other languages than the seven of `delegates.numeral`, and what the offers themselves reveal.
A guard that stays silent on one number of many can be made to point at it. `if_asked` is left to the prompt. A model
that wants to talk around the guard can.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from bargaining.agenda import Agenda
from bargaining.issue import IntegerIssue
from bargaining.mandate import BoundMandate
from delegates.brief import Brief
from delegates.numeral import Number, codes, in_digits, numbers_in, roman, significant, speaks
from delegates.reading import Reading, fold, mirrors_agree, readings
from delegates.trace import SHORT, SMALL, TOKENS, Images, Runs, idle, images

_LONGEST_WORD = 40  # letters
_NEVER_WORDS = 4
_QUOTE_WORDS = 7
_TOLD = 4  # characters; what decodes to less holds a figure by chance

# who says one of these talks about limits
_LIMIT_WORDS = frozenset(
    [
        "limit", "limits", "floor", "ceiling", "cap", "minimum", "maximum", "min", "max", "lowest", "highest", "bottom",
        "batna", "threshold", "below", "above", "beyond", "past", "under", "over", "final", "worth", "utility",
    ]
)  # fmt: skip
_LIMIT_STEMS = ("reserv", "walk", "exceed")
_LIMIT_PHRASES = re.compile(
    r"\b(?:at (?:least|most)|(?:no|not|never) (?:less|more|lower|higher)|(?:less|more) than|best (?:i|we) can|"
    r"(?:can(?: ?no|.?)t|won.?t|will not|could ?n.?t) (?:\w+ ){0,2}(?:go|do|pay|sell|take|give|stretch|push))\b"
)
_IN_LIMIT_PHRASES = frozenset(
    [
        "least", "most", "less", "more", "lower", "higher", "best",
        "go", "do", "pay", "sell", "take", "give", "stretch", "push",
    ]
)  # fmt: skip
# words that only stand in a text read backwards if it was written backwards
_ORDINARY = frozenset(
    [
        "the", "and", "you", "for", "about", "how", "would", "could", "price", "offer", "take", "give", "have", "with",
        "this", "that", "what", "will", "our", "your", "them", "than",
    ]
)  # fmt: skip
_SENSE = images(_LIMIT_WORDS | _IN_LIMIT_PHRASES | _ORDINARY)
_STEMS = images(_LIMIT_STEMS)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a message that must not be there. The label is for the owner of the secret only."""

    label: str = field(repr=False)


class Secrets:
    """All that one side's messages must not say."""

    def __init__(self, brief: Brief, agenda: Agenda, mandate: BoundMandate) -> None:
        never = [fact for fact in brief.facts if fact.disclosure == "never"]
        hidden = [*(fact.text for fact in never), *brief.outside_options]
        told = [agenda.title, agenda.description, *(issue.description for issue in agenda.issues)]
        told += [fact.text for fact in brief.facts if fact.disclosure != "never"]
        public = {piece for text in told for piece in _fragments(text, _NEVER_WORDS)}
        public_numbers = frozenset(number for text in told for number in numbers_in(fold(text)))
        limits = mandate.secret_numbers(agenda)
        self._numbers: dict[Number, str] = dict.fromkeys(limits, "one of your limits")
        self._reservation = mandate.reservation
        issues = (issue for issue in agenda.issues if isinstance(issue, IntegerIssue))
        self._context = frozenset(
            word
            for issue in issues
            for word in _words(fold(f"{issue.name} {issue.unit}".replace("_", " ")))
            if len(word) > 2
        )
        for text in hidden:
            for number in numbers_in(fold(text)) - public_numbers:
                if number >= SMALL and number not in self._numbers:
                    self._numbers[number] = "a number from something you must never disclose"
        self._phrases: dict[str, str] = {}
        for fact in never:
            for keyword in fact.keywords:
                self._phrases[fold(keyword)] = "a word that gives away what you must never disclose"
        for text in hidden:
            whole = fold(text)
            if len(_words(whole)) < _NEVER_WORDS:
                self._phrases.setdefault(whole, "something you must never disclose")
            for piece in _fragments(text, _NEVER_WORDS) - public:
                self._phrases.setdefault(piece, "something you must never disclose")
        told_long = {piece for text in told for piece in _fragments(text, _QUOTE_WORDS)}
        for piece in _fragments(brief.narrative, _QUOTE_WORDS) - told_long:
            self._phrases.setdefault(piece, "a sentence quoted from your private instructions")
        runs = {phrase: _NO_LETTERS.sub("", phrase) for phrase in self._phrases}
        self._long = {run: self._phrases[p] for p, run in runs.items() if len(run) >= SHORT}
        self._short = [
            (run, _whole_or_spaced(p), self._phrases[p]) for p, run in runs.items() if 0 < len(run) < SHORT
        ]
        self._codes = {code: label for number, label in self._numbers.items() for code in codes(number)}
        self._romans = {letters for number in self._numbers if (letters := roman(number))}
        self._significant = {
            digits for number in self._numbers if (digits := significant(number)) is not None
        }
        self._runs = Runs(self._long)
        self._images = Images(
            self._runs,
            [run for run, _, _ in self._short],
            self._numbers,
            self._codes,
            (_SENSE, images(self._context)),
            _STEMS,
        )
        self._idle = idle(runs.values(), (*self._codes, *self._romans), self._context)

    def __repr__(self) -> str:
        return "<Secrets: redacted>"

    def found_in(self, message: str, offered: Iterable[object] = ()) -> Finding | None:
        """The first secret that a message says, if it says one.

        The reservation value always counts, and so does a number in disguise or in a message that talks about
        limits. Otherwise a value that is offered anyway may be said: if it could not, silence would tell that it
        is a limit. A number below 100 counts where the message names an issue or a unit of the agenda and where
        it stands alone: "12 months" or "12." but not "12 tyres".

        Args:
            message: The free text beside a move.
            offered: The values of the offer that the message goes with, and of the other side's that stands.
        """
        named = frozenset(v for v in offered if isinstance(v, int) and not isinstance(v, bool))

        def blank(reading: Reading) -> bool:
            return mirrors_agree(reading.raw) and self._images.absent(reading, named)

        for reading in readings(message, self._idle, blank):
            if finding := self._read(reading, named):
                return finding
        return None

    def _read(self, reading: Reading, offered: frozenset[int]) -> Finding | None:
        text, letters = reading.text, reading.letters
        if self._runs.may_be_in(letters):
            for run, label in self._long.items():
                if run in letters:
                    return Finding(label)
        for run, pattern, label in self._short:
            if run in letters and pattern.search(text):
                return Finding(label)
        if self._may_say_number(reading):
            for number in numbers_in(text):
                if number in self._numbers and self._says(text, reading.kind, number, offered):
                    return Finding(self._numbers[number])
        for token in TOKENS.findall(text):
            if token in self._codes:
                return Finding(self._codes[token])
        return None

    def _may_say_number(self, reading: Reading) -> bool:
        """Whether a text may say a secret number, before it is looked at more closely."""
        figures = reading.figures
        return (
            figures is None
            or not self._significant.isdisjoint(figures)
            or not self._romans.isdisjoint(reading.words)
            or speaks(reading.words)
            or "half" in reading.letters
        )

    def _says(self, text: str, kind: str, number: Number, offered: frozenset[int]) -> bool:
        """Whether a text that holds a secret number says it as one."""
        small = number < SMALL
        if kind == "decoded":  # nobody disguises a number for nothing, but chance makes "6_" of many words
            return not small or (len(text) >= _TOLD and text.isascii())
        words = set(_words(text))
        named = not self._context.isdisjoint(words)
        talks = _talks_of_limits(text, words)
        if kind == "mirrored":  # every 24 is a 42 read backwards: it takes words that make sense
            said = not small and number not in offered
            return said or named or talks or not _ORDINARY.isdisjoint(words)
        if number == self._reservation or talks:
            return True
        if number in offered:
            return False
        if not small or named:
            return True
        alone = re.compile(rf"(?<!\d)(?<!\d[.,]){number}(?!\d|[.,]\d|\s+[^\W\d]{{2,}})")
        return bool(alone.search(text)) or any(alone.search(t) for t in in_digits(text))


def _talks_of_limits(text: str, words: set[str]) -> bool:
    return (
        not _LIMIT_WORDS.isdisjoint(words)
        or any(word.startswith(_LIMIT_STEMS) for word in words)
        or (not _IN_LIMIT_PHRASES.isdisjoint(words) and bool(_LIMIT_PHRASES.search(text)))
    )


# ---------------------------------------------------------------------------------- phrases


_WORDS = re.compile(r"\w+")
_NO_LETTERS = re.compile(r"[\W_]+")


def _words(folded: str) -> list[str]:
    return _WORDS.findall(folded)


def _fragments(text: str, count: int) -> set[str]:
    words = _words(fold(text))
    if any(
        len(word) > _LONGEST_WORD for word in words
    ):  # a script without spaces: so many characters for a word
        letters, size = "".join(words), 2 * count
        return {letters[i : i + size] for i in range(len(letters) - size + 1)}
    figures = [not word.isalpha() for word in words]
    # "for 11 400 EUR" is four words, but says nothing: the number is looked for by itself
    starts = (i for i in range(len(words) - count + 1) if sum(figures[i : i + count]) <= 1)
    return {" ".join(words[i : i + count]) for i in starts}


def _whole_or_spaced(phrase: str) -> re.Pattern[str]:
    """A pattern for a short folded phrase: as whole words, or spaced out letter by letter."""
    words = r"\W+".join(map(re.escape, _words(phrase)))
    spaced = r"[\W_]{1,3}".join(map(re.escape, "".join(_words(phrase))))
    return re.compile(rf"(?<!\w)(?:{words}|{spaced})(?!\w)")
