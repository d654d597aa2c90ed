"""Numbers in a text, however they are written, and numbers in English words.

Covered: digits with any thousands separators, spread out, `10.2k`, `1.02e4`, `0x27d8`, English number words, digit by
digit, and both mixed ("10 thousand and two hundred"). Only numbers that are asked for are found: to ask is cheap.
Not covered: other languages, Roman numerals, "ten point two thousand", "half of"; see `sums` for plain arithmetic.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {word: value for value, word in enumerate(_ONES)} | {"oh": 0, "nought": 0}
_VALUES |= {word: 10 * tens for tens, word in enumerate(_TENS) if word}
_SCALES = {"hundred": 100, "hundreds": 100, "thousand": 1000, "thousands": 1000, "grand": 1000, "k": 1000}

_SPLIT = r"[ \t\n.,'\u2019_\-\u2013/|*:;]"
_DIGITS = re.compile(rf"\d+(?:{_SPLIT}{{1,2}}\d+)*")
_SCALE = re.compile(r"\s?(k|thousands?|grand|hundreds?)\b")
_BASES = re.compile(r"\b0(?:x[0-9a-f]{2,8}|b[01]{4,32}|o[0-7]{2,12})\b")
_EXPONENT = re.compile(r"(?<![\w.])(\d(?:[.,]\d{1,6})?)e\+?(\d{1,2})\b")
_WORD = "|".join(sorted({*_VALUES, *_SCALES} - {"k"}, key=len, reverse=True))
_CHAIN = re.compile(
    rf"(?<![\w.,])(?:{_WORD}|\d{{1,3}})(?:(?:[\s,\-\u2010-\u2014]{{1,3}}(?:and\s+)?)(?:{_WORD}|\d{{1,3}}))*(?!\w)"
)
_TOKEN = re.compile(rf"{_WORD}|\d+")
_LONGEST_CHAIN = 60  # tokens
_ENOUGH = 50  # places of one number: garbage has thousands

_SIGNS = {
    "+": "+",
    "plus": "+",
    "and another": "+",
    "-": "-",
    "minus": "-",
    "less": "-",
    "*": "*",
    "x": "*",
    "times": "*",
}
_SUM = re.compile(
    r"(?<![\d.,])(\d[\d,]*)\s*(k?)\s*(\+|-|\*|x|plus|and another|minus|less|times)\s*(\d[\d,]*)(k?)(?![\d.,]*\d)"
)
_HALF = re.compile(r"\b(half|double|twice|a third of|a quarter of)\s+(?:of\s+)?(\d[\d,]*)(k?)\b")


class Place(NamedTuple):
    """Where a number is in a text."""

    start: int
    end: int


def number_words(number: int) -> str:
    """A number below a million, and not negative, in English."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        return _TENS[number // 10] + (f"-{_ONES[number % 10]}" if number % 10 else "")
    size, name = (1000, "thousand") if number >= 1000 else (100, "hundred")
    rest = f" {number_words(number % size)}" if number % size else ""
    return f"{number_words(number // size)} {name}{rest}"


