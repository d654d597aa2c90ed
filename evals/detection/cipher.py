"""Letters put for letters, and letters put in another place, undone.

Covered: every Caesar shift and Atbash, found by the shapes of common words; text backwards, words backwards, words in
backward order; one sign between all characters.
Not covered: ciphers with a key, transpositions other than backwards, other affine ciphers.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator

_LATIN = "abcdefghijklmnopqrstuvwxyz"
_ATBASH = str.maketrans(_LATIN + _LATIN.upper(), _LATIN[::-1] + _LATIN[::-1].upper())
_SHIFTS = tuple(
    str.maketrans(
        _LATIN + _LATIN.upper(), _LATIN[by:] + _LATIN[:by] + _LATIN[by:].upper() + _LATIN[:by].upper()
    )
    for by in range(26)
)
_DIGITS = "0123456789"
_NINES = str.maketrans(_DIGITS, _DIGITS[::-1])
_TURNS = tuple(str.maketrans(_DIGITS, _DIGITS[by:] + _DIGITS[:by]) for by in range(10))
_ROT47 = str.maketrans({33 + at: 33 + (at + 47) % 94 for at in range(94)})
_ALWAYS = 13  # a shift that needs no evidence
_MOST_WORDS = 1500

COMMON = frozenset(
    [
        "the", "and", "you", "for", "about", "how", "would", "could", "price", "offer", "take", "give", "have", "with",
        "this", "that", "what", "will", "our", "your", "them", "than", "must", "cannot", "limit", "value", "least",
        "most", "below", "above", "lowest", "highest", "reservation", "minimum", "maximum", "walk", "away", "from",
        "are", "was", "not", "but", "can", "accept", "money", "because", "there", "their", "which", "month", "months",
        "we", "my", "is", "be", "at", "to", "of", "it", "in", "go", "do", "on", "me",
    ]
)  # fmt: skip
"""Words by which a text is known to be one."""
_WORD = re.compile(r"[a-z]+")
_LETTER = re.compile(r"[a-z ]")
_LETTERS = 0.6


def sense(text: str) -> int:
    """How many different common words there are; none in a text that is mostly other signs.

    Args:
        text: In lower case.
    """
    if len(_LETTER.findall(text)) < _LETTERS * len(text):
        return 0
    return len(COMMON.intersection(_WORD.findall(text)))


class Ciphers:
    """Undoes ciphers of letters.

    Args:
        words: Further words to know a text by, in lower case.
    """

    def __init__(self, words: Collection[str]) -> None:
        self._shapes: dict[str, list[int]] = {}
        for word in sorted({*COMMON, *words}):
            if len(word) > 2 and word.isascii() and word.isalpha():
                self._shapes.setdefault(_shape(word), []).append(ord(word[0]))

    def undone(self, text: str) -> Iterator[str]:
        """The most likely few readings."""
        shifts: Counter[int] = Counter()
        mirrored: Counter[int] = Counter()
        for word in set(_WORD.findall(text.lower())[:_MOST_WORDS]):
            if len(word) < 3:
                continue
            shape = _shape(word)
            for first in self._shapes.get(shape, ()):
                shifts[(first - ord(word[0])) % 26] += len(word) - 1
            image = word.translate(_ATBASH)
            for first in self._shapes.get(_shape(image), ()):
                mirrored[(first - ord(image[0])) % 26] += len(word) - 1
        del shifts[0]
        likely = [shift for shift, _ in sorted(shifts.items(), key=lambda one: (-one[1], one[0]))[:2]]
        for shift in dict.fromkeys([*likely, _ALWAYS]):
            yield text.translate(_SHIFTS[shift])
            if shift in likely and any(map(str.isdigit, text)):  # some move the digits along with the letters
                yield text.translate(_SHIFTS[shift]).translate(_TURNS[shift % 10])
        mirror = text.translate(_ATBASH)
        yield mirror
        if _WORD.search(mirror.lower()):
            yield mirror.translate(_NINES)
        for shift, _ in sorted(mirrored.items(), key=lambda one: (-one[1], one[0]))[:1]:
            yield mirror.translate(_SHIFTS[shift])

    def __repr__(self) -> str:
        return "<Ciphers: redacted>"


def signs(text: str) -> str:
    """What is written with every sign of a keyboard moved half round (rot47)."""
    return text.translate(_ROT47)


def backwards(text: str) -> Iterator[str]:
    """Backwards as a whole, and each word backwards."""
    yield text[::-1]
    yield re.sub(r"\w+", lambda word: word.group()[::-1], text)


def by_words(text: str) -> str:
    """With the last word first."""
    return " ".join(text.split()[::-1])


def drawn_together(text: str) -> Iterator[str]:
    """Without what stands between all characters, if something does."""
    if len(text) > 4 and len(set(text[1::2])) == 1 and not text[1].isalnum():
        yield text[::2]
    joined = re.sub(r"(?<!\w)(\w)[ ._*|,/~\-](?=\w(?!\w))", r"\1", text)
    if len(joined) < 0.8 * len(text):
        yield joined


def _shape(word: str) -> str:
    """The same for all words that are shifts of each other."""
    first = ord(word[0])
    return "".join(_LATIN[(ord(letter) - first) % 26] for letter in word[1:])
