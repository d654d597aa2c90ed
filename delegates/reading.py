"""All the ways in which a message can be read: as it stands, turned round, and with its codes undone.

Covered: case, compatibility forms, look-alike and invisible characters; letters spaced out; base64, base32, hex,
URL, HTML, decimal and binary codes; backwards, rot13 and atbash; each inside another up to two levels deep.
Not covered: other ciphers, and what the words mean.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple, TypeAlias

from delegates.encoding import Pieces, commutes, decoded, too_short
from delegates.mirror import ATBASH, ROT13
from delegates.numeral import significant_in

_DEPTH = 2

Kind: TypeAlias = Literal["plain", "decoded", "mirrored"]
"""How a reading was come by; of several steps, the last."""


@dataclass(frozen=True)
class Reading:
    """One way to read a message."""

    raw: str = field(repr=False)
    text: str = field(repr=False)
    """Folded."""
    kind: Kind

    @cached_property
    def words(self) -> list[str]:
        """Its words and figures, in order."""
        return _WORDS.findall(self.text)

    @cached_property
    def figures(self) -> set[str] | None:
        """See `significant_in`."""
        return significant_in(self.text)

    @cached_property
    def letters(self) -> str:
        """Its words and figures in one piece."""
        return "".join(self.words)


_WORDS = re.compile(r"[^\W_]+")


# ---------------------------------------------------------------------------------- folding

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
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def fold(text: str) -> str:
    """Text with everything removed that only hides it: case, compatibility forms, invisible characters."""
    if text.isascii():
        text = text.lower()
    else:
        text = _BEYOND_ASCII.sub(lambda found: _visible(found[0]), unicodedata.normalize("NFKC", text))
        text = text.casefold().translate(_LOOKALIKES)
    return " ".join(text.split())


@lru_cache(maxsize=4096)  # single characters: nothing of a message stays
def _visible(character: str) -> str:
    if unicodedata.category(character) in {"Cf", "Cs", "Mn", "Me", "Co", "Cn"}:
        return ""
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)


def mirrors_agree(text: str) -> bool:
    """Whether folding a text before it is mirrored gives the same as folding it afterwards.

    Then one can look for a mirrored secret in the text, instead of for the secret in each mirrored text.
    """
    return text.isascii() or all(_stays_apart(character) for character in _BEYOND_ASCII.findall(text))


@lru_cache(maxsize=4096)
def _stays_apart(character: str) -> bool:
    """Whether a character folds to one beyond ASCII, to a space or to nothing, whatever stands beside it."""
    category, folded = unicodedata.category(character), fold(character)
    if not folded:
        return character.isspace() or category == "Cf" or "\ufe00" <= character <= "\ufe0f"
    joins = category == "Mc" or "\u1100" <= character <= "\u11ff"  # vowel signs, parts of syllables
    return len(folded) == 1 and not folded.isascii() and not joins


# ---------------------------------------------------------------------------------- readings


def readings(
    message: str, skip: re.Pattern[str] | None = None, blank: Callable[[Reading], bool] = lambda _: False
) -> Iterator[Reading]:
    """All ways to read a message, plain first.

    Args:
        message: Any text.
        skip: What is decoded and matches as a whole is left out.
        blank: Whether the mirrors of a reading show nothing. They are left out, though codes in them are not.
    """
    seen: set[str] = set()
    steps = [_Step(unicodedata.normalize("NFKC", message), "plain")]
    mirrors_first = commutes(steps[0].raw)
    for depth in range(_DEPTH + 1):
        following: list[_Step] = []
        for step in steps:
            shown = False
            if step.shown:
                reading = Reading(step.raw, fold(step.raw), step.kind)
                if not reading.text or reading.text in seen:
                    continue
                seen.add(reading.text)
                yield reading
                shown = step.kind == "mirrored" or mirrors_first or (depth < _DEPTH and not blank(reading))
            if depth < _DEPTH:
                following += step.following(skip, shown=shown, last=depth + 1 == _DEPTH)
        steps = following


class _Step(NamedTuple):
    """A text that is still to be read."""

    raw: str
    kind: Kind
    pieces: Pieces | None = None
    """Those of a text with its letters swapped; else they have to be looked for."""
    shown: bool = True
    """Whether it is worth reading itself, and not only what is encoded in it."""

    def following(self, skip: re.Pattern[str] | None, *, shown: bool, last: bool) -> list["_Step"]:
        raw, pieces = self.raw, self.pieces
        steps = []
        if not too_short(raw):
            pieces = pieces or Pieces.of(raw)
            texts = decoded(raw, pieces, swapped=self.pieces is not None)
            steps += [
                _Step(text, "decoded") for text in texts if text and not (skip and skip.fullmatch(text))
            ]
        if shown or not last:
            steps.append(_Step(raw[::-1], "mirrored", None, shown))
            shared = pieces if not last and mirrors_agree(raw) else None
            for letters in (ROT13, ATBASH):
                if (other := raw.translate(letters)) != raw:
                    steps.append(_Step(other, "mirrored", shared.swapped(letters) if shared else None, shown))
        return steps
