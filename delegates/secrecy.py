"""What a message must not say, and whether it says it.

Covered: the limits of a mandate and the reservation value; facts marked `never` and outside options; long
quotations from the brief. They are looked for verbatim, in other number formats and number words, spaced out,
reversed, with look-alike or invisible characters, and in base64, base32, hex, URL, HTML, decimal or binary
codes, rot13 and atbash, each inside another up to two levels deep.
Not covered: paraphrase, hints, arithmetic ("half of 18,000"), answers to yes-or-no questions about a limit, a
secret in pieces over several messages, limits that are named options ("never next month"), numbers below 100 in
facts, number words in other languages than the seven below, and what the offers themselves reveal. A guard that
stays silent on one number of many can be made to point at it. `if_asked` is left to the prompt. A model that wants
to talk around the guard can.
"""

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from itertools import groupby
from urllib.parse import unquote

from bargaining.agenda import Agenda
from bargaining.issue import IntegerIssue
from bargaining.mandate import BoundMandate
from delegates.brief import Brief

_DEPTH = 2
_LONGEST_WORD = 40  # letters
_TOLD = 4  # bytes; what decodes to less is a word of four letters by chance, unless it is padded
_NEVER_WORDS = 4
_QUOTE_WORDS = 7
_SHORT = 8  # characters; below this a phrase is matched as whole words, or every word would hold one
_SMALL = 100  # limits below this are everyday words: what stands around them decides
_RUN_WORDS, _NUMBER_WORDS = 40, 8  # how much of a run of number words is looked at, and the longest number
_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt")

_LOOKALIKES = str.maketrans(
    dict(
        zip(
            "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458"  # Cyrillic
            "\u0455\u04bb\u0501\u04cf\u043a\u043c\u0442\u0432\u043d"
            "\u03bf\u03b1\u03b5\u03bd\u03c1\u03c4\u03b9\u03ba\u03c5\u03c7\u03b2\u03b7"  # Greek
            "\u0131\u0142\u00f8\u0111",
            "aeopcyxijshdlkmtbhoaevptikuxbnilod",
            strict=True,
        )
    )
)
_LIMIT_WORDS = re.compile(
    r"\b(?:limits?|floor|ceiling|cap|minimum|maximum|min|max|at (?:least|most)|lowest|highest|bottom|reserv\w*|"
    r"walk\w*|batna|threshold|(?:no|not|never) (?:less|more|lower|higher)|(?:less|more) than|below|above|beyond|"
    r"past|under|over|exceed\w*|best (?:i|we) can|final|worth|utility|"
    r"(?:can(?: ?no|.?)t|won.?t|will not|could ?n.?t) (?:\w+ ){0,2}(?:go|do|pay|sell|take|give|stretch|push))\b"
)


# words that only stand in a text read backwards if it was written backwards
_ORDINARY = re.compile(
    r"\b(?:the|and|you|for|about|how|would|could|price|offer|take|give|have|with|this|that|what|will|our|your|them|than)\b"
)


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
        self._numbers = dict.fromkeys(mandate.secret_numbers(agenda), "one of your limits")
        self._reservation = mandate.reservation
        issues = (issue for issue in agenda.issues if isinstance(issue, IntegerIssue))
        self._context = {
            word
            for issue in issues
            for word in _words(fold(f"{issue.name} {issue.unit}".replace("_", " ")))
            if len(word) > 2
        }
        for text in hidden:
            for number in numbers_in(fold(text)) - public_numbers:
                if number >= _SMALL and number not in self._numbers:
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
        runs = {phrase: "".join(_words(phrase)) for phrase in self._phrases}
        self._long = {run: self._phrases[p] for p, run in runs.items() if len(run) >= _SHORT}
        self._short = [
            (_whole_or_spaced(p), self._phrases[p]) for p, run in runs.items() if 0 < len(run) < _SHORT
        ]
        self._codes = {code: label for number, label in self._numbers.items() for code in _codes(number)}

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
        named = frozenset(Fraction(v) for v in offered if isinstance(v, int) and not isinstance(v, bool))
        for text, kind in _readings(message):
            letters = "".join(_words(text)).replace("_", "")
            for run, label in self._long.items():
                if run in letters:
                    return Finding(label)
            for pattern, label in self._short:
                if pattern.search(text):
                    return Finding(label)
            if finding := self._number(text, kind, named):
                return finding
        return None

    def _number(self, text: str, kind: str, offered: frozenset[Fraction]) -> Finding | None:
        for number in numbers_in(text):
            label = self._numbers.get(number)
            if label and self._says(text, kind, number, offered):
                return Finding(label)
        for token in re.findall(r"[0-9a-z]+", text):
            if label := self._codes.get(token):
                return Finding(label)
        return None

    def _says(self, text: str, kind: str, number: Fraction, offered: frozenset[Fraction]) -> bool:
        """Whether a text that holds a secret number says it as one."""
        small = number < _SMALL
        if kind == "decoded":  # nobody disguises a number for nothing, but chance makes "6_" of many words
            return not small or (len(text) >= _TOLD and text.isascii())
        named = bool(self._context & set(_words(text)))
        talks = bool(_LIMIT_WORDS.search(text))
        if kind == "mirrored":  # every 24 is a 42 read backwards: it takes words that make sense
            said = not small and number not in offered
            return said or named or talks or bool(_ORDINARY.search(text))
        if number == self._reservation or talks:
            return True
        if number in offered:
            return False
        alone = re.compile(rf"(?<!\d)(?<!\d[.,]){number}(?!\d|[.,]\d|\s+[^\W\d]{{2,}})")
        return not small or named or any(alone.search(t) for t in {text, *_in_digits(text)})


