"""The statement: what ran, for whoever has to trust the result. Never what was said.

Covered: agenda, agreement, models, prompts, isolation, what the export can carry. All of it but the agreement is
fixed before the run: what a delegate could choose, such as how many tokens it takes, would be a way to talk.
Not covered: a signature, and proof that the statement is true.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from math import ceil
from typing import Any

from bargaining.agenda import Agenda
from bargaining.leakage import export_bits
from delegates.prompt import PromptPack
from sandbox.export import agenda_digest, canonical, digest

STATEMENT_TYPE = "negbox/statement/v1"

NOT_COVERED = (
    "The negotiation ran in an ordinary process: its memory was not wiped, and whoever runs the machine can read it.",
    "Providers of hosted models saw the prompts of the delegates that used them and keep them by their own terms.",
    "The agreement itself tells each side something about the other; export_bits is the most that it can tell.",
    "The statement is not signed.",
)


@dataclass(frozen=True, slots=True)
class Delegation:
    """Who acted for one side, and with what."""

    model: str
    weights: str | None
    """The digest of the weights file as it was before the run, where the model runs here."""
    prompts: PromptPack | None
    """None for a tactic, which reads none."""
    advised: bool


def statement(agenda: Agenda, agreement: bytes, delegations: Mapping[str, Delegation], seed: int) -> bytes:
    """The statement about one run, as canonical JSON."""
    return canonical(
        {
            "type": STATEMENT_TYPE,
            "software": {"name": "negotiation-box", "version": version("negotiation-box")},
            "agenda": agenda_digest(agenda),
            "agreement": digest(agreement),
            "protocol": agenda.protocol,
            "isolation": "none",
            "assurance": "none",
            "delegates": {role: _describe(delegation) for role, delegation in delegations.items()},
            "seed": seed,
            "export_bits": f"{ceil(100 * export_bits(agenda)) / 100:.2f}",
            "not_covered": list(NOT_COVERED),
        }
    )


def _describe(delegation: Delegation) -> dict[str, Any]:
    pack = delegation.prompts
    return {
        "model": delegation.model,
        "weights": delegation.weights,
        "prompts": pack and {"name": pack.name, "digest": f"sha256:{pack.digest}"},
        "advisor": delegation.advised,
    }
