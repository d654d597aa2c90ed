"""Encodings: what a text says if it is taken for a code of another text.

Covered: base64, base32, hex, decimal and binary character codes, URL and HTML escapes, letters spaced out.
Not covered: telling a code from an ordinary word. Both are decoded, and what cannot be text is dropped.
"""

import binascii
import codecs
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple
from urllib.parse import unquote

# All printable UTF-8, and a little more: hardly any word is some, and to try to decode it takes much longer.
_UTF8 = re.compile(
    rb"(?:[\t-\r\x1c-~]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})+"
)


def _text_of(data: bytes) -> str:
    """The printable text that some bytes are; empty if they are none."""
    if _UTF8.fullmatch(data):
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = ""
        if len(text) > 1 and _is_printable(text):
            return text
    if len(data) % 2 == 0 and len(data) > 2:
        text, _ = codecs.utf_16_le_decode(data, "surrogatepass", True)  # half a pair is not printable
        if len(text) > 1 and _is_printable(text):
            return text
    return ""


def _is_printable(text: str) -> bool:
    return text.isprintable() or "".join(text.split()).isprintable()


def _text_starts(alphabet: str, bits: int) -> frozenset[str]:
    """With which two characters a code can begin that holds UTF-8: most words of a language cannot."""
    found = set()
    for (i, first), (j, second) in product(enumerate(alphabet), repeat=2):
        value, beyond = i << bits | j, 2 * bits - 8
        byte, continues = value >> beyond, value >> (beyond - 2) & 3 == 2
        if (0xC2 <= byte <= 0xF4) if continues else (byte < 0x80 and _is_printable(chr(byte))):
            found.add(first + second)
    return frozenset(found)


_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BASE64_DIGITS = _UPPER + _UPPER.lower() + "0123456789+/"
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{4,}(?:\s*[A-Za-z0-9+/_-]{2,})*={0,2}")
_BASE64_STARTS = _text_starts(_BASE64_DIGITS, 6)
_BASE64_SHORT = 6  # characters for four bytes; "meet" is base64 too, unless what decodes to less is padded
_URL_SAFE = str.maketrans("-_", "+/")


def _base64_pieces(text: str) -> Iterator[str]:
    for run in _BASE64.findall(text.translate(_URL_SAFE)):
        words = run.split()
        if len(words) > 1:
            yield "".join(words).rstrip("=")
        yield from (word.rstrip("=") for word in words if len(word) >= _BASE64_SHORT or "=" in word)


def _from_base64(piece: str) -> str:
    return _text_of(binascii.a2b_base64(piece + "=" * (-len(piece) % 4)))


_BASE32 = re.compile(r"[A-Z2-7](?<!\w[A-Z2-7])[A-Z2-7]{3,}")
_BASE32_DIGITS = str.maketrans(_UPPER + "234567", "0123456789abcdefghijklmnopqrstuv")
_BASE32_STARTS = _text_starts(_UPPER + "234567", 5)


def _from_base32(piece: str) -> str:
    size, rest = divmod(5 * len(piece), 8)
    return _text_of((int(piece.translate(_BASE32_DIGITS), 32) >> rest).to_bytes(size))


