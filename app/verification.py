"""What `negbox verify` checks of a result, and how each check came out.

Covered: three results, `ok`, `FAILED` and `not checked` with the reason. A purge check that the host itself reports
as failed fails here too. Not covered: whether a statement is true; its signature says who vouches for it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from app import exits, results
from bargaining.agenda import Agenda
from bargaining.errors import InvalidInputError, SealError
from institutions import signature
from institutions.keys import HostPublicKey
from sandbox.export import agenda_digest, digest, release
from sandbox.identity import agreement_schema_digest
from sandbox.statement import IN_TOTO, STATEMENT_TYPE

_LARGEST_BYTES = 4 * 2**20


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class _PurgeCheck(_Said):
    name: str
    result: Literal["ok", "failed", "unmeasured"]
    detail: str


class _Purge(_Said):
    checks: tuple[_PurgeCheck, ...]


class _Predicate(_Said):
    agenda: str
    agreement_schema: str
    isolation: str
    assurance: str
    run: str | None
    nonces: tuple[str, ...]
    purge: _Purge
    not_covered: tuple[str, ...]


class _Subject(_Said):
    digest: dict[str, str]


class _Statement(_Said):
    subject: tuple[_Subject]
    predicate: _Predicate


@dataclass(frozen=True, slots=True)
class Check:
    """One check and how it came out."""

    name: str
    passed: bool | None
    """None: not checked."""
    reason: str = ""

    def __str__(self) -> str:
        word = {True: "ok         ", False: "FAILED     ", None: "not checked"}[self.passed]
        return f"{word}  {self.name}" + (f": {self.reason}" if self.reason and not self.passed else "")


@dataclass(frozen=True, slots=True)
class Verified:
    """All checks of a result whose signature is good."""

    checks: tuple[Check, ...]
    purge: tuple[Check, ...]
    isolation: str
    assurance: str
    not_covered: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """As a program wants to know it: something does not fit, a purge failed, or all is well."""
        if any(check.passed is False for check in self.checks):
            return exits.BAD_INPUT
        if any(check.passed is False for check in self.purge):
            return exits.SANDBOX
        return exits.OK

    def lines(self) -> list[str]:
        """For the terminal. Characters that could steer one are left out."""
        about = f"isolation {self.isolation}, assurance {self.assurance}"
        notes = [f"  {text}" for text in self.not_covered]
        lines = [*map(str, (*self.checks, *self.purge)), about, "not covered:", *notes]
        return ["".join(c if c.isprintable() else "?" for c in line) for line in lines]


def verify(
    folder: Path,
    keys: Sequence[HostPublicKey],
    *,
    agenda: Agenda | None = None,
    nonce: str | None = None,
    run: str | None = None,
) -> Verified:
    """Check what a run left.

    Args:
        folder: It holds `agreement.json` and `statement.json`.
        keys: The hosts that are believed.
        agenda: What was negotiated; without it some checks cannot be made.
        nonce: What the statement must answer.
        run: Which run it must be about: all runs of a pool answer the same nonces.

    Raises:
        SealError: The statement is not signed by a known host, or not a statement.
        InvalidInputError: A file is missing.
    """
    agreement, envelope = (_read(folder / name) for name in (results.AGREEMENT, results.STATEMENT))
    if b'"_type"' in envelope[:100]:
        raise SealError(
            f"{folder / results.STATEMENT}: nobody has signed it: a run without a box leaves it so, and then there is "
            "nothing to verify"
        )
    said = _statement(signature.verify(envelope, signature.IN_TOTO_TYPE, keys))
    checks = [
        Check("statement: signed by a host that you trust", True),
        _answers(said.predicate, nonce),
        *(
            []
            if run is None
            else [Check("statement: about your run", said.predicate.run == run, "it is another's")]
        ),
        Check(
            "agreement: the statement's own",
            said.subject[0].digest.get("sha256") == digest(agreement).removeprefix("sha256:"),
            "its bytes are not those that the statement is about",
        ),
        Check(
            "agreement: names the statement's agenda",
            _named_agenda(agreement) == said.predicate.agenda,
            "it belongs to another agenda",
        ),
        *_against(agenda, folder, agreement, said.predicate),
    ]
    purge = (
        Check(f"purge: {c.name}", {"ok": True, "failed": False, "unmeasured": None}[c.result], c.detail)
        for c in said.predicate.purge.checks
    )
    predicate = said.predicate
    return Verified(
        tuple(checks), tuple(purge), predicate.isolation, predicate.assurance, predicate.not_covered
    )


def _answers(predicate: _Predicate, nonce: str | None) -> Check:
    name = "statement: answers your nonce"
    if nonce is None:
        told = "give it with --nonce" if predicate.nonces else "it answers none, as negbox run takes none"
        return Check(name, None, f"{told}: this may be an older run's")
    answered = "another" if predicate.nonces else "none"
    return Check(name, nonce in predicate.nonces, f"it answers {answered}: it may be an older run's")


def _against(agenda: Agenda | None, folder: Path, agreement: bytes, predicate: _Predicate) -> list[Check]:
    """What takes the agenda to know."""
    names = (
        "agenda: the statement's own",
        "schema: the agenda's own",
        "agreement: exactly what the agenda admits",
    )
    if agenda is None:
        return [Check(name, None, "give the agenda with --agenda") for name in names]
    same = agenda_digest(agenda) == predicate.agenda
    problem = "" if same else "it is another, or with other rounds, protocol or messages"
    schema = agreement_schema_digest(agenda) == predicate.agreement_schema
    return [
        Check(names[0], same, problem),
        Check(names[1], schema, "other results could have come out"),
        Check(names[2], _is_released(folder, agreement, agenda) if same else None, _why(same)),
    ]


def _why(same: bool) -> str:
    return "its terms or its form are not" if same else "that takes the statement's agenda"


def _is_released(folder: Path, agreement: bytes, agenda: Agenda) -> bool:
    """Whether the bytes are those of a legal result: there is no second form in which more could hide."""
    try:
        found = results.read(folder / results.AGREEMENT, agenda)
    except InvalidInputError:
        return False
    return release(found.result, agenda) == agreement


def _named_agenda(agreement: bytes) -> object:
    try:
        found = json.loads(agreement)
    except (ValueError, RecursionError):
        return None
    return found.get("agenda") if isinstance(found, dict) else None


def _statement(payload: bytes) -> _Statement:
    found: _Statement | None = None
    try:
        data = json.loads(payload)
        if data["_type"] == IN_TOTO and data["predicateType"] == STATEMENT_TYPE:
            found = _Statement.model_validate(data)
    except (ValueError, LookupError, TypeError, RecursionError, ValidationError):
        pass
    if found is None:
        raise SealError(
            "what is signed is not a statement that this version knows: update it, or ask the host"
        )
    return found


def _read(file: Path) -> bytes:
    return results.contents(file, _LARGEST_BYTES, "give the folder that a run left")
