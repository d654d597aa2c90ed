"""The statement: what ran, for whoever has to trust the result. Never what was said. An in-toto Statement v1.

Covered: code, policy, agenda, agreement, models, prompts, isolation, purge checks, and how many bits the export can
carry. Most is fixed before the run: what a delegate could choose would be a way to talk. What is not, the totals of
usage and the results of checks, is coarse, and its bits are counted.
Not covered: a signature (`institutions.signature` puts one around it), and proof that the statement is true.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from math import ceil, log2
from typing import Any, Literal, Protocol

from bargaining.agenda import Agenda
from bargaining.leakage import export_bits
from delegates.mediator_prompt import MediatorPrompts
from delegates.prompt import PromptPack
from sandbox.export import agenda_digest, canonical, digest
from sandbox.identity import Assurance, agreement_schema_digest, code_digest
from sandbox.isolation.interface import Level

IN_TOTO = "https://in-toto.io/Statement/v1"
STATEMENT_TYPE = "negbox:statement/v1"
"""The type of the predicate, a URI as in-toto wants it."""
SUBJECT = "agreement.json"

_FIGURES = re.compile(r"\d+")
MOST_USED = 2**40
"""Where usage without a limit stops being told apart."""

UNBOXED = "The negotiation ran in an ordinary process: its memory was not wiped; whoever runs the machine can read it."
HALF_BOXED = "Box, broker and gate had no namespaces of their own: only what each refused itself kept it in."
TRUSTED = (
    "Kernel, hardware and root are trusted: without hardware that attests, this is the operator's word only."
)
UNCHECKED = "It was not checked what was left of the run."
UNSIGNED = "The statement is not signed."
NOT_COVERED = (
    "Providers of hosted models saw the prompts of the delegates that used them and keep them by their own terms.",
    "The agreement itself tells each side something about the other; export_bits is the most that it can tell.",
    "Who has the agenda and this statement can find the agreement by trying every outcome: keep both alike.",
)

SETTLEMENT_NOT_COVERED = (
    "The terms may be better for a side than what was agreed at the table, by the preferences that each side stated: "
    "the box believes them, and the terms tell more about them than the offers did."
)
TEXTS_NOT_COVERED = (
    "The texts, and how long the answers took, let each side infer some of the other's answers."
)
MEDIATOR_NOT_COVERED = "A language model mediated: whoever runs it saw both sides' answers to every text."

KEPT_NOT_COVERED = "What was kept beside the agreement tells about the briefs; export_bits does not count it."


@dataclass(frozen=True, slots=True)
class Delegation:
    """Who acted for one side, or mediated, and with what."""

    model: str
    weights: str | None
    """The digest of the weights file as it was before the run, where the model runs here."""
    prompts: PromptPack | MediatorPrompts | None
    """None for a tactic or a rule, which reads none."""
    advised: bool
    """Whether an advisor helps, as it does where the brief has preferences. Whether it has is the brief's to say."""


class Checked(Protocol):
    """One check of what was left of a run."""

    @property
    def name(self) -> str:
        """What was checked."""

    @property
    def result(self) -> Literal["ok", "failed", "unmeasured"]:
        """How it came out."""

    @property
    def detail(self) -> str:
        """Why, in words of ours. The statement leaves it out where the check is ok, and its figures always."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What both sides together used, and what they could have used at most (None: no limit)."""

    calls: int
    tokens: int
    most_calls: int | None = None
    most_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a run took place, and what was checked after it."""

    isolation: Level = "none"
    assurance: Assurance = "none"
    """`operator` only where a signature follows."""
    run: str | None = None
    nonces: Sequence[str] = ()
    """What the parties made up before the run, so that the statement cannot be an older one."""
    policy: str | None = None
    """The policy's digest."""
    open: Sequence[str] = ()
    """The policy's conditions that were open and only had to be stated."""
    purge: Sequence[Checked] = ()
    not_covered: Sequence[str] = ()
    """What else is not covered, in sentences."""
    usage: Totals | None = field(default=None, repr=False)


