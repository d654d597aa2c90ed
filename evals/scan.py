"""A scan for a canary: what was seen, and the search while it is under way.

Covered: patterns across the borders of pieces; names that hold the canary are never told; three outcomes: clean,
found, unknown.
Not covered: where the bytes come from; see `residue`.
"""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from evals.trace import find, traces

Canary: TypeAlias = bytes | str


@dataclass(frozen=True, slots=True)
class Hit:
    """A canary was found."""

    where: str
    encoding: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan saw."""

    hits: tuple[Hit, ...] = ()
    read_bytes: int = 0
    unread: tuple[tuple[str, str], ...] = ()
    """What could not be read, and why."""
    skipped: tuple[tuple[str, str], ...] = ()
    """What was left out on purpose, and why."""
    seconds: float = 0.0

    @property
    def clean(self) -> bool | None:
        """True: all was read and nothing found. False: something was found. None: nobody knows."""
        if self.hits:
            return False
        return True if self.read_bytes and not self.unread else None

    @property
    def megabytes_per_second(self) -> float:
        """How fast it went."""
        return self.read_bytes / 1e6 / self.seconds if self.seconds else 0.0

    def __add__(self, other: "Scan") -> "Scan":
        return Scan(
            self.hits + other.hits,
            self.read_bytes + other.read_bytes,
            self.unread + other.unread,
            self.skipped + other.skipped,
            self.seconds + other.seconds,
        )


class Search:
    """A scan under way."""

    def __init__(self, canary: Canary) -> None:
        self._begun = time.perf_counter()
        self._patterns = traces(canary)
        self._longest = max(map(len, self._patterns.values()))
        self._found: dict[tuple[str, str], int] = {}
        self.read_bytes = 0
        self.unread: list[tuple[str, str]] = []
        self.skipped: list[tuple[str, str]] = []

    def stream(self, where: str, pieces: Iterable[bytes | None]) -> None:
        """Look through pieces that follow each other; None is a gap."""
        kept = b""
        for piece in pieces:
            if piece is None:
                self._look(where, kept, len(kept))
                kept = b""
                continue
            self.read_bytes += len(piece)
            data = kept + piece
            done = max(0, len(data) - self._longest + 1)  # what begins after that may go on in the next piece
            self._look(where, data, done)
            kept = data[done:]
        self._look(where, kept, len(kept))

    def holds(self, data: bytes) -> bool:
        """Whether there is a canary in a name."""
        return next(find(self._patterns, data, 0, len(data)), None) is not None

    def shown(self, name: str) -> str:
        """A name as it may be told."""
        return "(a name that holds the canary)" if self.holds(os.fsencode(name)) else name

    def result(self) -> Scan:
        """What was seen."""
        hits = tuple(Hit(where, encoding, count) for (where, encoding), count in self._found.items())
        seconds = time.perf_counter() - self._begun
        return Scan(hits, self.read_bytes, tuple(self.unread), tuple(self.skipped), seconds)

    def _look(self, where: str, data: bytes, end: int) -> None:
        for encoding, _ in find(self._patterns, data, 0, end):
            self._found[where, encoding] = self._found.get((where, encoding), 0) + 1
