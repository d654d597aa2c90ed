"""Numbers in a text, however they are written: figures, words in seven languages, Roman, spaced out, in bases.

Covered: thousands separators, decimals, scales (`9.4k`), powers, percent, digit by digit, mixtures
("9 thousand 400"). Not covered: arithmetic, number words of other languages, misspelt number words.
"""

import re
from collections.abc import Callable, Collection, Iterator
from fractions import Fraction
from functools import cache
from itertools import groupby
from typing import NamedTuple, TypeAlias

Number: TypeAlias = Fraction | int

_RUN_WORDS, _NUMBER_WORDS = 40, 8  # how much of a run of number words is looked at, and the longest number
_MOST_FIGURES = 12  # more in one text are not put together in all ways: it counts as unreadable

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
# Each begins with a digit and looks behind it only then: the engine skips from digit to digit.
_NUMBER = re.compile(
    rf"(?P<digits>\d(?<!\d\d)(?<!\d[.,]\d)"
    rf"(?:\d{{0,2}}(?P<mark>[{_GROUPING}])\d{{3}}(?:(?P=mark)\d{{3}}){{0,9}}(?:[.,]\d{{1,30}})?"
    r"|(?:(?<=0)0*\d{1,30}|\d{0,29})(?:[.,]\d{1,30})?))"
    r"(?P<power>e\d{1,2})?(?P<half> and a half)?"
    r"\s?-?(?:(?P<scale>k|thousand|grand|tsd|hundred|mio|million|m|1000|100)\b)?(?P<percent>\s?%)?(?!\d|(?:st|nd|rd|th)\b)"
)
# pieces of one or two digits, or of zeros alone: that is what number words said digit by digit become
_SPACED = re.compile(r"\d(?<!\d\d)\d?(?:[\s\-_.,*/|:;+`\u00b7]{1,3}(?:\d{1,2}(?!\d)|0{1,30})){1,30}(?!\d)")
_MIXED = re.compile(
    r"(\d(?<!\d\d)\d{0,5})(?:000\b|\s?-?(?:k|thousand|grand|tsd|1000))\s?-?(?:and |und |, )?(\d{1,3})(?!\d)"
)
_ROMAN = re.compile(r"m{0,9}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})")
_ROMAN_WORD = re.compile(r"[mdclxvi](?<!\w[mdclxvi])[mdclxvi]+(?!\w)")
_ROMAN_VALUES = {"m": 1000, "d": 500, "c": 100, "l": 50, "x": 10, "v": 5, "i": 1}
_ROMAN_PIECES = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
    (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


def numbers_in(folded: str) -> frozenset[Number]:
    """Every number that a folded text can be read to contain, in digits, words, or other notations."""
    found: set[Number] = set()
    for text in {folded, *in_digits(folded)}:
        found |= _figures(text)
    for match in _ROMAN_WORD.finditer(folded):
        if _ROMAN.fullmatch(match[0]):
            values = [_ROMAN_VALUES[letter] for letter in match[0]]
            pairs = zip(values, [*values[1:], 0], strict=True)
            found.add(sum(-value if value < following else value for value, following in pairs))
    return frozenset(found)


class Figure(NamedTuple):
    """A number in figures, and where it stands in its text."""

    numbers: set[Number]
    """All readings of it."""
    start: int
    end: int
    percent: bool
    plain: bool
    """Whether it is digits and nothing else."""


def figures(text: str) -> Iterator[Figure]:
    """Every number in a folded text that is written as figures in one piece, with its scale."""
    for match in _NUMBER.finditer(text):
        digits, _, power, half, scale, percent = match.groups()
        found: set[Number] = set()
        for value in _values(digits):
            number = value * 10 ** int(power[1:]) if power else value
            found.add(number)
            if half:
                number += Fraction(1, 2)
            if scale:
                found.add(number * (_SCALES.get(scale) or int(scale)))
            if percent:
                found.add(Fraction(number) / 100)
        plain = digits.isdigit() and not (power or half or scale or percent)
        yield Figure(found, *match.span(), bool(percent), plain)


def _figures(text: str) -> set[Number]:
    found = {number for figure in figures(text) for number in figure.numbers}
    for match in _SPACED.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if len(digits) > 2:  # "2 or 3" is not 23
            found.add(int(digits))
    for match in _MIXED.finditer(text):
        found.add(int(match[1]) * 1000 + int(match[2]))
    return found


def _values(digits: str) -> set[Number]:
    """All readings of a figure: `9.000` is nine thousand here and nine there."""
    if digits.isdigit():
        return {int(digits)}
    bare = re.sub(r"['`\u00b4\u2019\u00b7 _]", "", digits)
    readings: set[Number] = set()
    if re.fullmatch(r"\d{1,3}([.,]\d{3})+", bare):
        readings.add(int(re.sub(r"[.,]", "", bare)))
    whole, _, decimals = bare.replace(",", ".").rpartition(".")
    if whole:
        readings.add(Fraction(int(whole.replace(".", "") + decimals), 10 ** len(decimals)))
    elif not readings:
        readings.add(int(bare))
    return readings


def codes(number: Number) -> Iterator[str]:
    """Whole-token codes of a number in other bases, with and without their usual prefix."""
    if number.denominator == 1 and number >= 0:
        value = int(number)
        yield from (f"{value:#x}", f"{value:#b}", f"{value:#o}")
        if value >= 256:
            yield from (f"{value:x}", f"{value:b}", f"{value:x}h")


def roman(number: Number) -> str:
    """A number as a folded Roman numeral of at least two letters; empty if it has none."""
    if number.denominator != 1 or not 0 < number < 10_000:
        return ""
    rest, letters = int(number), ""
    for value, piece in _ROMAN_PIECES:
        times, rest = divmod(rest, value)
        letters += piece * times
    return letters if len(letters) > 1 else ""


# ---------------------------------------------------------------------------------- ruling numbers out

_DIGITS = re.compile(r"\d+")


def significant(number: Number) -> str | None:
    """The digits of a number without the zeros around them: what all its notations in figures share."""
    digits, divisor = abs(number.numerator), number.denominator
    for prime in (2, 5):
        while divisor % prime == 0:
            divisor //= prime
            digits *= 10 // prime
    return str(digits).strip("0") if divisor == 1 else None  # 1/3 cannot be written in figures


def significant_in(text: str) -> set[str] | None:
    """The significant digits of all numbers that figures alone can be read as; None: too hard to tell.

    Numbers in words, and with "and a half", are left out.
    """
    runs = _DIGITS.findall(text)
    if len(runs) > _MOST_FIGURES or any(
        "1000" in run and len(run) > 4 for run in runs
    ):  # "91000400" is also 9400
        return None
    found = set()
    for start, run in enumerate(runs):
        joined = ""
        for following in runs[start:]:
            joined += following
            found.add(joined.strip("0"))
        if len(run) < _MOST_FIGURES:
            for following in runs[start + 1 : start + 3]:  # "9k400", "12000 and 400", "9 1000 400"
                if len(following) <= 3:
                    found.add(str(int(run) * 1000 + int(following)).strip("0"))
                    found.add(str(int(run) + int(following)).strip("0"))
    return found


# ---------------------------------------------------------------------------------- number words

_WORDS = re.compile(r"[^\W_]+")
_THREE_LETTERS = re.compile(r"[^\W\d]{3}")
_WORDS_OF = {
    "en": "zero o nought one first two second three four five fifth six seven eight nine ninth ten eleven twelve"
    " twenty third thirteen fourteen fifteen forty fifty hundred thousand million billion",
    "de": "null ein erste zwei zwo drei dritte vier fünf sechs sieben acht neun zehn elf zwölf zwanzig hundert"
    " tausend million billion und",
    "fr": "zéro un unième premier deux trois quatre cinq six sept huit neuf neuvième dix onze douze treize trente"
    " quinze seize vingt quarante soixante octante nonante cent mil mille",
    "es": "cero un uno una primer dos dosc segundo tres tercer trece tric cuatro cuarto cuadr quadr cinco quinto"
    " seis sexto sexag sexc sesenta siete séptimo septuagésimo setenta ocho oche octavo octi octo nueve noveno nona"
    " noni diez dieciséis décimo deci once undécimo doce duodécimo catorce veinte vigésimo treinta trigésimo cuarenta"
    " cincuenta cien centésimo ducentésimo mil mille milésimo",
    "it": "zero un uno una primo due secondo tre tré terzo quattro quarto cinque quinto sei sesto sessanta sette"
    " otto ottanta nove nono nona none noni novanta dieci decimo dedi undici dodici sedici diciotto venti trenta"
    " quaranta ttanta cento mille bilione tto ttesimo",
    "nl": "nul één een eerste twee drie derde dertig vier vijf zes zeven acht negen tien elf twaalf twintig"
    " veertig tachtig honderd duizend miljoen biljoen en ën",
    "pt": "zero um uma umo primeiro dois duas segundo três tres terceiro quatro quarto cinco cinq quinto seis sexto"
    " sexa sexc sete setu sétimo oit oito oite octi octo nove nona nong noni non dez dezenove décimo onze doze"
    " treze trinta catorze vinte vigésimo trigésimo cem cento quadr qüin sessenta duzentos ducentésimo trecentésimo"
    " septuagésimo milhão mil milésimo mili bilhão bili",
}
"""For each language, words that between them begin like all its number words."""
_ENDINGS = {
    "en": "s ss sss th",
    "de": "e es",
    "fr": "s ss e es ième",
    "es": "s a o as os es esimo avo",
    "it": "a e i o esimo",
    "nl": "de te ste",
    "pt": "s a o as os aa oo",
}
_COMPOUNDING = {"de", "it", "nl"}  # "zweihundertelf" is one word
LANGUAGES = tuple(_WORDS_OF)
START = 4
"""How many letters of a word tell whether it can be a number word."""


@cache
def starts() -> dict[str, tuple[str, ...]]:
    """The first letters of every number word, each with its languages."""
    found: dict[str, dict[str, None]] = {}
    for language, listed in _WORDS_OF.items():
        words = listed.split()
        tails = ["", *_ENDINGS[language].split(), *(words if language in _COMPOUNDING else ())]
        for word in words:
            for tail in tails if len(word) < START else [""]:
                found.setdefault((word + tail)[:START], {})[language] = None
    return {beginning: tuple(languages) for beginning, languages in found.items()}


def is_number_word(word: str, language: str) -> bool:
    """Whether a folded word says a number, by itself or (like "o" for zero) among others."""
    twice = f"{word} {word}"
    return _converter()(twice, language, 0.0) != twice


def speaks(words: Collection[str]) -> bool:
    """Whether one of some folded words is a number word."""
    known = starts()
    return not known.keys().isdisjoint([word[:START] for word in words]) and any(
        is_number_word(word, language) for word in words for language in known.get(word[:START], ())
    )


def _spoken(text: str) -> dict[str, set[str]]:
    """The languages in which a text has number words, each with the letters that they begin with."""
    words = set(_WORDS.findall(text))
    known = starts()
    if known.keys().isdisjoint([word[:START] for word in words]):
        return {}
    found: dict[str, set[str]] = {}
    for word in words:
        for language in known.get(word[:START], ()):
            if is_number_word(word, language):
                found.setdefault(language, set()).add(word[0])
    return {language: found[language] for language in LANGUAGES if language in found}


def in_digits(folded: str) -> set[str]:
    """The text with number words replaced by digits, for each language, and each run of number words apart."""
    if not _THREE_LETTERS.search(folded):
        return set()
    plain = folded.replace("-", " ")
    spoken = _spoken(plain)
    if not spoken:
        return {plain}
    convert = _converter()
    texts = {plain: ""} | {convert(plain, language, 0.0): language for language in spoken}
    found = set(texts)
    for text, language in texts.items():
        if text != plain:
            found |= {
                convert(span, language, 0.0) for span in _number_words(plain, language, spoken[language])
            }
    return found


def in_english(folded: str) -> str:
    """The text with English number words replaced by digits."""
    return _converter()(folded.replace("-", " "), "en", 0.0) if "en" in _spoken(folded) else folded


def _number_words(plain: str, language: str, letters: set[str]) -> set[str]:
    """Every part of a run of number words: "twelve thousand twelve thousand" is one run, but says 12000 twice."""
    convert = _converter()

    def is_number(word: str) -> bool:
        return word[0].isdigit() or (word[0] in letters and convert(word, language, 0.0)[:1].isdigit())

    found = set()
    for said, run in groupby(plain.split(), key=is_number):
        words = list(run)[:_RUN_WORDS] if said else []
        for start in range(len(words)):
            for end in range(start + 2, min(start + _NUMBER_WORDS, len(words)) + 1):
                if not all(
                    word[0].isdigit() for word in words[start:end]
                ):  # figures are read where they stand
                    found.add(" ".join(words[start:end]))
    return found


@cache
def _converter() -> Callable[[str, str, float], str]:
    from text_to_num import alpha2digit  # noqa: PLC0415 - only a guard that reads messages needs it

    return alpha2digit  # type: ignore[no-any-return]  # untyped extension module
