"""A brief stays where it is: not shown, not pickled, not copied, not echoed."""

import copy
import io
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.pretty import Pretty, pretty_repr

from bargaining.errors import InvalidInputError
from bargaining.mandate import Mandate
from delegates.brief import Brief, Fact
from delegates.scenario import load, shipped
from tests.delegates.sale import BRIEF, brief

CANARY = "canary-7731-heron"
SECRET = brief(narrative=CANARY, outside_options=[CANARY], facts=[{"text": CANARY, "disclosure": "never"}])


class Envelope(BaseModel):
    """A model that somebody puts a brief into."""

    brief: Brief


def test_no_representation_shows_anything() -> None:
    assert repr(SECRET) == str(SECRET) == f"{SECRET}" == "<Brief: redacted>"
    assert repr(SECRET.facts[0]) == "<Fact: redacted>"
    for holder in ([SECRET], {"brief": SECRET}, Envelope(brief=SECRET), (SECRET.mandate, SECRET.preferences)):
        assert CANARY not in repr(holder)
        assert "1873" not in repr(holder)


def test_rich_does_not_show_it() -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=200)
    console.print(SECRET, [SECRET], {"brief": Envelope(brief=SECRET)}, Pretty(SECRET))
    console.print(pretty_repr([SECRET]))
    assert CANARY not in screen.getvalue()
    assert "1873" not in screen.getvalue()


@pytest.mark.parametrize("part", [BRIEF, BRIEF.facts[0], BRIEF.mandate, BRIEF.preferences])
def test_no_part_can_be_pickled_or_copied(part: BaseModel) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(part, protocol)
    for duplicate in (copy.copy, copy.deepcopy, type(part).model_copy):
        with pytest.raises(TypeError, match="cannot be copied"):
            duplicate(part)
    with pytest.raises(TypeError, match="cannot be copied"):
        copy.deepcopy({"state": [part]})


def test_it_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen") as caught:
        SECRET.narrative = "other"  # type: ignore[misc]  # what the test is about
    assert CANARY not in str(caught.value)


def test_narrative_and_mandate_are_enough() -> None:
    made = Brief.model_validate({"narrative": "I sell.", "mandate": {}})
    assert made.preferences is None
    assert made.facts == ()
    assert made.outside_options == ()


WRONG: dict[str, dict[str, Any]] = {
    "unknown field": {CANARY: CANARY},
    "narrative": {"narrative": [CANARY]},
    "empty narrative": {"narrative": ""},
    "long narrative": {"narrative": CANARY * 2000},
    "disclosure": {"facts": [{"text": CANARY, "disclosure": CANARY}]},
    "no disclosure": {"facts": [{"text": CANARY}]},
    "fact that is text": {"facts": [CANARY]},
    "keyword": {"facts": [{"text": CANARY, "disclosure": "never", "keywords": [{CANARY: 1}]}]},
    "outside option": {"outside_options": [{CANARY: CANARY}]},
    "mandate": {"mandate": CANARY},
    "condition": {"mandate": {"conditions": [{CANARY: CANARY}]}},
    "bound": {"mandate": {"conditions": [{"at_least": {CANARY: CANARY}}]}},
    "reservation value": {"mandate": {"reservation_value": CANARY}},
    "limits": {"mandate": {"limits": {"tokens": CANARY}}},
    "preferences": {"preferences": {"issues": {CANARY: {"points": {CANARY: CANARY}}}}},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_an_error_never_echoes_what_was_given(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        brief(**change)
    shown = f"{caught.value} {caught.value!r} {caught.value.errors()} {caught.value.json()}"
    assert CANARY not in shown
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("disclosure", ["never", "if_asked", "free"])
def test_a_fact_has_one_of_three_disclosures(disclosure: str) -> None:
    assert Fact.model_validate({"text": "x", "disclosure": disclosure}).disclosure == disclosure


@pytest.mark.parametrize("name", shipped())
def test_a_brief_is_the_same_after_it_was_written_and_read(name: str) -> None:
    for told in load(name).briefs.values():
        assert Brief.from_yaml(told.to_yaml()) == told


@pytest.mark.parametrize(
    "text", ["", "narrative: canary-31", "[canary-31]", "{canary-31", "a: canary-31\n---\nb: 1"]
)
def test_what_is_no_brief_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Brief.from_yaml(text)
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


@given(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\n\x85\u2028\ufeff"), min_size=1
    )
)
def test_whatever_a_brief_says_survives_being_written(text: str) -> None:
    told = Brief(narrative=text, mandate=Mandate(), outside_options=(text,))
    assert Brief.from_yaml(told.to_yaml()) == told


@pytest.mark.parametrize("text", ["10." + 32 * "7", "1/3", "0.1", "-5", "12345678901234567890.5"])
def test_whatever_number_was_read_can_be_read_again(text: str) -> None:
    told = Brief.from_yaml(f"narrative: I sell.\nmandate: {{reservation_value: '{text}'}}")
    assert Brief.from_yaml(told.to_yaml()) == told
