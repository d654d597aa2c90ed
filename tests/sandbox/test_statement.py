"""What the statement says about a run, and what it keeps to itself."""

import json
from typing import Any

from delegates.prompt import PromptPack
from delegates.scenario import load
from sandbox.export import digest
from sandbox.statement import Delegation, statement

AGENDA = load("used-truck").agenda
PACK = PromptPack.load("default")
DELEGATION = Delegation("local/a", "sha256:00", PACK, advised=True)


def said() -> dict[str, Any]:
    delegations = dict.fromkeys(AGENDA.roles, DELEGATION)
    found: dict[str, Any] = json.loads(statement(AGENDA, b"agreement", delegations, seed=7))
    return found


def test_it_names_software_agenda_models_prompts_and_seed() -> None:
    found = said()
    assert found["software"]["name"] == "negotiation-box"
    assert found["agreement"] == digest(b"agreement")
    assert found["seed"] == 7
    assert list(found["delegates"]) == sorted(AGENDA.roles)
    assert found["delegates"]["seller"] == {
        "model": "local/a",
        "weights": "sha256:00",
        "prompts": {"name": "default", "digest": f"sha256:{PACK.digest}"},
        "advisor": True,
    }


def test_it_claims_no_isolation_and_says_what_is_not_covered() -> None:
    found = said()
    assert found["isolation"] == found["assurance"] == "none"
    assert len(found["not_covered"]) >= 4


def test_it_holds_nothing_that_a_delegate_could_choose_but_the_agreements_digest() -> None:
    found = said()
    assert set(found) == {
        "type",
        "software",
        "agenda",
        "agreement",
        "protocol",
        "settlement",
        "isolation",
        "assurance",
        "delegates",
        "mediator",
        "seed",
        "kept",
        "export_bits",
        "not_covered",
    }


def test_export_bits_count_every_outcome_and_no_deal() -> None:
    assert said()["export_bits"] == "10.06"