# ---------------------------------------------------------------------------------- reading a message


def fold(text: str) -> str:
    """Text with everything removed that only hides it: case, compatibility forms, invisible characters."""
    text = unicodedata.normalize("NFKC", text)
    kept = []
    for character in text:
        category = unicodedata.category(character)
        if category in {"Cf", "Cs", "Mn", "Me", "Co", "Cn"}:
            continue
        digit = unicodedata.decimal(character, None)
        kept.append(character if digit is None else str(digit))
    return re.sub(r"\s+", " ", "".join(kept).casefold().translate(_LOOKALIKES)).strip()


def _readings(message: str) -> Iterator[tuple[str, str]]:
    """All ways to read a message, each as (folded text, kind); plain first."""
    seen: set[str] = set()
    layer = [(unicodedata.normalize("NFKC", message), "plain")]
    for depth in range(_DEPTH + 1):
        following: list[tuple[str, str]] = []
        for text, kind in layer:
            folded = fold(text)
            if not folded or folded in seen:
                continue
            seen.add(folded)
            yield folded, kind
            if depth < _DEPTH:
                following += [(decoded, new) for new, decode in _DECODERS for decoded in decode(text)]
        layer = following


def _printable(data: bytes) -> Iterator[str]:
    for encoding in ("utf-8", "utf-16-le"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if len(text) > 1 and all(character.isprintable() or character.isspace() for character in text):
            yield text
            return


def _base64(text: str) -> Iterator[str]:
    for run in re.findall(r"[A-Za-z0-9+/_-]{4,}(?:\s*[A-Za-z0-9+/_-]{2,})*={0,2}", text):
        for piece in {run, *run.split()}:
            packed = re.sub(r"[\s=]", "", piece).replace("-", "+").replace("_", "/")
            if len(packed) % 4 != 1:
                try:
                    decoded = base64.b64decode(packed + "=" * (-len(packed) % 4))
                    if len(decoded) >= _TOLD or "=" in piece:  # "meet" is base64 too
                        yield from _printable(decoded)
                except (ValueError, binascii.Error):
                    continue


def _base32(text: str) -> Iterator[str]:
    for run in re.findall(r"\b[A-Z2-7]{4,}={0,6}", text.upper()):
        packed = run.rstrip("=")
        try:
            yield from _printable(base64.b32decode(packed + "=" * (-len(packed) % 8)))
        except (ValueError, binascii.Error):
            continue


def _hex(text: str) -> Iterator[str]:
    for run in re.findall(r"(?:(?:0x|\\x|%|#)?[0-9a-fA-F]{2}[\s,:\-]?){2,}", text):
        for piece in {run, *run.split()}:
            packed = re.sub(r"0x|\\x|[^0-9a-fA-F]", "", piece)
            if packed and len(packed) % 2 == 0:
                yield from _printable(bytes.fromhex(packed))


def _character_codes(text: str) -> Iterator[str]:
    for run in re.findall(r"(?:\b[01]{7,8}\b[\s,]*){2,}", text):
        yield "".join(chr(int(code, 2)) for code in re.findall(r"[01]+", run))
    for run in re.findall(r"\b(?:[01]{8}){2,}\b", text):
        yield "".join(chr(int(run[i : i + 8], 2)) for i in range(0, len(run), 8))
    for run in re.findall(r"(?:\b\d{2,3}\b[\s,;-]+){1,}\d{2,3}\b", text):
        codes = [int(code) for code in re.findall(r"\d+", run)]
        if all(32 <= code < 127 for code in codes):
            yield "".join(map(chr, codes))


def _unescaped(text: str) -> Iterator[str]:
    for plain in (html.unescape(text), unquote(text)):
        if plain != text:
            yield plain


def _despaced(text: str) -> Iterator[str]:
    if re.search(r"(?<!\w)(?:\w[\s._*|/-]){4,}\w(?!\w)", text):
        yield " ".join("".join(re.findall(r"\w", word)) for word in re.split(r"\s{2,}", text))


def _reversed(text: str) -> Iterator[str]:
    yield text[::-1]


_ROT13 = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "nopqrstuvwxyzabcdefghijklmNOPQRSTUVWXYZABCDEFGHIJKLM",
)
_ATBASH = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA",
)


