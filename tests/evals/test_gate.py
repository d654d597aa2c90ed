"""Gates: what they fail on, what they refuse, and the file that CI reads."""

from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining.errors import InvalidInputError
from evals.gate import Check, checks, junit, parse, require
from evals.statistics import Figure, clustered_rate, mean, proportion
from evals.suite import Control

LANDED, LOST = (
    Control("leaky", landed=True, detail="20 of 20"),
    Control("leaky", landed=False, detail="0 of 20"),
)
RATE = proportion(3, 60, 3)
"""Just below a twentieth is missing."""
METRICS = {
    "leaks": {"leak.rate": RATE, "capture": mean([0.2, 0.4, 0.9])},
    "residue": {"left.rate": proportion(0, 9)},
}
CONTROLS = {"leaks": [LANDED], "residue": [LANDED]}
STARTED = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def outcome(expression: str, figure: Figure = RATE) -> Check:
    return parse(expression).check("leaks", {"leak.rate": figure})


@pytest.mark.parametrize(
    ("expression", "passed"),
    [
        ("leak.rate > 0.05", True),
        ("leak.rate >= 0.05", False),
        ("leak.rate == 0.05", False),
        ("leak.rate < 5e-2", True),
        ("leak.rate <= .05", False),
        ("leak.rate.value>0.04", False),
        ("  leak.rate.ci_high  >  0.1 ", False),
        ("leak.rate.ci_high > 0.2", True),
        ("leak.rate.ci_low > 0.05", True),
        ("leak.rate.worst_high > 0.14", False),
        ("leak.rate.worst_low < 0.02", False),
        ("leak.rate.n < 61", False),
        ("leak.rate.missing > 2", False),
        ("leak.rate.missing > 3", True),
        ("leak.rate > -1", False),
    ],
)
def test_a_gate_fails_when_its_expression_is_true(expression: str, passed: bool) -> None:
    found = outcome(expression)
    assert found.passed == passed
    assert "n = 60" in found.detail


@pytest.mark.parametrize(
    "expression",
    ["", "leak.rate", "leak.rate >", "> 1", "leak.rate > x", "leak.rate > nan", "leak.rate > inf", "leak.rate > 1e999",
     "leak.rate != 0", "leak.rate > 1 and leak.rate < 2", "1 < leak.rate", "leak..rate > 1", "__import__('os') > 1",
     "leak.rate > 1\x00", "leak.rate > 5%", "leak.rate => 1", "leak.rate > ٣", ".rate > 1"],
)  # fmt: skip
def test_what_is_no_expression_is_refused_with_an_example(expression: str) -> None:
    with pytest.raises(InvalidInputError, match=r"leak\.rate\.ci_high > 0\.05") as refused:
        parse(expression)
    assert "\x00" not in str(refused.value)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        gate = parse(text)
    except InvalidInputError:
        return
    assert parse(str(gate)).name == gate.name


def test_a_name_that_no_suite_has_is_refused_with_those_there_are() -> None:
    for expression in (
        "leak.rat > 0",
        "rate > 0",
        "leak.rate.ci_hi > 0",
        "leak > 0",
        "leak.rate.value.value > 0",
    ):
        with pytest.raises(InvalidInputError, match=r"there are: capture, leak\.rate, left\.rate.*\.ci_high"):
            checks([parse(expression)], METRICS, CONTROLS)
        with pytest.raises(InvalidInputError, match=r"no metric"):
            require([parse(expression)], ["leak.rate"])


def test_a_metric_whose_name_ends_like_a_field_is_that_metric() -> None:
    found = parse("cost.n > 1").check("s", {"cost": proportion(1, 1), "cost.n": Figure(5, 5, 5, 3)})
    assert "cost.n is 5 " in found.detail


@pytest.mark.parametrize("field", ["", ".value", ".ci_low", ".ci_high"])
@pytest.mark.parametrize("sign", ["<", ">"])
def test_what_has_no_value_fails_and_says_so(field: str, sign: str) -> None:
    for nothing in (proportion(0, 0, 7), Figure(float("nan"), float("nan"), float("nan"), 0, 7)):
        found = outcome(f"leak.rate{field} {sign} 0.5", nothing)
        assert not found.passed
        assert found.detail == "no value: 7 of 7 missing"


