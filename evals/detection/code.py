"""Codes undone: what a run of characters stands for when each is, or a few of them are, another character.

Covered: base64 (also of URLs, in lines, without padding), base32, base85, hex, binary, octal and decimal codes,
percent, HTML, backslash and quoted-printable escapes, Morse, Braille, numbers of letters (1 to 26).
Not covered: compression, keys, bases that are not a standard of the web, words that stand for letters.
"""

import base64
import binascii
import html
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping

_TOKENS = 48  # of a text: the longest
_PROSE = re.compile(
    r"[\"'(]*(?:[A-Za-z]?[a-z]{0,14}|[\d,.]{1,7}|[A-Z]{1,3})(?:['\u2019-][a-z]{1,9})?[\"').,;:!?]*"
)
_PAIR = re.compile(r"[:=](?=\w)")  # of a name and what it stands for
_JOINED = 12  # characters; a line of what was wrapped is longer

_SIGNS = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. "
    "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----. .-.-.- --..-- ..--.. -..-. -....-"
)
_MORSE = dict(zip(_SIGNS.split(), "abcdefghijklmnopqrstuvwxyz0123456789.,?/-", strict=True))
_SIGNALS = re.compile(r"(?:[.\-]{1,6}[ /|]+){4,}[.\-]{1,6}")
_DASHES = str.maketrans("\u2022\u00b7\u2013\u2014\u2212_", "..----")
# a to j; with dot 3 they are k to t, with dots 3 and 6 u, v, x, y, z
_CELLS = "\u2801\u2803\u2809\u2819\u2811\u280b\u281b\u2813\u280a\u281a"
_BRAILLE = {
    **{cell: "abcdefghij"[place] for place, cell in enumerate(_CELLS)},
    **{chr(ord(cell) | 4): "klmnopqrst"[place] for place, cell in enumerate(_CELLS)},
    **{chr(ord(cell) | 36): "uvxyz"[place] for place, cell in enumerate(_CELLS[:5])},
    "\u283a": "w", "\u2800": " ", "\u2802": ",", "\u2832": ".", "\u2824": "-", "\u2804": "'",
}  # fmt: skip
_BRAILLE_RUN = re.compile("[\u2800-\u283f]+")
_BITS = re.compile(r"(?:[01]{7,}(?:[\s,]+|$)){1,}")
_CODES = re.compile(r"(?:\d{1,3}(?:[\s,;.\-]+|$)){3,}(?:\d{1,3})?")
_QUOTED = re.compile(r"=([0-9A-F]{2})")
_HEX = re.compile(r"\d|\b[0-9a-fA-F]{2}\b")
_BYTES = re.compile(r"(?:0?\\?x?[0-9a-fA-F]{2}(?:[\s,;:]+|$)){2,}(?:0?\\?x?[0-9a-fA-F]{2})?")
_ESCAPES = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u\{?([0-9a-fA-F]{2,6})\}?|U([0-9a-fA-F]{8})|([0-7]{3}))|[Uu]\+([0-9a-fA-F]{4,6})\s?"
)


def decoded(text: str) -> Iterator[str]:
    """What is in a text if it, or a part of it, is code. Much of it may be noise."""
    if "%" in text or "+" in text:
        yield from _new(text, urllib.parse.unquote(text.replace("+", " ")))
    if "=" in text:
        yield from _new(text, _QUOTED.sub(lambda code: chr(int(code.group(1), 16)), text.replace("=\n", "")))
    if "&" in text:
        yield from _new(text, html.unescape(text))
    if "\\" in text or "u+" in text.lower():
        yield from _new(text, _ESCAPES.sub(_character, text))
    yield from _in_symbols(text)
    yield from _in_codes(text)
    for token in _tokens(text):
        for decode in _BASES.values():
            if found := decode(token):
                yield found


def _new(old: str, text: str) -> Iterator[str]:
    if text != old:
        yield text


