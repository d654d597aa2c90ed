"""Looking through the whole RAM of a guest, as a file, for canaries.

Covered: every byte of it, in all encodings of `evals.trace`, across the borders of pieces.
Not covered: what a virtual machine keeps outside its RAM: registers of processors, of devices, their buffers.
"""

import mmap
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from evals.scan import Hit, Scan, Search
from evals.trace import find, traces

CHUNK = 1 << 22
PAGE = 4096
NOBODY = "nobody"
"""Whose pages are the kernel's, of files, or free."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of the brief, and of the control that has to be there."""

    brief: Scan
    control: Scan


def look(descriptor: int, brief: str, control: str, chunk: int = CHUNK) -> Look:
    """Look for both.

    Args:
        descriptor: Of the RAM. It must not change meanwhile.
        brief: The canary of the brief.
        control: The canary that a living process holds.
        chunk: How much is read at once.
    """
    return Look(*(_scan(descriptor, canary, chunk) for canary in (brief, control)))


def owned(descriptor: int, canary: str, owners: Mapping[str, bytes]) -> tuple[Hit, ...]:
    """Whose pages the copies are on.

    Args:
        descriptor: Of the RAM.
        canary: What to look for.
        owners: For each process a bit for each page: whether it has it.
    """
    found: Counter[tuple[str, str]] = Counter()
    with mmap.mmap(descriptor, 0, prot=mmap.PROT_READ) as ram:
        patterns = traces(canary)
        for encoding, at in find(patterns, cast(bytes, ram), 0, len(ram)):
            number = at // PAGE
            whose = [
                name
                for name, bits in owners.items()
                if number >> 3 < len(bits) and bits[number >> 3] >> (number & 7) & 1
            ]
            found[" and ".join(sorted(whose)) or NOBODY, encoding] += 1
    return tuple(Hit(whose, encoding, count) for (whose, encoding), count in found.items())


def _scan(descriptor: int, canary: str, chunk: int) -> Scan:
    search = Search(canary)
    size = os.fstat(descriptor).st_size
    search.stream("RAM", _pieces(descriptor, chunk))
    if search.read_bytes != size:
        search.unread.append(("RAM", f"{size - search.read_bytes} bytes could not be read"))
    return search.result()


def _pieces(descriptor: int, chunk: int) -> Iterator[bytes]:
    at = 0
    while data := os.pread(descriptor, chunk, at):
        yield data
        at += len(data)