def statement(
    agenda: Agenda,
    agreement: bytes,
    delegations: Mapping[str, Delegation],
    seed: int,
    kept: Sequence[str] = (),
    mediation: Delegation | None = None,
    setting: Setting | None = None,
) -> bytes:
    """The statement about one run, as canonical JSON.

    Args:
        agenda: What was negotiated.
        agreement: The released result.
        delegations: Who acted, by role.
        seed: As the run was given it.
        kept: What the box was asked to release beside the agreement.
        mediation: Who mediated, if somebody did.
        setting: Where it ran; without it, in this process, unsigned.
    """
    setting = setting or Setting()
    predicate = {
        "software": {"name": "negotiation-box", "version": _version(), "code": code_digest()},
        "run": setting.run,
        "nonces": list(setting.nonces),
        "policy": setting.policy,
        "agenda": agenda_digest(agenda),
        "agreement_schema": agreement_schema_digest(agenda),
        "protocol": agenda.protocol,
        "settlement": agenda.settlement,
        "isolation": setting.isolation,
        "assurance": setting.assurance,
        "open": None if setting.policy is None else list(setting.open),
        "delegates": {role: _describe(delegation) for role, delegation in delegations.items()},
        "mediator": mediation and _mediator(mediation),
        "seed": _exact(seed),
        "kept": list(kept),
        "export_bits": _bits(export_bits(agenda)),
        "usage": setting.usage and _usage(setting.usage),
        "purge": _purge(setting.purge),
        "not_covered": [
            *_setting_not_covered(setting),
            *NOT_COVERED,
            *([SETTLEMENT_NOT_COVERED] if agenda.settlement == "improved" else []),
            *([TEXTS_NOT_COVERED] if mediation else []),
            *([MEDIATOR_NOT_COVERED] if mediation and mediation.prompts else []),
            *([KEPT_NOT_COVERED] if kept else []),
            *setting.not_covered,
        ],
    }
    subject = {"name": SUBJECT, "digest": {"sha256": digest(agreement).removeprefix("sha256:")}}
    return canonical(
        {"_type": IN_TOTO, "subject": [subject], "predicateType": STATEMENT_TYPE, "predicate": predicate}
    )


def quantised(count: int, most: int | None = None) -> int:
    """The least power of two that is not below a count, or 0; never above that of the limit."""
    return min(_power(count), _power(MOST_USED if most is None else most))


def _power(count: int) -> int:
    return 1 << (count - 1).bit_length() if count > 0 else 0


def _usage(used: Totals) -> dict[str, Any]:
    counted = {"calls": (used.calls, used.most_calls), "tokens": (used.tokens, used.most_tokens)}
    # of a limit of 2^k there are k + 2 buckets: 0, 1, 2, 4, ..., 2^k
    buckets = [_power(MOST_USED if most is None else most).bit_length() + 1 for _, most in counted.values()]
    rounded = {f"{name}_up_to": quantised(*pair) for name, pair in counted.items()}
    return {**rounded, "bits": _bits(sum(map(log2, buckets)))}


def _purge(checks: Sequence[Checked]) -> dict[str, Any]:
    listed = [{"name": check.name, "result": check.result, "detail": _reason(check)} for check in checks]
    return {"checks": listed, "bits": _bits(len(listed) * log2(3))}


def _reason(check: Checked) -> str:
    """Why a check is not ok. Without figures: how much memory was wiped, for one, depends on what was in it."""
    return "" if check.result == "ok" else _FIGURES.sub("#", check.detail)


def _setting_not_covered(setting: Setting) -> list[str]:
    where = {"none": UNBOXED, "landlock": HALF_BOXED, "bwrap": None}[setting.isolation]
    said = [
        where,
        TRUSTED if setting.isolation != "none" else None,
        UNCHECKED if setting.isolation != "none" and not setting.purge else None,
        UNSIGNED if setting.assurance == "none" else None,
    ]
    return [text for text in said if text]


def _exact(number: int) -> int | str:
    """JSON numbers are exact up to 2^53; a larger one is written as text."""
    return number if abs(number) < 2**53 else str(number)


def _bits(bits: float) -> str:
    """Rounded up, as text: a float would look different elsewhere."""
    return f"{ceil(100 * bits) / 100:.2f}"


@cache
def _version() -> str:
    return version("negotiation-box")


def _describe(delegation: Delegation) -> dict[str, Any]:
    return {**_mediator(delegation), "advisor": delegation.advised}


def _mediator(delegation: Delegation) -> dict[str, Any]:
    pack = delegation.prompts
    return {
        "model": delegation.model,
        "weights": delegation.weights,
        "prompts": pack and {"name": pack.name, "digest": f"sha256:{pack.digest}"},
    }
