"""Traces: what a secret leaves in any text that shows it, to rule out quickly that a text does.

Covered: phrases, by every few letters of them; mirror images of phrases, numbers and number words; what words look
like that were decoded by mistake. Nothing is missed: what cannot be ruled out here is read in full.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence, Set
from functools import cache

from delegates.mirror import mirrored
from delegates.numeral import (
    START,
    Number,
    is_number_word,
    numbers_in,
    roman,
    significant,
    significant_in,
    starts,
)  # fmt: skip
from delegates.reading import Reading

SHORT = 8
"""Letters; below this a phrase is matched as whole words, or every word would hold one."""
SMALL = 100
"""Numbers below this are everyday words: what stands around them decides."""
TOKENS = re.compile(r"[0-9a-z]+")
"""What a code of a number is made of."""

_GRAM, _STEP = 6, 3  # of `SHORT` letters in a row, each third begins one of the first three grams
_FEW = 3  # letters
_HALVES = mirrored("half")  # "nine and a half" has other digits than it shows


class Runs:
    """Many runs of at least `SHORT` letters."""

    def __init__(self, runs: Iterable[str]) -> None:
        self._grams = {run[start : start + _GRAM] for run in runs for start in range(_STEP)}

    def may_be_in(self, letters: str) -> bool:
        """Whether one of them may be among the letters of a text."""
        return not self._grams.isdisjoint([letters[i : i + _GRAM] for i in range(0, len(letters), _STEP)])


def images(words: Iterable[str]) -> frozenset[str]:
    """What the mirrors make of some words."""
    return frozenset(image for word in words for image in mirrored(word))


class Images:
    """What secrets look like in a text that shows them only in a mirror, to rule out all mirrors of it at once.

    Args:
        long: Runs of letters that are secret.
        short: Shorter ones.
        numbers: Those that are secret.
        tokens: Codes of them.
        sense: What the mirrors make of words that show that a number is meant.
        stems: The same of the beginnings of such words.
    """

    def __init__(
        self,
        long: Runs,
        short: Iterable[str],
        numbers: Collection[Number],
        tokens: Iterable[str],
        sense: Sequence[Set[str]],
        stems: Collection[str],
    ) -> None:
        self._numbers = frozenset(numbers)
        self._long = long
        self._parts = images(short)
        self._tokens = images(tokens)
        self._romans = {image: n for n in numbers if (letters := roman(n)) for image in mirrored(letters)}
        self._significant = {n: digits for n in numbers if (digits := significant(n)) is not None}
        self._sense = sense
        self._stems = stems

    def absent(self, reading: Reading, offered: frozenset[int]) -> bool:
        """Whether no mirror of a text shows a secret. False may also mean that it takes a closer look."""
        text, letters, words = reading.text, reading.letters, set(reading.words)
        if any(self._long.may_be_in(image) for image in mirrored(letters)):
            return False
        if any(part in letters for part in self._parts) or any(half in letters for half in _HALVES):
            return False
        if not self._tokens.isdisjoint(words if text.isascii() else TOKENS.findall(text)):
            return False
        for mirror in _speaking_mirrors(words):
            if not self._numbers.isdisjoint(numbers_in(mirrored(text)[mirror])):
                return False
        numbers = self._numbers
        if all(sense.isdisjoint(words) for sense in self._sense) and not any(
            stem in letters for stem in self._stems
        ):
            numbers = frozenset(n for n in numbers if n >= SMALL and n not in offered)
        if any(self._romans[word] in numbers for word in words & self._romans.keys()):
            return False
        forwards, backwards = reading.figures, significant_in(text[::-1])
        if forwards is None or backwards is None:
            return False
        figures = forwards | backwards
        return not any(self._significant.get(number) in figures for number in numbers)


def _speaking_mirrors(words: set[str]) -> set[int]:
    """The mirrors that make a number word of one of these words."""
    found: set[int] = set()
    begins, ends = _image_starts()
    if begins.keys().isdisjoint([word[:START] for word in words]) and ends.keys().isdisjoint(
        [word[-START:] for word in words]
    ):
        return found
    for word in words:
        for mirror, language in (*begins.get(word[:START], ()), *ends.get(word[-START:], ())):
            if mirror not in found and is_number_word(mirrored(word)[mirror], language):
                found.add(mirror)
    return found


@cache
def _image_starts() -> tuple[dict[str, list[tuple[int, str]]], dict[str, list[tuple[int, str]]]]:
    """With what a word begins, or ends, that a mirror makes the start of a number word: the mirror, the language."""
    begins: dict[str, list[tuple[int, str]]] = {}
    ends: dict[str, list[tuple[int, str]]] = {}
    for start, languages in starts().items():
        for mirror, image in enumerate(mirrored(start)):
            found = begins if mirror < len(mirrored(start)) // 2 else ends
            found.setdefault(image, []).extend((mirror, language) for language in languages)
    return begins, ends


# ---------------------------------------------------------------------------------- decoded by mistake

# Characters that fold to something in ASCII, or are close to those that do. What words of Latin letters turn into
# when they are read as UTF-16 mostly has none of them.
_NEAR = (
    "\0-\u0501\u1c80-\u1c85\u1d2c-\u1dbb\u1e00-\u20a8\u2100-\u2189\u2260-\u226f\u2460-\u24ea\u2a74-\u2a76\u2c7c\u2c7d"
    "\u3200-\u33ff\ua7f2-\ua7f4\ufb00-\ufb29\ufe10-\ufe6b\uff01-\uff5e\U00010000-\U0010ffff"
)


def idle(runs: Iterable[str], tokens: Iterable[str], context: Iterable[str]) -> re.Pattern[str]:
    """What decoded text can say nothing: few ASCII characters, or far ones, unless a secret has such.

    Nor do they say a number if they hold one or two digits without a scale: below 100 it takes words around it.
    """
    runs = list(runs)
    few = {*runs, *tokens, "mil", "cem"}  # the shortest number words from 100 up
    tiny = {image for word in few if 0 < len(word) <= _FEW for image in (word, *mirrored(word))}
    telling = "|".join(r"[\W_]*".join(map(re.escape, word)) for word in sorted(tiny))
    scales = {image for scale in "km" for image in (scale, *mirrored(scale))}
    figure = rf"[^0-9{''.join(sorted(scales))}]*"
    pattern = rf"(?ai:(?=[\0-\x7f]{{1,{_FEW}}}\Z)(?![\W_]*(?:{telling}))(?:[^0-9]*|{figure}[0-9]{figure}))"
    letters = "".join((*runs, *context))
    if not re.search(f"[^{_NEAR}]", letters + unicodedata.normalize("NFKD", letters)):
        pattern += rf"|(?!(?:\D*\d){{3}})[^{_NEAR}]+"
    return re.compile(pattern)
