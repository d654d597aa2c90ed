"""The files that a run leaves: how they are written, and how they are read again.

`agreement.json` and `statement.json`, and `offers.json` if the offers of a made-up scenario were kept.
"""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal
from bargaining.errors import ExportError, InvalidInputError, InvalidOutcomeError
from bargaining.issue import Value
from bargaining.outcome import Outcome
from sandbox.export import KeptOffer, agenda_digest, canonical, digest

AGREEMENT, STATEMENT, OFFERS = "agreement.json", "statement.json", "offers.json"
_LARGEST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Results:
    """What a run left."""

    result: Agreement | NoDeal
    offers: tuple[KeptOffer, ...] = field(default=(), repr=False)
    """Oldest first; empty if they were not kept."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    agenda: str


class _AgreementFile(_File):
    type: Literal["negbox/agreement/v1"]
    result: Literal["agreement", "no_deal"]
    terms: dict[str, Value] | None
    padding: str = ""


class _Offer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    role: str
    round: Annotated[StrictInt, Field(ge=1)]
    terms: dict[str, Value]


class _OffersFile(_File):
    type: Literal["negbox/offers/v1"]
    offers: tuple[_Offer, ...]


_Read = TypeVar("_Read", bound=_File)


def contents(file: Path, largest_bytes: int, advice: str) -> bytes:
    """All of a file that should not be large.

    Args:
        file: The file.
        largest_bytes: What is too large.
        advice: What to do if it cannot be read.

    Raises:
        InvalidInputError: It is too large, or cannot be read.
    """
    problem = f"it is larger than {largest_bytes >> 20} MiB"
    try:
        with file.open("rb") as stream:
            data = stream.read(largest_bytes + 1)
        if len(data) <= largest_bytes:
            return data
    except OSError as error:
        problem = error.strerror or "it cannot be read"
    raise InvalidInputError(f"{file}: cannot be used: {problem}; {advice}")


def read(path: Path, agenda: Agenda) -> Results:
    """Read an agreement, or all that a run wrote to a folder.

    Args:
        path: An `agreement.json`, or the folder that holds one.
        agenda: The agenda that it must belong to.

    Raises:
        InvalidInputError: A file is missing, is not what it should be, or belongs to another agenda.
    """
    folder = path if os.path.isdir(path) else None  # unlike Path.is_dir, false for any bad name
    if folder and not (folder / AGREEMENT).exists():
        raise InvalidInputError(
            f"{folder}: there is no {AGREEMENT}; give a folder that negbox run --out wrote"
        )
    agreement = _load(folder / AGREEMENT if folder else path, _AgreementFile, agenda)
    if (agreement.result == "agreement") != (agreement.terms is not None):
        raise _unusable(path, "an agreement has terms, and a no deal has none")
    result: Agreement | NoDeal = NoDeal()
    if agreement.terms is not None:
        result = Agreement(terms=dict(_outcome(agreement.terms, agenda, path)))
    if folder is None or not (folder / OFFERS).exists():
        return Results(result)
    kept = _load(folder / OFFERS, _OffersFile, agenda)
    if any(offer.role not in agenda.roles for offer in kept.offers):
        raise _unusable(folder / OFFERS, f"offers are made by the {agenda.roles[0]} or the {agenda.roles[1]}")
    offers = (KeptOffer(o.round, o.role, _outcome(o.terms, agenda, folder / OFFERS)) for o in kept.offers)
    return Results(result, tuple(offers))


def writable(out: str | None) -> Path | None:
    """The directory for the results, checked before anything is spent.

    Raises:
        InvalidInputError: It cannot be written, or holds results already.
    """
    if out is None:
        return None
    if not out.strip():
        raise InvalidInputError("--out: the name is empty; choose another directory, or . for this one")
    directory = Path(out)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise InvalidInputError(
            f"--out {out}: cannot write there ({error.strerror}); choose another directory"
        ) from None
    for name in (AGREEMENT, STATEMENT, OFFERS):
        if (directory / name).exists():
            raise InvalidInputError(
                f"--out {out}: {name} is there already; move it away or choose another directory"
            )
    return directory


def write_all(directory: Path, files: Mapping[str, bytes]) -> None:
    """All or none: an agreement without its statement proves nothing.

    Raises:
        ExportError: They could not be written.
    """
    written: list[Path] = []
    for name, data in files.items():
        path = directory / name
        try:
            write(path, data)
        except OSError as error:
            for done in written:
                done.unlink(missing_ok=True)
            raise ExportError(
                f"{path}: could not be written ({error.strerror}); the result is only the one shown here"
            ) from None
        written.append(path)


def put(path: Path, data: bytes, advice: str) -> None:
    """Write a file that the user has named.

    Args:
        path: The file. There must be none of that name.
        data: All of it.
        advice: What to do if it cannot be written.

    Raises:
        InvalidInputError: It cannot.
    """
    problem = ""
    try:
        write(path, data)
    except OSError as error:
        problem = error.strerror or "it cannot be written"
    if problem:
        raise InvalidInputError(f"{path}: not written ({problem}); {advice}")


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and never over another.

    Raises:
        OSError: It could not be written, or its name is taken.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _put(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _put(partial: Path, path: Path) -> None:
    """Move a file to a name that must be free."""
    try:
        os.link(partial, path)  # unlike a rename, this never replaces a result
    except FileExistsError:
        raise
    except OSError:  # no hard links here (FAT, some network shares)
        if path.exists():
            raise
        partial.rename(path)


def _load(path: Path, kind: type[_Read], agenda: Agenda) -> _Read:
    found: _Read | None = None
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise _unusable(path, f"it is larger than {_LARGEST_BYTES >> 20} MiB")
        found = kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InvalidInputError(f"{path}: there is no such file; give what negbox run --out wrote") from None
    except (OSError, ValueError) as error:
        if not isinstance(error, ValidationError):  # its text repeats what is in the file
            reason = error.strerror if isinstance(error, OSError) else "the name is not one of a file"
            raise InvalidInputError(f"{path}: cannot be read: {reason}") from None
    if found is None:
        raise _unusable(path, "it is not JSON of this kind")
    if not _belongs(found.agenda, agenda):
        raise InvalidInputError(
            f"{path}: it belongs to another agenda than this scenario's; give the scenario that was run, "
            "as it was then"
        )
    return found


def _belongs(digest_: str, agenda: Agenda) -> bool:
    """Whether a digest is an agenda's, or what the agenda is with the protocol and the rounds that a run can be given.

    Those change nothing about the outcomes, and the digest does not tell them: the few there are get tried.
    """
    if digest_ == agenda_digest(agenda):
        return True
    data = agenda.model_dump(mode="json")
    protocols = get_args(Agenda.model_fields["protocol"].annotation)
    most_rounds = Agenda.model_json_schema()["properties"]["rounds"]["maximum"]
    tried = product(protocols, range(1, most_rounds + 1))
    return any(digest_ == digest(canonical({**data, "protocol": p, "rounds": n})) for p, n in tried)


def _outcome(terms: dict[str, Value], agenda: Agenda, path: Path) -> Outcome:
    problem = ""
    try:
        return agenda.space.outcome(terms)
    except InvalidOutcomeError as error:
        problem = str(error)
    raise _unusable(path, problem)


def _unusable(path: Path, reason: str) -> InvalidInputError:
    return InvalidInputError(
        f"{path}: not a file that negbox run --out wrote: {reason}; run it again or give another"
    )
