"""A fact about this machine: known, or unknown with the reason. And how one is read from a file of the kernel.

Covered: plain and gzip files, a file that is missing, unreadable or not as expected.
Not covered: what the facts are; see `host` and `trial`.
"""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Known(Generic[T_co]):
    """A fact that could be established."""

    value: T_co
    note: str = ""
    """Why it is so, where that helps."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be established. Never to be taken for a favourable one."""

    reason: str


Fact: TypeAlias = Known[T] | Unknown


def read(path: Path, parse: Callable[[str], T]) -> Fact[T]:
    """Parse a file of the kernel."""
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8", "surrogateescape")
        return Known(parse(text))
    except OSError as error:
        return Unknown(f"{path} cannot be read: {error.strerror or 'not a gzip file'}")
    except (ValueError, LookupError, EOFError):
        return Unknown(f"{path} does not look as expected")