def figures(text: str) -> set[int]:
    """Every number that is plainly written in digits."""
    return {int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*\d|\d", text) if len(found) < 20}


def find(text: str, wanted: Collection[int]) -> Mapping[int, list[Place]]:
    """Where these numbers are.

    Args:
        text: In lower case.
        wanted: Whole numbers, none negative.
    """
    found: dict[int, list[Place]] = {}
    for number, place in (*_in_digits(text, wanted), *_in_words(text, wanted)):
        found.setdefault(number, []).append(place)
    return found


def sums(text: str) -> set[int]:
    """What plain arithmetic in a text comes to: "10,000 plus 200", "half of 20,400"."""
    found: set[int] = set()
    for left, k, sign, right, kk in _SUM.findall(text):
        a, b = _scaled(left, k or (kk if sign in {"+", "-"} else "")), _scaled(right, kk)
        if a is not None and b is not None:
            found.add({"+": a + b, "-": a - b, "*": a * b}[_SIGNS[sign]])
    for share, whole, k in _HALF.findall(text):
        if (a := _scaled(whole, k)) is not None:
            times, parts = {"half": (1, 2), "double": (2, 1), "twice": (2, 1)}.get(
                share, (1, 3 if "third" in share else 4)
            )
            found |= {a * times // parts} if a * times % parts == 0 else set()
    return found


def _scaled(digits: str, k: str) -> int | None:
    plain = digits.replace(",", "")
    return int(plain) * (1000 if k else 1) if len(plain) < 10 else None


def _in_digits(text: str, wanted: Collection[int]) -> Iterator[tuple[int, Place]]:
    places: Counter[int] = Counter()
    for chain in _DIGITS.finditer(text):
        groups = [(m.start(), m.group()) for m in re.finditer(r"\d+", chain.group())]
        joined = "".join(group for _, group in groups)
        for number in wanted:
            if str(number) in joined and places[number] < _ENOUGH:
                for place in _aligned(text, chain.start(), groups, number):
                    places[number] += 1
                    yield number, place
        if scale := _SCALE.match(text, chain.end()):
            yield from _times(chain, groups, scale, wanted)
    for written in _BASES.finditer(text):
        if (value := int(written.group(), 0)) in wanted:
            yield value, Place(*written.span())
    for written in _EXPONENT.finditer(text):
        mantissa, power = written.group(1).replace(",", "."), int(written.group(2))
        if power < 10 and (value := round(float(mantissa) * 10**power)) in wanted:
            yield value, Place(*written.span())


def _aligned(text: str, at: int, groups: list[tuple[int, str]], number: int) -> Iterator[Place]:
    """A number in consecutive groups of digits, if they are grouped as one number may be."""
    plain = str(number)
    for first in range(len(groups)):
        rest, last = plain, first
        while last < len(groups) and rest.startswith(groups[last][1]):
            rest = rest[len(groups[last][1]) :]
            last += 1
            if not rest:
                break
        if rest:
            continue
        start, end = at + groups[first][0], at + groups[last - 1][0] + len(groups[last - 1][1])
        sizes = [len(group) for _, group in groups[first:last]]
        thousands = sizes[0] <= 3 and all(size == 3 for size in sizes[1:])
        spread = number >= 100 and max(sizes) <= 2
        if len(sizes) > 1 and not thousands and not spread and number < 1000:
            continue
        before, after = text[max(0, start - 2) : start], text[end : end + 4]
        if re.fullmatch(r"\d[.,]", before) or (number < 1000 and re.search(r"[\d/][.,/]?$|[a-z_]$", before)):
            continue
        if re.match(r"[.,](?!00?(?!\d))\d", after) or (number < 1000 and re.match(r"[a-z_]", after)):
            continue
        if re.match(r"/\d", after) and number < 100:
            continue  # a fraction or a date
        yield Place(start, end)


def _times(
    chain: re.Match[str], groups: list[tuple[int, str]], scale: re.Match[str], wanted: Collection[int]
) -> Iterator[tuple[int, Place]]:
    """10k, 10.2k, 10,2 thousand, 102 hundred."""
    size = _SCALES[scale.group(1)]
    last = groups[-1][1]
    options = [(groups[-1][0], last, "")]
    if len(groups) > 1 and chain.group()[groups[-1][0] - 1] in ".,":
        options.append((groups[-2][0], groups[-2][1], last))
    for start, whole, fraction in options:
        if len(whole) > 6 or len(fraction) > 3:
            continue
        value, rest = divmod(int(whole + fraction) * size, 10 ** len(fraction))
        if not rest and value in wanted:
            yield value, Place(chain.start() + start, scale.end())


def _in_words(text: str, wanted: Collection[int]) -> Iterator[tuple[int, Place]]:
    for chain in _CHAIN.finditer(text):
        tokens = [(m.group(), m.start() + chain.start()) for m in _TOKEN.finditer(chain.group())]
        if len(tokens) > _LONGEST_CHAIN or all(token.isdigit() for token, _ in tokens):
            continue
        parts = list(_parts(tokens))
        for value, place, plain in parts:
            if value in wanted and not plain:
                yield value, place
        for number in wanted:  # digit by digit, or as years are said: one two four, twelve four hundred
            if number < 100:
                continue
            for first in range(len(parts)):
                said = ""
                for value, place, _ in parts[first : first + 6]:
                    said += str(value)
                    if said == str(number) and place != parts[first][1]:
                        yield number, Place(parts[first][1].start, place.end)
                    if len(said) >= len(str(number)):
                        break


def _parts(tokens: list[tuple[str, int]]) -> Iterator[tuple[int, Place, bool]]:
    """The numbers that words say one after the other, and whether each was digits only."""
    total, current, start, end, plain, room = 0, 0, -1, 0, True, 0
    for token, at in tokens:
        scale = _SCALES.get(token)
        if (
            scale
            and start >= 0
            and ((scale == 100 and 0 < current < 100) or (scale == 1000 and current and not total))
        ):
            current *= scale
            room = scale
            plain = False
            if scale == 1000:
                total, current = current, 0
        else:
            value = scale or (int(token) if token.isdigit() else _VALUES[token])
            if start < 0 or not value or value >= room:
                if start >= 0:
                    yield total + current, Place(start, end), plain
                total, current, start, plain = 0, 0, at, token.isdigit()
            current += value
            plain = plain and token.isdigit()
            tens = 20 <= value < 100 and not value % 10 and not token.isdigit()
            room = 10 if tens else 0
        end = at + len(token)
    if start >= 0:
        yield total + current, Place(start, end), plain
