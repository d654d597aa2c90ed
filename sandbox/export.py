"""What lets data out: a result becomes canonical JSON that carries nothing else.

Covered: the terms are checked against the agenda, then written as RFC 8785 JSON, so that equal results are equal
bytes, padded so that all results of an agenda are equally long. Not covered: when the file appears.
Offers are released only for made-up scenarios whose owner asks for them: they tell far more than the agreement.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import rfc8785

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal, check
from bargaining.errors import ExportError, InvalidOutcomeError
from bargaining.issue import IntegerIssue, Issue, Value
from bargaining.outcome import Outcome

AGREEMENT_TYPE = "negbox/agreement/v1"
OFFERS_TYPE = "negbox/offers/v1"


@dataclass(frozen=True, slots=True)
class KeptOffer:
    """One offer that was on the table, without its message."""

    round: int
    """Counted from 1."""
    role: str
    """Who made it."""
    outcome: Outcome


def canonical(value: Mapping[str, Any]) -> bytes:
    """RFC 8785 JSON and a final newline."""
    return rfc8785.dumps(dict(value)) + b"\n"


def digest(data: bytes) -> str:
    """The SHA-256 digest, as `sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def agenda_digest(agenda: Agenda) -> str:
    """The digest of an agenda's canonical JSON: it tells which agenda an agreement belongs to."""
    return digest(canonical(agenda.model_dump(mode="json")))


def release(result: Agreement | NoDeal, agenda: Agenda) -> bytes:
    """The canonical bytes of a result. For one agenda they are always equally many.

    Raises:
        ExportError: The result is not one that the agenda admits. Nothing is released.
    """
    try:
        check(result, agenda)
    except InvalidOutcomeError:
        legal = False
    else:
        legal = True
    if not legal:
        raise ExportError("the result is not an outcome of the agenda; nothing was released")
    terms = result.terms if isinstance(result, Agreement) else None
    content = {"agenda": agenda_digest(agenda), "result": result.kind, "terms": terms, "type": AGREEMENT_TYPE}
    missing = release_size(agenda) - len(canonical({**content, "padding": ""}))
    return canonical({**content, "padding": "0" * missing})


def read(released: bytes, agenda: Agenda) -> Agreement | NoDeal:
    """The result in released bytes.

    Raises:
        ExportError: They are not exactly what `release` makes of a result of the agenda.
    """
    result: Agreement | NoDeal | None = None
    with suppress(ValueError, KeyError, TypeError):
        terms = json.loads(released)["terms"]
        result = NoDeal() if terms is None else Agreement(terms=terms)
    if result is None or release(result, agenda) != released:
        raise ExportError("this is not a released result of the agenda")
    return result


def release_size(agenda: Agenda) -> int:
    """How many bytes any result of an agenda takes."""
    longest = {issue.name: max(_ends(issue), key=lambda v: len(rfc8785.dumps(v))) for issue in agenda.issues}
    content = {"agenda": agenda_digest(agenda), "padding": "", "type": AGREEMENT_TYPE}
    return max(
        len(canonical({**content, "result": Agreement(terms=longest).kind, "terms": longest})),
        len(canonical({**content, "result": NoDeal().kind, "terms": None})),
    )


def _ends(issue: Issue) -> Sequence[Value]:
    """Values of an issue, one of its longest among them: of whole numbers, that is the first or the last."""
    return (issue.minimum, issue.values[-1]) if isinstance(issue, IntegerIssue) else issue.values


def release_offers(offers: Iterable[KeptOffer], agenda: Agenda) -> bytes:
    """The canonical bytes of the offers that were made, oldest first, without their messages."""
    listed = [{"role": o.role, "round": o.round, "terms": dict(o.outcome)} for o in offers]
    return canonical({"agenda": agenda_digest(agenda), "offers": listed, "type": OFFERS_TYPE})
