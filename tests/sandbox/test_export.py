"""What is released, and that nothing else is."""

import json
from typing import Any

import pytest

from bargaining.agreement import Agreement, NoDeal
from bargaining.errors import ExportError
from bargaining.issue import Value
from delegates.scenario import load, shipped
from sandbox.export import agenda_digest, canonical, digest, release, release_size

AGENDA = load("used-truck").agenda
TERMS: dict[str, Value] = {"price": 11000, "handover": "this week", "warranty_months": 3}
CANARY = "canary_7731_heron"


def test_an_agreement_holds_its_terms_its_agenda_and_nothing_else() -> None:
    released = json.loads(release(Agreement(terms=TERMS), AGENDA))
    assert set(released.pop("padding")) <= {"0"}
    assert released == {
        "agenda": agenda_digest(AGENDA),
        "result": "agreement",
        "terms": TERMS,
        "type": "negbox/agreement/v1",
    }


def test_a_no_deal_has_the_same_fields() -> None:
    released = json.loads(release(NoDeal(), AGENDA))
    assert released["result"] == "no_deal"
    assert released["terms"] is None
    assert set(released) == {"agenda", "padding", "result", "terms", "type"}


@pytest.mark.parametrize("name", shipped())
def test_all_results_of_an_agenda_are_equally_long(name: str) -> None:
    agenda = load(name).agenda
    step = max(1, agenda.space.size // 500)
    outcomes = [agenda.space.at(index) for index in range(0, agenda.space.size, step)]
    sizes = {len(release(Agreement(terms=dict(outcome)), agenda)) for outcome in outcomes}
    assert sizes | {len(release(NoDeal(), agenda))} == {release_size(agenda)}


def test_equal_terms_are_equal_bytes_whatever_their_order() -> None:
    turned = dict(reversed(TERMS.items()))
    assert release(Agreement(terms=turned), AGENDA) == release(Agreement(terms=TERMS), AGENDA)


@pytest.mark.parametrize(
    "change",
    [
        {"price": 11050},
        {"price": "11000"},
        {"price": True},
        {"price": 99999},
        {"handover": CANARY},
        {CANARY: 1},
        {"warranty_months": None},
    ],
)
def test_a_result_off_the_agenda_is_not_released_and_not_repeated(change: dict[str, object]) -> None:
    terms: Any = {**TERMS, **change}
    result = Agreement.model_construct(terms=terms)  # unchecked: what must not be
    with pytest.raises(ExportError) as caught:
        release(result, AGENDA)
    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None


def test_missing_terms_are_not_released() -> None:
    with pytest.raises(ExportError):
        release(Agreement(terms={"price": 11000}), AGENDA)


def test_canonical_json_is_sorted_compact_and_ends_with_a_newline() -> None:
    assert canonical({"b": 1, "a": "é"}) == '{"a":"é","b":1}\n'.encode()


def test_a_digest_says_which_it_is() -> None:
    assert digest(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_another_agenda_has_another_digest() -> None:
    assert agenda_digest(AGENDA) != agenda_digest(load("job-offer").agenda)
    assert agenda_digest(AGENDA) == agenda_digest(load("used-truck").agenda)
