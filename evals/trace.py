"""What a canary looks like once it has been encoded, and finding that in bytes.

Covered: UTF-8, UTF-16 and UTF-32 in both byte orders, hexadecimal in both cases, base64 at its three offsets in
both alphabets, backwards, and each half of the canary in each of these.
Not covered: compression, encryption, other encodings, base64 broken into lines, fragments shorter than half.

The patterns are the canary. They are derived when a scan starts and dropped when it ends; what holds them is the
scanner, which therefore cannot be scanned.
"""

import base64
from collections.abc import Iterator, Mapping

from bargaining.errors import InvalidInputError

SHORTEST_HALF = 8
"""In bytes. Anything shorter turns up by chance in gigabytes."""
_WINDOW = 1 << 15
_ZEROS = bytes(_WINDOW)
_BASE64_LEAD = (0, 2, 3)  # characters that also hold bits of what stands before


def traces(canary: bytes | str) -> Mapping[str, bytes]:
    """All patterns to look for, by the name of what they show.

    Halves stand for the whole, which holds both, wherever they are long enough to mean anything.

    Raises:
        InvalidInputError: The canary is too short to be told from chance.
    """
    data = canary.encode() if isinstance(canary, str) else canary
    if len(data) < SHORTEST_HALF or b"\0" in data:
        raise InvalidInputError(f"a canary needs {SHORTEST_HALF} bytes or more, none of them zero")
    middle = len(data) // 2
    while middle > 0 and data[middle] & 0xC0 == 0x80:  # not inside a character
        middle -= 1
    parts = {" (first half)": data[:middle], " (second half)": data[middle:]}
    if min(map(len, parts.values())) < SHORTEST_HALF:
        parts = {"": data}
    named = [(name + part, pattern) for part, piece in parts.items() for name, pattern in _encoded(piece)]
    found: dict[bytes, str] = {}
    for name, pattern in named:
        found.setdefault(pattern, name)
    return {name: pattern for pattern, name in found.items()}


def find(patterns: Mapping[str, bytes], data: bytes, begin: int, end: int) -> Iterator[tuple[str, int]]:
    """Every pattern that begins in `data[begin:end]`, and where; it may end after that.

    Stretches of zeros, of which memory and disks are full, are skipped: no pattern begins with a zero.
    """
    for start in range(begin, end, _WINDOW):
        stop = min(start + _WINDOW, end)
        if data[start:stop] == _ZEROS[: stop - start]:
            continue
        for name, pattern in patterns.items():
            at = data.find(pattern, start, stop + len(pattern) - 1)
            while at >= 0:
                yield name, at
                at = data.find(pattern, at + 1, stop + len(pattern) - 1)


def _encoded(data: bytes) -> Iterator[tuple[str, bytes]]:
    yield "utf-8", data
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None:
        for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
            # without zeros at its ends; for plain letters both byte orders are then the same bytes
            yield encoding, text.encode(encoding).strip(b"\0")
    yield "hexadecimal", data.hex().encode()
    yield "hexadecimal, capitals", data.hex().upper().encode()
    for offset, lead in enumerate(_BASE64_LEAD):
        whole = base64.b64encode(bytes(offset) + data)
        tail = (0, 3, 2)[(offset + len(data)) % 3]  # padding, and the character with bits of what comes after
        pattern = whole[lead : len(whole) - tail]
        yield f"base64 at offset {offset}", pattern
        yield f"base64 for URLs at offset {offset}", pattern.replace(b"+", b"-").replace(b"/", b"_")
    yield "backwards", data[::-1]
