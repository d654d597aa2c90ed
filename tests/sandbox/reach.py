"""What is within reach of something: a walk over all that it refers to, and a search there for one side's brief.

Covered: every object that the garbage collector can see, contents of functions' closures, of weak references, of
tracebacks and their frames; texts in all encodings of `evals.trace`, numbers, and a brief's own objects.
Not covered, as both sides share them: modules, classes, functions' global variables (caches among them), and who else
runs in the same event loop. Memory of extensions that the collector cannot see.
"""

import asyncio
import gc
import re
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from types import FrameType, FunctionType, ModuleType, NoneType

from bargaining.mandate import BoundMandate, Mandate
from bargaining.utility import Preferences, UtilityFunction
from delegates.brief import Brief, Fact
from evals.trace import find, traces

CLOSED = (ModuleType, type, asyncio.Future, asyncio.AbstractEventLoop)
PRIVATE = (Brief, Fact, Mandate, BoundMandate, Preferences, UtilityFunction)
_LEAVES = frozenset({str, bytes, int, float, bool, NoneType})


@dataclass(frozen=True, repr=False)
class Reach:
    """All that is within reach of something, as far as it could tell a secret."""

    text: bytes
    numbers: frozenset[int | float]
    objects: frozenset[int]
    """Parts of briefs, by their identity."""

    @classmethod
    def of(cls, *roots: object) -> "Reach":
        """Walk from here."""
        said: list[bytes] = []
        numbers: set[int | float] = set()
        parts: set[int] = set()
        for thing in reachable(roots):
            match thing:
                case str():
                    said.append(thing.encode("utf-8", "surrogatepass"))
                case bytes() | bytearray():
                    said.append(bytes(thing))
                case int() | float():
                    numbers.add(thing)
                case re.Pattern():
                    said.append(str(thing.pattern).encode())
                case BaseException():
                    said.append(f"{thing!r}".encode())
                case _ if isinstance(thing, PRIVATE):
                    parts.add(id(thing))
        return cls(b"\n".join(said), frozenset(numbers), frozenset(parts))


@dataclass(frozen=True)
class Secrets:
    """What nobody but one side may hold."""

    texts: dict[str, str]
    number: Fraction
    """Of many digits; `texts` has it in digits."""

    def in_text(self, text: str | bytes) -> list[str]:
        """Those that a text shows in any encoding."""
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        return [
            f"{name}, {encoding}"
            for name, patterns in self._patterns.items()
            for encoding, _ in find(patterns, data, 0, len(data))
        ]

    def within(self, reach: Reach) -> list[str]:
        """Those that are within reach."""
        forms = {"as a float": float(self.number), "as a fraction": self.number.numerator}
        return [
            f"number, {form}" for form, number in forms.items() if number in reach.numbers
        ] + self.in_text(reach.text)

    def reached(self, *roots: object) -> list[str]:
        """Those that are within reach from here."""
        return self.within(Reach.of(*roots))

    @cached_property
    def _patterns(self) -> dict[str, Mapping[str, bytes]]:
        return {name: traces(secret) for name, secret in self.texts.items()}


def objects(*roots: object) -> frozenset[int]:
    """Which parts of briefs are within reach."""
    return Reach.of(*roots).objects


def reachable(roots: Iterable[object]) -> Iterator[object]:
    """Everything that is within reach, once each."""
    seen: dict[int, object] = {}  # and kept, so that no number is used twice
    waiting = list(roots)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, CLOSED):
            continue
        seen[id(thing)] = thing
        yield thing
        if type(thing) not in _LEAVES:
            waiting += _held_by(thing)


def _held_by(thing: object) -> list[object]:
    if isinstance(thing, FrameType):
        return list(thing.f_locals.values())
    if isinstance(thing, FunctionType):
        return [thing.__closure__, thing.__defaults__, thing.__kwdefaults__, thing.__dict__]
    if isinstance(thing, weakref.ref):
        return [thing()]
    return gc.get_referents(thing)