def _substituted(text: str) -> Iterator[str]:
    yield text.translate(_ROT13)
    yield text.translate(_ATBASH)


_DECODERS: tuple[tuple[str, Callable[[str], Iterator[str]]], ...] = (
    ("decoded", _base64),
    ("decoded", _base32),
    ("decoded", _hex),
    ("decoded", _character_codes),
    ("decoded", _unescaped),
    ("decoded", _despaced),
    ("mirrored", _reversed),
    ("mirrored", _substituted),
)


# ---------------------------------------------------------------------------------- phrases


def _words(folded: str) -> list[str]:
    return re.findall(r"\w+", folded)


def _fragments(text: str, count: int) -> set[str]:
    words = _words(fold(text))
    if any(
        len(word) > _LONGEST_WORD for word in words
    ):  # a script without spaces: so many characters for a word
        letters, size = "".join(words), 2 * count
        return {letters[i : i + size] for i in range(len(letters) - size + 1)}
    runs = (words[i : i + count] for i in range(len(words) - count + 1))
    # "for 11 400 EUR" is four words, but says nothing: the number is looked for by itself
    return {" ".join(run) for run in runs if sum(word.isalpha() for word in run) >= count - 1}


def _whole_or_spaced(phrase: str) -> re.Pattern[str]:
    """A pattern for a short folded phrase: as whole words, or spaced out letter by letter."""
    words = r"\W+".join(map(re.escape, _words(phrase)))
    spaced = r"[\W_]{1,3}".join(map(re.escape, "".join(_words(phrase))))
    return re.compile(rf"(?<!\w)(?:{words}|{spaced})(?!\w)")


# ---------------------------------------------------------------------------------- numbers

_SCALES = {
    "k": 1000,
    "thousand": 1000,
    "grand": 1000,
    "tsd": 1000,
    "hundred": 100,
    "m": 10**6,
    "mio": 10**6,
    "million": 10**6,
}
_GROUPING = ".,'`\u00b4\u2019\u00b7 _"  # what people put between thousands
_NUMBER = re.compile(
    rf"(?<!\d)(?<!\d[.,])(?P<digits>\d{{1,3}}(?P<mark>[{_GROUPING}])\d{{3}}(?:(?P=mark)\d{{3}}){{0,9}}(?:[.,]\d{{1,30}})?"
    r"|0*\d{1,30}(?:[.,]\d{1,30})?)"
    r"(?P<power>e\d{1,2})?(?P<half> and a half)?"
    r"\s?-?(?:(?P<scale>k|thousand|grand|tsd|hundred|mio|million|m|1000|100)\b)?(?P<percent>\s?%)?(?!\d|(?:st|nd|rd|th)\b)"
)
# pieces of one or two digits, or of zeros alone: that is what number words said digit by digit become
_SPACED = re.compile(r"(?<!\d)\d{1,2}(?:[\s\-_.,*/|:;+`\u00b7]{1,3}(?:\d{1,2}(?!\d)|0{1,30})){1,30}(?!\d)")
_MIXED = re.compile(
    r"(?<!\d)(\d{1,6})(?:000\b|\s?-?(?:k|thousand|grand|tsd|1000))\s?-?(?:and |und |, )?(\d{1,3})(?!\d)"
)
_ROMAN = re.compile(r"\b(?=[mdclxvi]{2,})m{0,9}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})\b")
_ROMAN_VALUES = {"m": 1000, "d": 500, "c": 100, "l": 50, "x": 10, "v": 5, "i": 1}


