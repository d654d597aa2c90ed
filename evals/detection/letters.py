"""Letters and digits that look like others, or are not seen at all, made plain.

Covered: NFKC forms (bold, circled, full width), marks and strokes put on letters, invisible characters, Cyrillic and
Greek look-alikes, small capitals, boxed letters, digits of other scripts, upside-down letters, digits and signs
for letters; what invisible characters spell (tags, variation selectors, two kinds of zero width as bits).
Not covered: look-alikes beyond the tables below, pictures of letters made of many characters.
"""

import re
import unicodedata
from collections.abc import Iterator

_LATIN = "abcdefghijklmnopqrstuvwxyz"


def _pairs(said: str, meant: str) -> dict[int, str]:
    return {ord(a): b for a, b in zip(said, meant, strict=True)}


_ALIKE = {
    # Cyrillic, Greek, Armenian and others, after confusables.txt of Unicode's UTS 39: only what is lower or upper
    # case of a Latin letter to the eye
    **_pairs("\u0430\u0435\u043e\u0440\u0441\u0443\u0445", "aeopcyx"),
    **_pairs("\u0456\u0458\u0455\u04bb\u0501\u051b\u051d", "ijshdqw"),
    **_pairs("\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420", "ABEKMHOP"),
    **_pairs("\u0421\u0422\u0423\u0425\u0406\u0408\u0405\u0417", "CTYXIJS3"),
    **_pairs("\u0432\u043a\u043c\u043d\u0442\u0433", "bkmhtr"),
    **_pairs("\u03b1\u03bf\u03c1\u03bd\u03b9\u03ba\u03c4", "aopvikt"),
    **_pairs("\u03c5\u03c7\u03b5\u03b7\u03c9\u03b2\u03c3\u03b3", "uxenwboy"),
    **_pairs("\u0391\u0392\u0395\u0396\u0397\u0399\u039a", "ABEZHIK"),
    **_pairs("\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7", "MNOPTYX"),
    **_pairs("\u0570\u0578\u057d\u0585\u0566\u0561", "hnuoqw"),
    **_pairs("\u0251\u0261\u0131\u0269\u026a\u0237\u028f\u1d20\u1d21\u1d22", "agiiijyvwz"),
    **_pairs("\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c\u1d0a", "abcdefghj"),
    **_pairs("\u1d0b\u029f\u1d0d\u0274\u1d0f\u1d18\u0280\ua731\u1d1b\u1d1c", "klmnoprstu"),
    # strokes, which no normal form takes off
    **_pairs("\u00f8\u0111\u0142\u0127\u0167\u0180\u023c\u0247\u0268", "odlhtbcei"),
    **_pairs("\u0249\u024d\u024f\u01b6\u2c65\u00d8\u0141\u0110\u0126", "jryzaOLDH"),
    0x20AC: " ", 0xDF: "ss", 0xE6: "ae", 0x153: "oe",
}  # fmt: skip
for _first in (0x1F130, 0x1F150, 0x1F170, 0x1F1E6):  # boxed, circled, and the letters that flags are made of
    _ALIKE |= {_first + place: letter for place, letter in enumerate(_LATIN)}
_FLIPPED = _pairs(
    "\u0250q\u0254p\u01dd\u025f\u0183\u0265\u1d09\u027e\u029e\u05df\u026fuodb\u0279s\u0287n\u028c\u028dx\u028ez",
    _LATIN,
) | _pairs("\u0131\u02d9\u0196\u1105\u0190\u3123\u03db9\u31256", "i.12345679")
_ONLY_FLIPPED = re.compile("[\u0250\u0254\u01dd\u025f\u0265\u027e\u029e\u026f\u0279\u0287\u028c\u028d\u028e]")
_LEET = tuple(str.maketrans("01345789@$!|+(", f"o{one}eastbgas{one}ltc") for one in "li")
_LEET_WORD = re.compile(r"[\w@$!|+(]{2,}")
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)


def plain(text: str) -> str:
    """With what is not seen dropped and what looks alike made the same, in the case it had."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).translate(_ALIKE)
    spread = unicodedata.normalize("NFKD", text)
    kept = (c for c in spread if unicodedata.category(c) not in {"Mn", "Me", "Cf"})
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in kept)


def turned(text: str) -> str | None:
    """What upside-down letters say, from the left; None if there are none."""
    return text.translate(_FLIPPED)[::-1] if len(_ONLY_FLIPPED.findall(text)) >= 3 else None


def leet(text: str) -> Iterator[str]:
    """With digits and signs inside words read as letters, if there are any."""
    for table in _LEET:
        if (read := _LEET_WORD.sub(lambda word, table=table: _mixed(word.group(), table), text)) != text:  # type: ignore[misc]
            yield read


def _mixed(word: str, table: dict[int, int]) -> str:
    return word.translate(table) if any(map(str.isalpha, word)) else word


def unseen(text: str) -> Iterator[str]:
    """What invisible characters spell."""
    if text.isascii():
        return
    tags = "".join(chr(ord(c) - 0xE0000) for c in text if 0xE0020 <= ord(c) <= 0xE007E)
    if tags:
        yield tags
    selectors = bytes(
        ord(c) - 0xFE00 if ord(c) < 0xFF00 else ord(c) - 0xE0100 + 16
        for c in text
        if "\ufe00" <= c <= "\ufe0f" or "\U000e0100" <= c <= "\U000e01ef"
    )
    if len(selectors) >= 2:
        yield selectors.decode("latin-1")
        if max(selectors) < 16:
            yield bytes(a << 4 | b for a, b in zip(selectors[::2], selectors[1::2], strict=False)).decode(
                "latin-1"
            )
    marks = [c for c in text if "\u200b" <= c <= "\u200f" or "\u2060" <= c <= "\u2064" or c == "\ufeff"]
    for one in sorted(set(marks))[:4]:
        bits = "".join("01"[c == one] for c in marks)
        for size in (8, 7, 16):
            if len(bits) >= 2 * size:
                yield "".join(
                    chr(int(bits[at : at + size], 2)) for at in range(0, len(bits) - size + 1, size)
                )
