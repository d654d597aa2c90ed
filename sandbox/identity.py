"""What identifies a run from outside: the code that runs it, the form of its result, and who vouches for it.

Covered: every file of our packages that a run can load, prompts and price lists too. The digest is the same
wherever the same version is installed.
Not covered: the interpreter, the libraries and the kernel; compiled caches (`__pycache__`), which Python may run in
place of the source; and whether the process that names a digest runs that code.
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from bargaining.agenda import Agenda
from delegates.reply import terms_schema
from sandbox.export import AGREEMENT_TYPE, canonical, digest

PACKAGES = ("app", "bargaining", "delegates", "graphs", "institutions", "prompts", "sandbox")
"""What a run can load of ours. Evaluations and example scenarios are not among it."""

Digest: TypeAlias = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Assurance: TypeAlias = Literal["operator", "none"]
"""Who vouches for a run, strongest first: the operator with a signature, or nobody."""


@cache
def code_digest() -> str:
    """The digest of our code and prompts as they are installed. Read once: a closed box cannot read files."""
    return _digest_now()


def code_has_changed() -> bool:
    """Whether other code is installed now than when this process first looked: what it starts is not what it is."""
    return _digest_now() != code_digest()


def _digest_now() -> str:
    total = hashlib.sha256()
    for name, file in _files():
        data = file.read_bytes()
        total.update(f"{name}\0{len(data)}\0".encode() + data)
    return "sha256:" + total.hexdigest()


def agreement_schema(agenda: Agenda) -> dict[str, Any]:
    """The JSON schema of a released result. It depends on the issues alone."""
    fields = {
        "agenda": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
        "padding": {"type": "string", "pattern": "^0*$"},
        "type": {"const": AGREEMENT_TYPE},
    }
    results = (
        {"result": {"const": "agreement"}, "terms": terms_schema(agenda)},
        {"result": {"const": "no_deal"}, "terms": {"type": "null"}},
    )
    return {"anyOf": [_closed({**fields, **result}) for result in results]}


def agreement_schema_digest(agenda: Agenda) -> str:
    """The digest of the schema's canonical JSON."""
    return digest(canonical(agreement_schema(agenda)))


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


def _files() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        spec = find_spec(package)
        assert spec is not None, "the packages are installed together"
        assert spec.submodule_search_locations, "and each is a folder"
        (root,) = map(Path, spec.submodule_search_locations)
        found = {f"{package}/{file.relative_to(root).as_posix()}": file for file in root.rglob("*")}
        for name in sorted(found):
            parts = name.split("/")
            hidden = "__pycache__" in parts or any(part.startswith(".") for part in parts)
            if not hidden and found[name].is_file():
                yield name, found[name]