class Pieces(NamedTuple):
    """The parts of a text that may be codes made of letters, by the number of bytes: an even one may be UTF-16."""

    base64_even: Sequence[str]
    base64_odd: Sequence[str]
    base32_even: Sequence[str]
    base32_odd: Sequence[str]

    @classmethod
    def of(cls, text: str) -> "Pieces":
        """Those of a text, each once."""
        found: tuple[list[str], ...] = ([], [], [], [])
        for piece in dict.fromkeys(_base64_pieces(text)):
            if len(piece) % 4 != 1:
                found[3 * len(piece) // 4 % 2].append(piece)
        for piece in dict.fromkeys(_BASE32.findall(text.upper())):
            size, rest = divmod(5 * len(piece), 8)
            if rest < 5:
                found[3 if size == 2 else 2 + size % 2].append(piece)  # two bytes are one character of UTF-16
        return cls(*found)

    def swapped(self, letters: Mapping[int, int]) -> "Pieces":
        """The same with their letters swapped."""
        return Pieces(*("\n".join(pieces).translate(letters).split() for pieces in self))

    def texts(self) -> Iterator[str]:
        """What they say."""
        yield from filter(None, map(_from_base64, self.base64_even))
        yield from filter(
            None, [_from_base64(piece) for piece in self.base64_odd if piece[:2] in _BASE64_STARTS]
        )
        yield from filter(None, map(_from_base32, self.base32_even))
        yield from filter(
            None, [_from_base32(piece) for piece in self.base32_odd if piece[:2] in _BASE32_STARTS]
        )


# These begin with a character that few words have, and look behind it only then: the engine skips to the next one.
_HEX = re.compile(
    r"[0-9a-fA-F%#\\](?:(?<=[%#])[0-9a-fA-F]{2}|(?<=[\\0])x[0-9a-fA-F]{2}|(?<=[0-9a-fA-F])[0-9a-fA-F])[\s,:\-]?"
    r"(?:(?:0x|\\x|%|#)?[0-9a-fA-F]{2}[\s,:\-]?)+"
)
_NO_HEX = str.maketrans("", "", "%#,:-")


def _hex(text: str) -> Iterator[str]:
    for run in _HEX.findall(text):
        for piece in dict.fromkeys((run, *run.split())):
            packed = "".join(piece.replace("0x", "").replace("\\x", "").translate(_NO_HEX).split())
            if len(packed) > 2 and len(packed) % 2 == 0:
                yield _text_of(bytes.fromhex(packed))


_BINARY = re.compile(r"[01](?<!\w[01])[01]{6,7}\b[\s,]*(?:\b[01]{7,8}\b[\s,]*)+")
_BINARY_IN_ONE = re.compile(r"[01](?<!\w[01])[01]{7}(?:[01]{8})+\b")
_DECIMAL = re.compile(r"\d(?<!\w\d)\d{1,2}\b[\s,;-]+(?:\b\d{2,3}\b[\s,;-]+)*\d{2,3}\b")


def _character_codes(text: str) -> Iterator[str]:
    for run in _BINARY.findall(text):
        yield "".join(chr(int(code, 2)) for code in re.findall(r"[01]+", run))
    for run in _BINARY_IN_ONE.findall(text):
        yield "".join(chr(int(run[i : i + 8], 2)) for i in range(0, len(run), 8))
    for run in _DECIMAL.findall(text):
        codes = [int(code) for code in re.findall(r"\d+", run)]
        if all(32 <= code < 127 for code in codes):
            yield "".join(map(chr, codes))


def _unescaped(text: str) -> Iterator[str]:
    for plain in (html.unescape(text), unquote(text)):
        if plain != text:
            yield plain


_SPACED_OUT = re.compile(r"[\s._*|/-]\w[\s._*|/-]\w[\s._*|/-]\w[\s._*|/-]\w(?!\w)")


def _despaced(text: str) -> Iterator[str]:
    if _SPACED_OUT.search(text) and re.search(r"(?<!\w)(?:\w[\s._*|/-]){4,}\w(?!\w)", text):
        yield " ".join("".join(re.findall(r"\w", word)) for word in re.split(r"\s{2,}", text))


def decoded(text: str, pieces: Pieces, *, swapped: bool = False) -> Iterator[str]:
    """All that the codes in a text say.

    Args:
        text: The text.
        pieces: Its parts that may be codes made of letters.
        swapped: Leave out the codes that letters are no part of: they say what they said before letters were swapped.
    """
    yield from pieces.texts()
    yield from _hex(text)
    if not swapped:
        yield from _character_codes(text)
        yield from _despaced(text)
    yield from _unescaped(text)


def commutes(text: str) -> bool:
    """Whether there is a code that a mirror leaves as it is.

    Undone before or after, that is the same text: a mirror image. It has to be seen as one first.
    """
    return "%" in text or "&" in text or bool(_SPACED_OUT.search(text))


def too_short(text: str) -> bool:
    """Whether no code fits into a text: all need four characters, but one letter that is a percent code."""
    return len(text) < 4 and text.isascii() and "%" not in text