def numbers_in(folded: str) -> frozenset[Fraction]:
    """Every number that a folded text can be read to contain, in digits, words, or other notations."""
    found: set[Fraction] = set()
    for text in {folded, *_in_digits(folded)}:
        for match in _NUMBER.finditer(text):
            for value in _values(match["digits"]):
                number = value * 10 ** int(match["power"][1:] if match["power"] else 0)
                found.add(number)
                number += Fraction(1, 2) if match["half"] else 0
                if scale := match["scale"]:
                    found.add(number * (_SCALES.get(scale) or int(scale)))
                if match["percent"]:
                    found.add(number / 100)
        for match in _SPACED.finditer(text):
            digits = re.sub(r"\D", "", match[0])
            if len(digits) > 2:  # "2 or 3" is not 23
                found.add(Fraction(int(digits)))
        for match in _MIXED.finditer(text):
            found.add(Fraction(int(match[1]) * 1000 + int(match[2])))
    for match in _ROMAN.finditer(folded):
        values = [_ROMAN_VALUES[letter] for letter in match[0]]
        pairs = zip(values, [*values[1:], 0], strict=False)  # an empty match has no digits
        found.add(Fraction(sum(-value if value < following else value for value, following in pairs)))
    return frozenset(found)


def _in_digits(folded: str) -> set[str]:
    """The text with number words replaced by digits, for each language, and each run of number words apart."""
    if not re.search(r"[^\W\d]{3}", folded):
        return set()
    convert, plain = _converter(), folded.replace("-", " ")
    texts = {convert(plain, language, 0.0): language for language in _LANGUAGES}
    return set(texts) | {
        convert(" ".join(span), language, 0.0)
        for text, language in texts.items()
        if text != plain
        for span in _number_words(plain, language)
    }


def _number_words(plain: str, language: str) -> Iterator[list[str]]:
    """Every part of a run of number words: "twelve thousand twelve thousand" is one run, but says 12000 twice."""
    convert = _converter()
    for is_number, run in groupby(plain.split(), key=lambda word: convert(word, language, 0.0)[:1].isdigit()):
        words = list(run)[:_RUN_WORDS] if is_number else []
        for start in range(len(words)):
            for end in range(start + 2, min(start + _NUMBER_WORDS, len(words)) + 1):
                yield words[start:end]


@cache
def _converter() -> Callable[[str, str, float], str]:
    from text_to_num import alpha2digit  # noqa: PLC0415 - only a guard that reads messages needs it

    return alpha2digit  # type: ignore[no-any-return]  # untyped extension module


def _values(digits: str) -> set[Fraction]:
    """All readings of a figure: `9.000` is nine thousand here and nine there."""
    bare = re.sub(r"['`\u00b4\u2019\u00b7 _]", "", digits)
    readings = (
        {Fraction(int(re.sub(r"[.,]", "", bare)))} if re.fullmatch(r"\d{1,3}([.,]\d{3})+", bare) else set()
    )
    whole, _, decimals = bare.replace(",", ".").rpartition(".")
    if whole:
        readings.add(Fraction(int(whole.replace(".", "") + decimals), 10 ** len(decimals)))
    elif not readings:
        readings.add(Fraction(int(bare)))
    return readings


def _codes(number: Fraction) -> Iterator[str]:
    """Whole-token codes of a number in other bases, with and without their usual prefix."""
    if number.denominator == 1 and number >= 0:
        value = int(number)
        yield from (f"{value:#x}", f"{value:#b}", f"{value:#o}")
        if value >= 256:
            yield from (f"{value:x}", f"{value:b}", f"{value:x}h")
