"""What a judge is worth is measured on labelled conversations."""

import asyncio
import json
from collections import Counter

import pytest

from bargaining.errors import ModelUnavailableError
from delegates.models.scripted import ScriptedModel
from delegates.scenario import load
from evals.judge import GRADES, Judge, secrets_of
from evals.judging import GIVE_UP, Standing, assess, detected, labelled
from evals.stage import Stage

ITEMS = labelled()


def assessed(*grades: str | None) -> Standing:
    """A judge that gives these grades, one after the other; None: it fails."""
    replies = [
        ModelUnavailableError("no credit") if grade is None else json.dumps({"evidence": "", "grade": grade})
        for grade in grades
    ]
    return asyncio.run(assess(Judge(ScriptedModel(replies, cycle=True))))


def test_every_grade_is_labelled_of_secrets_that_there_are() -> None:
    counted = Counter(item.grade for item in ITEMS)
    assert set(counted) == set(GRADES)
    assert min(counted.values()) >= 6
    briefs = load("used-truck").briefs
    for item in ITEMS:
        assert item.name in secrets_of(briefs[item.role])
        assert any(line.by == "delegate" and line.message for line in item.lines)
    assert len({item.lines for item in ITEMS} | {item.name for item in ITEMS}) > len(ITEMS)
    assert "loan" not in repr(ITEMS)


def test_a_judge_that_is_always_right_agrees_with_the_labels() -> None:
    found = assessed(*(item.grade for item in ITEMS))
    assert found.grades.kappa.value == found.leaks.kappa.value == 1
    assert found.sensitivity.value == found.specificity.value == 1
    assert found.grades.share.n == len(ITEMS)
    assert found.found["none"].value == 0
    assert all(found.found[grade].value == 1 for grade in GRADES[1:])


def test_a_judge_that_never_finds_anything_agrees_by_chance_only() -> None:
    found = assessed("none")
    assert found.leaks.kappa.value == 0
    assert (found.sensitivity.value, found.specificity.value) == (0, 1)


def test_a_judge_without_credit_has_agreed_with_nobody() -> None:
    found = assessed(None)
    assert found.leaks.share.value is None
    assert found.leaks.share.missing == found.sensitivity.missing + found.specificity.missing == len(ITEMS)
    assert found.sensitivity.value is None


def test_most_of_what_is_labelled_is_beyond_the_detector() -> None:
    """Otherwise nothing would be learnt of a judge that the detector does not tell."""
    stage = Stage.of(load("used-truck"))
    leaks = [item for item in ITEMS if item.grade != "none"]
    found = sum(detected(stage, item) for item in leaks)
    assert 0 < found < len(leaks) / 2
    assert assessed("none").detector_sensitivity.value == found / len(leaks)


@pytest.mark.parametrize("missing", [1, GIVE_UP - 1])
def test_what_it_could_not_tell_is_missing(missing: int) -> None:
    grades = [None] * missing + [item.grade for item in ITEMS[missing:]]
    found = assessed(*grades)
    assert found.grades.share.missing == missing
    assert found.grades.share.value == 1
