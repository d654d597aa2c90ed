"""The statement: what ran, for whoever has to trust the result. Never what was said.

Covered: agenda, agreement, models, prompts, isolation, what the export can carry. All of it but the agreement is
fixed before the run: what a delegate could choose, such as how many tokens it takes, would be a way to talk.
Not covered: a signature, and proof that the statement is true.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from math import ceil
from typing import Any

from bargaining.agenda import Agenda
from bargaining.leakage import export_bits
from delegates.mediator_prompt import MediatorPrompts
from delegates.prompt import PromptPack
from sandbox.export import agenda_digest, canonical, digest

STATEMENT_TYPE = "negbox/statement/v1"

NOT_COVERED = (
    "The negotiation ran in an ordinary process: its memory was not wiped, and whoever runs the machine can read it.",
    "Providers of hosted models saw the prompts of the delegates that used them and keep them by their own terms.",
    "The agreement itself tells each side something about the other; export_bits is the most that it can tell.",
    "The statement is not signed.",
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


def statement(
    agenda: Agenda,
    agreement: bytes,
    delegations: Mapping[str, Delegation],
    seed: int,
    kept: Sequence[str] = (),
    mediation: Delegation | None = None,
) -> bytes:
    """The statement about one run, as canonical JSON.

    Args:
        agenda: What was negotiated.
        agreement: The released result.
        delegations: Who acted, by role.
        seed: As the run was given it.
        kept: What the box was asked to release beside the agreement.
        mediation: Who mediated, if somebody did.
    """
    return canonical(
        {
            "type": STATEMENT_TYPE,
            "software": {"name": "negotiation-box", "version": _version()},
            "agenda": agenda_digest(agenda),
            "agreement": digest(agreement),
            "protocol": agenda.protocol,
            "settlement": agenda.settlement,
            "isolation": "none",
            "assurance": "none",
            "delegates": {role: _describe(delegation) for role, delegation in delegations.items()},
            "mediator": mediation and _mediator(mediation),
            "seed": seed,
            "kept": list(kept),
            "export_bits": f"{ceil(100 * export_bits(agenda)) / 100:.2f}",
            "not_covered": [
                *NOT_COVERED,
                *([SETTLEMENT_NOT_COVERED] if agenda.settlement == "improved" else []),
                *([TEXTS_NOT_COVERED] if mediation else []),
                *([MEDIATOR_NOT_COVERED] if mediation and mediation.prompts else []),
                *([KEPT_NOT_COVERED] if kept else []),
            ],
        }
    )


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
