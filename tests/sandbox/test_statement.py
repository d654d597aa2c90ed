"""What the statement says about a run, and what it keeps to itself."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from delegates.budget import Budget
from delegates.models.interface import Usage
from delegates.scenario import load
from sandbox.export import digest
from sandbox.statement import Delegation, round_up, statement

AGENDA = load("used-truck").agenda
DELEGATION = Delegation("local/a", "sha256:00", "default", "sha256:11", advised=True)


def said(tokens: int = 0) -> dict[str, Any]:
    budget = Budget()
    if tokens:
        budget.add(Usage(input_tokens=tokens), None)
    delegations = dict.fromkeys(AGENDA.roles, DELEGATION)
    found: dict[str, Any] = json.loads(statement(AGENDA, b"agreement", delegations, budget, seed=7))
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
        "prompts": {"name": "default", "digest": "sha256:11"},
        "advisor": True,
    }


def test_it_claims_no_isolation_and_says_what_is_not_covered() -> None:
    found = said()
    assert found["isolation"] == found["assurance"] == "none"
    assert len(found["not_covered"]) >= 4


def test_it_holds_no_terms_no_time_and_no_exact_counts() -> None:
    found = said(tokens=12345)
    assert set(found) == {
        "type",
        "software",
        "agenda",
        "agreement",
        "protocol",
        "isolation",
        "assurance",
        "delegates",
        "seed",
        "export_bits",
        "usage_at_most",
        "not_covered",
    }
    assert found["usage_at_most"] == {"tokens": 20000, "calls": 1}
    assert "12345" not in json.dumps(found)


def test_export_bits_count_every_outcome_and_no_deal() -> None:
    assert said()["export_bits"] == "10.06"


@given(st.integers(0, 10**12))
def test_rounding_up_goes_to_one_two_or_five_and_at_most_two_and_a_half_times(count: int) -> None:
    rounded = round_up(count)
    assert rounded >= count
    assert str(rounded).rstrip("0") in {"1", "2", "5"}
    assert count == 0 or 2 * rounded <= 5 * count
