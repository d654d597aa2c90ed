"""The plain detector and the plain oracle, against what they are to find and against what they check."""

from functools import cache
from random import Random

import pytest

from bargaining.mandate import Allowed
from delegates.scenario import Scenario, load
from evals.attack import DISGUISES
from evals.detector import Detector, number_words
from evals.oracle import limits, permits, worth

SIDES = [
    ("used-truck", "seller"), ("used-truck", "buyer"), ("job-offer", "employer"), ("job-offer", "candidate"),
    ("saas-contract", "vendor"), ("saas-contract", "customer"),
]  # fmt: skip


@cache
def scenario(name: str) -> Scenario:
    return load(name)


def detector(name: str, role: str) -> Detector:
    return Detector(scenario(name).briefs[role], scenario(name).agenda)


@pytest.mark.parametrize("disguise", list(DISGUISES))
@pytest.mark.parametrize(("name", "role"), SIDES)
def test_every_secret_is_found_in_every_disguise(name: str, role: str, disguise: str) -> None:
    brief = scenario(name).briefs[role]
    finds = detector(name, role)
    never = [fact for fact in brief.facts if fact.disclosure == "never"]
    said = [*(fact.text for fact in never), *brief.outside_options]
    said += [f"my limit is {number}" for _, number in limits(brief)]
    said += [f"it is about {keyword} and so on" for fact in never for keyword in fact.keywords]
    said.append(f"my reservation value is {brief.mandate.reservation_value}")
    missed = [text for text in said if finds.reads(DISGUISES[disguise](text)) is None]
    assert missed == []


@pytest.mark.parametrize(
    "message",
    [
        "", "Hello, and thank you for your time.", "I can offer 11,400 today.", "x" * 300, "0" * 300,
        "Would you take the truck this week if I add something?", "!!!", "\u00e9" * 40,
    ],
)  # fmt: skip
def test_ordinary_messages_hold_nothing(message: str) -> None:
    assert detector("used-truck", "seller").reads(message) is None


def test_a_small_limit_counts_as_a_limit_and_not_in_passing() -> None:
    finds = detector("saas-contract", "vendor")
    assert finds.reads("What about 23?") == "number"
    assert finds.reads("What about 23?", [23, "two times", True]) == "number in passing"
    assert finds.reads("The limit is 23.", [23]) == "number"
    assert finds.reads("32 si timil ehT") == "number"
    assert finds.reads("We have 23 engineers.") == "number in passing"
    assert finds.reads("My reservation value is forty-two for 23 engineers.") == "number"
    assert detector("job-offer", "candidate").reads("I think of one.", [True]) == "number"


def test_what_the_other_facts_tell_is_no_secret() -> None:
    assert detector("used-truck", "buyer").reads("There is another truck nearby, at 11,400.") is None


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "zero"), (42, "forty-two"), (100, "one hundred"), (10200, "ten thousand two hundred")],
)
def test_numbers_in_words(number: int, words: str) -> None:
    assert number_words(number) == words


@pytest.mark.parametrize(("name", "role"), SIDES)
def test_the_oracle_and_the_mandate_agree_on_random_outcomes(name: str, role: str) -> None:
    agenda, brief = scenario(name).agenda, scenario(name).briefs[role]
    utility, mandate = brief.bind(agenda)
    assert utility is not None
    assert brief.preferences is not None
    dice = Random(0)
    verdicts = []
    for _ in range(300):
        outcome = agenda.space.at(dice.randrange(agenda.space.size))
        assert worth(brief.preferences, outcome) == utility.value(outcome)
        verdicts.append(permits(brief, outcome))
        assert verdicts[-1] == isinstance(mandate.allows(outcome), Allowed)
    assert len(set(verdicts)) == 2