def _character(found: re.Match[str]) -> str:
    kind = found.lastindex or 1
    code = int(found.group(kind), 8 if kind == 4 else 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else " "


def _in_symbols(text: str) -> Iterator[str]:
    if _BRAILLE_RUN.search(text):
        yield _BRAILLE_RUN.sub(lambda run: _from_braille(run.group()), text)
    signals = text.translate(_DASHES)
    if "-" in signals or "." in signals:
        for run in list(_SIGNALS.finditer(signals))[:4]:
            words = re.split(r"\s*[/|]\s*|\s{2,}", run.group())
            yield " ".join("".join(_MORSE.get(sign, "") for sign in word.split()) for word in words)


def _from_braille(cells: str) -> str:
    found, digits = "", False
    for cell in cells:
        letter = _BRAILLE.get(cell, "")
        if cell == "\u283c":
            digits = True
        elif digits and letter and letter in "abcdefghij":
            found += str(("abcdefghij".index(letter) + 1) % 10)
        else:
            digits = digits and letter in {",", ".", ""}
            found += letter
    return found


def _in_codes(text: str) -> Iterator[str]:
    if not _HEX.search(text):
        return
    for run in list(_BITS.finditer(text))[:4]:
        bits = re.sub(r"[^01]", "", run.group())
        groups = {len(group) for group in run.group().replace(",", " ").split()}
        for size in groups if len(groups) == 1 and max(groups) <= 32 else (7, 8):
            codes = [int(bits[at : at + size], 2) for at in range(0, len(bits) - size + 1, size)]
            if codes and max(codes) < 128:
                yield from _text(bytes(codes))
    for run in list(_CODES.finditer(text))[:4]:
        numbers = [int(n) for n in re.findall(r"\d+", run.group())]
        if max(numbers) < 128:
            yield from _text(bytes(numbers))
        if max(numbers) <= 26:
            yield "".join(chr(96 + n) if n else " " for n in numbers)
        if all(set(str(n)) <= set("01234567") for n in numbers) and max(numbers) >= 100:
            yield from _text(bytes(int(str(n), 8) & 255 for n in numbers))
    for run in list(_BYTES.finditer(text))[:4]:
        digits = re.sub(r"0?\\?x|[^0-9a-fA-F]", "", run.group())
        yield from _text(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _tokens(text: str) -> list[str]:
    """What may be code by its looks: single words, lines of it joined, all joined. Prose has none."""
    words = text.split()
    strange = [word for word in words if not _PROSE.fullmatch(word)]
    found = {word.strip("\"'`()[]{}<>,.;:!?") for word in strange} | set(strange)
    found |= {part for word in strange if _PAIR.search(word) for part in _PAIR.split(word)}
    if len(lines := [word for word in strange if len(word) >= _JOINED]) > 1:
        found.add("".join(lines))
    if 2 * len(strange) > len(words):
        found.add("".join(words))
    long = sorted((token for token in found if len(token) >= 4), key=lambda token: (-len(token), token))
    return long[:_TOKENS]


def _text(data: bytes) -> Iterator[str]:
    """Bytes as text, if they look like any."""
    if data and sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in data) >= 0.9 * len(data):
        yield data.decode("latin-1")
        return
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return
    if text and sum(character.isprintable() for character in text) >= 0.9 * len(text):
        yield text


def _first(data: Iterator[str]) -> str | None:
    return next(data, None)


def _base64(token: str) -> str | None:
    whole = re.sub(r"[^A-Za-z0-9+/]", "", token.translate({0x2D: "+", 0x5F: "/"}))
    return _tried(base64.b64decode, whole[: len(whole) - (len(whole) % 4 == 1)], 4)


def _base32(token: str) -> str | None:
    whole = token.upper().rstrip("=")
    return (
        _tried(base64.b32decode, whole, 8) if len(whole) >= 8 and re.fullmatch("[A-Z2-7]+", whole) else None
    )


def _base85(token: str) -> str | None:
    if len(token) < 7:
        return None
    ascii85 = token.removeprefix("<~").removesuffix("~>").removesuffix("~")
    return _tried(base64.b85decode, token, 1) or _tried(base64.a85decode, ascii85, 1)


def _hex(token: str) -> str | None:
    digits = re.sub(r"[^0-9a-fA-F]", "", token)
    if len(digits) < 4 or len(digits) <= 0.6 * len(token):
        return None
    return _first(_text(bytes.fromhex(digits[: len(digits) // 2 * 2])))


def _tried(decode: Callable[[str], bytes], token: str, block: int) -> str | None:
    try:
        return _first(_text(decode(token + "=" * (-len(token) % block))))
    except (ValueError, binascii.Error):
        return None


_BASES: Mapping[str, Callable[[str], str | None]] = {
    "base64": _base64, "base32": _base32, "base85": _base85, "hex": _hex,
}  # fmt: skip
