"""What the statement says about a run, and what it keeps to itself."""

import json
from dataclasses import dataclass
from math import ceil, log2
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delegates.prompt import PromptPack
from delegates.scenario import load
from sandbox.export import agenda_digest, digest
from sandbox.identity import agreement_schema_digest, code_digest
from sandbox.policy import Policy
from sandbox.statement import (
    MOST_USED,
    STATEMENT_TYPE,
    UNBOXED,
    UNCHECKED,
    UNSIGNED,
    Delegation,
    Setting,
    Totals,
    quantised,
    statement,
)

AGENDA = load("used-truck").agenda
PACK = PromptPack.load("default")
DELEGATION = Delegation("local/a", "sha256:00", PACK, advised=True)


@dataclass(frozen=True)
class Check:
    name: str
    result: Literal["ok", "failed", "unmeasured"]
    detail: str


BOXED = Setting(
    isolation="bwrap",
    assurance="operator",
    run="run-of-the-tests",
    nonces=("a nonce made up",),
    policy=Policy().digest,
    open=("swap",),
    purge=(Check("box wiped", "ok", "7731 bytes"), Check("swap", "unmeasured", "no 7731 here")),
    usage=Totals(calls=5, tokens=1000, most_calls=64, most_tokens=4096),
)


def whole(setting: Setting | None = None, seed: int = 7) -> dict[str, Any]:
    delegations = dict.fromkeys(AGENDA.roles, DELEGATION)
    found: dict[str, Any] = json.loads(statement(AGENDA, b"agreement", delegations, seed, setting=setting))
    return found


def said(setting: Setting | None = None, seed: int = 7) -> dict[str, Any]:
    found: dict[str, Any] = whole(setting, seed)["predicate"]
    return found


def test_it_is_an_in_toto_statement_about_the_agreement() -> None:
    found = whole()
    assert set(found) == {"_type", "subject", "predicateType", "predicate"}
    assert found["_type"] == "https://in-toto.io/Statement/v1"
    assert found["predicateType"] == STATEMENT_TYPE
    expected = digest(b"agreement").removeprefix("sha256:")
    assert found["subject"] == [{"name": "agreement.json", "digest": {"sha256": expected}}]


def test_it_names_software_agenda_models_prompts_and_seed() -> None:
    found = said()
    assert found["software"]["name"] == "negotiation-box"
    assert found["software"]["code"] == code_digest()
    assert found["agenda"] == agenda_digest(AGENDA)
    assert found["agreement_schema"] == agreement_schema_digest(AGENDA)
    assert found["seed"] == 7
    assert list(found["delegates"]) == sorted(AGENDA.roles)
    assert found["delegates"]["seller"] == {
        "model": "local/a",
        "weights": "sha256:00",
        "prompts": {"name": "default", "digest": f"sha256:{PACK.digest}"},
        "advisor": True,
    }


def test_without_a_setting_it_claims_no_isolation_and_says_what_is_not_covered() -> None:
    found = said()
    assert found["isolation"] == found["assurance"] == "none"
    assert {UNBOXED, UNSIGNED} <= set(found["not_covered"])
    assert found["run"] is found["policy"] is found["usage"] is None
    assert found["purge"] == {"checks": [], "bits": "0.00"}


def test_in_a_box_it_says_which_and_what_was_checked() -> None:
    found = said(BOXED)
    assert (found["isolation"], found["assurance"]) == ("bwrap", "operator")
    assert (found["run"], found["nonces"]) == ("run-of-the-tests", ["a nonce made up"])
    assert found["policy"] == Policy().digest
    assert found["open"] == ["swap"]
    assert not {UNBOXED, UNSIGNED, UNCHECKED} & set(found["not_covered"])
    assert any("operator" in line for line in found["not_covered"])


def test_a_box_that_nothing_was_checked_of_says_so() -> None:
    assert UNCHECKED in said(Setting(isolation="bwrap", assurance="operator"))["not_covered"]


def test_checks_have_three_results_and_no_figures() -> None:
    assert said(BOXED)["purge"] == {
        "checks": [
            {"name": "box wiped", "result": "ok", "detail": ""},
            {"name": "swap", "result": "unmeasured", "detail": "no # here"},
        ],
        "bits": "3.17",
    }


def test_usage_is_rounded_up_to_powers_of_two_and_its_bits_are_counted() -> None:
    buckets_of_calls, buckets_of_tokens = 8, 14  # 0, 1, 2, ..., 64 and 0, 1, 2, ..., 4096
    bits = log2(buckets_of_calls) + log2(buckets_of_tokens)
    assert said(BOXED)["usage"] == {
        "calls_up_to": 8,
        "tokens_up_to": 1024,
        "bits": f"{ceil(100 * bits) / 100:.2f}",
    }


@given(st.integers(0, 10**15), st.integers(1, 10**9) | st.none())
def test_a_count_falls_into_one_of_the_counted_buckets(count: int, most: int | None) -> None:
    buckets = [0]
    while buckets[-1] < (MOST_USED if most is None else most):
        buckets.append(2 * buckets[-1] or 1)
    found = quantised(count, most)
    assert found in buckets
    assert found >= min(count, buckets[-1])
    if most is not None:
        totals = said(Setting(usage=Totals(count, count, most, most)))["usage"]
        assert float(totals["bits"]) >= 2 * log2(len(buckets)) - 1e-9


def test_it_holds_nothing_that_a_delegate_could_choose_but_what_is_counted() -> None:
    fields = {
        "software", "run", "nonces", "policy", "agenda", "agreement_schema", "protocol", "settlement", "isolation",
        "assurance", "open", "delegates", "mediator", "seed", "kept", "export_bits", "usage", "purge", "not_covered",
    }  # fmt: skip
    assert set(said()) == set(said(BOXED)) == fields


def test_export_bits_count_every_outcome_and_no_deal() -> None:
    assert said()["export_bits"] == "10.06"


@pytest.mark.parametrize(("seed", "shown"), [(0, 0), (2**53 - 1, 2**53 - 1), (2**53, str(2**53))])
def test_integers_stay_exact(seed: int, shown: object) -> None:
    assert said(seed=seed)["seed"] == shown


def test_usage_is_not_shown_in_a_representation() -> None:
    assert "1000" not in repr(BOXED)