def test_bounds_that_nobody_knows_fail() -> None:
    found = outcome("leak.rate.worst_high > 100", mean([1.0, 2.0, None]))
    assert not found.passed
    assert found.detail == "no value: 1 of 3 missing"


def test_an_interval_of_values_that_are_all_alike_is_none() -> None:
    assert outcome("leak.rate > 0.9", mean([0.5, 0.5])).passed
    found = outcome("leak.rate.ci_high > 0.9", mean([0.5, 0.5]))
    assert not found.passed
    assert "no value: 2 values that are all alike" in found.detail


def test_few_scenarios_are_said() -> None:
    few = outcome("leak.rate > 0.9", clustered_rate({"a": ["yes", "no"], "b": ["no", "no"]}))
    assert few.passed
    assert "only 2 scenarios" in few.detail


@pytest.mark.parametrize("field", ["", ".ci_high", ".ci_low"])
def test_a_gate_on_what_is_missing_for_the_most_part_fails(field: str) -> None:
    much = outcome(f"leak.rate{field} > 0.9", proportion(0, 94, 6))
    assert not much.passed
    assert "6% missing" in much.detail
    assert outcome("leak.rate.worst_high > 0.9", proportion(0, 94, 6)).passed
    assert outcome(f"leak.rate{field} > 0.9", proportion(0, 96, 4)).passed


def test_every_suite_that_has_the_metric_is_held_against_it() -> None:
    metrics = {"a": {"rate": proportion(0, 5)}, "b": {"rate": proportion(5, 5)}, "c": {"x": RATE}}
    found = checks([parse("rate > 0")], metrics, {suite: [LANDED] for suite in "abc"})
    assert [(one.suite, one.passed) for one in found if one.kind == "gate"] == [("a", True), ("b", False)]
    assert [one.suite for one in found if one.kind == "control"] == ["a", "b", "c"]


@pytest.mark.parametrize("controls", [{"leaks": [LANDED, LOST], "residue": [LANDED]}, {"residue": [LANDED]}])
def test_a_suite_without_controls_that_landed_has_no_result(controls: dict[str, list[Control]]) -> None:
    found = checks([parse("leak.rate > 0.9"), parse("left.rate > 0.9")], METRICS, controls)
    gates = {one.suite: one for one in found if one.kind == "gate"}
    assert not gates["leaks"].passed
    assert "no value" in gates["leaks"].detail
    assert gates["residue"].passed
    shown = [one.passed for one in found if one.kind == "control"]
    assert shown == [one.landed for some in controls.values() for one in some]


def test_the_junit_file_has_a_case_for_each_gate_and_control() -> None:
    found = checks([parse("leak.rate.ci_high > 0.05"), parse("left.rate > 0.5")], METRICS, CONTROLS)
    local = STARTED.astimezone(timezone(timedelta(hours=5)))
    root = ElementTree.fromstring(junit(found, local, {"leaks": 12.3456}))
    assert (root.tag, root.attrib) == ("testsuites", {})
    leaks, residue = root
    assert leaks.attrib == {
        "name": "leaks", "package": "negbox", "id": "0", "hostname": "localhost", "timestamp": "2026-01-02T03:04:05",
        "time": "12.346", "tests": "2", "failures": "1", "errors": "0",
    }  # fmt: skip
    assert (residue.get("name"), residue.get("failures"), residue.get("time")) == ("residue", "0", "0.000")
    assert [child.tag for child in leaks] == [
        "properties",
        "testcase",
        "testcase",
        "system-out",
        "system-err",
    ]
    control, gate = leaks.iter("testcase")
    assert control.attrib == {"name": "leaky", "classname": "negbox.leaks.control", "time": "0.000"}
    assert gate.get("name") == "leak.rate.ci_high > 0.05"
    (failure,) = gate
    assert failure.get("type") == "gate"
    assert "leak.rate.ci_high is 0.137" in failure.get("message", "")


@given(st.text(st.characters(codec=None), max_size=30), st.text(st.characters(codec=None), max_size=30))
def test_the_junit_file_can_be_read_whatever_a_name_holds(name: str, detail: str) -> None:
    written = junit([Check(name, "gate", name, passed=False, detail=detail)], STARTED, {})
    (case,) = ElementTree.fromstring(written).iter("testcase")
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in "".join(case.attrib.values()))


def test_nothing_to_check_is_still_a_junit_file() -> None:
    assert list(ElementTree.fromstring(junit([], STARTED, {}))) == []
