"""Two sweeps are paired case by case, and never where that would mislead."""

import json
from pathlib import Path

import pytest

from bargaining.errors import InvalidInputError
from evals import store
from evals.case import Case, Row
from evals.comparison import Comparison, Difference, compare, plain
from tests.evals.made_up import controls, failed, leaks, sweep

TWELVE = [f"scenario-{number}" for number in range(12)]


def of(found: Comparison, what: str, arm: str) -> Difference:
    (one,) = (one for one in found.differences if (one.what, one.arm) == (what, arm))
    return one


def changed(folder: Path, change: dict[str, str]) -> None:
    """Another value of a field of every case."""
    file = folder / store.ROWS
    rows = [Row.model_validate_json(line) for line in file.read_text().splitlines()]
    file.write_text(
        "".join(
            row.model_copy(update={"case": row.case.model_copy(update=change)}).model_dump_json() + "\n"
            for row in rows
        )
    )


def test_a_sweep_does_not_differ_from_itself(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "one", controls(), leaks({"m": 0.5}))
    found = compare(folder, folder)
    assert (found.pairs, found.only, found.missing, found.lost) == (28, (0, 0), (0, 0), ())
    assert {one.found.value for one in found.differences} == {0.0}
    assert {one.what for one in found.differences} == {"said", "leak", "agreed", "own", "other", "capture"}


def test_numbers_that_measure_nothing_are_not_compared(tmp_path: Path) -> None:
    """Which outcome it was is neither more nor less of anything."""
    indices = {
        "secret": 3.0,
        "outcome": 17.0,
        "place.1": 4.0,
        "ideal": 9.0,
        "outcome.coarse": 2.0,
        "messages": 4.0,
    }
    measures = {
        "own": 0.5,
        "loss.nash": 0.1,
        "loss.pareto": 0.2,
        "nash_distance": 0.3,
        "rounds": 4.0,
        "bits": 1.0,
    }
    rows = [
        Row(
            case=Case(suite="outcome", arm="measured", scenario=name, model="m", attack="value 4", seed=seed),
            numbers={**indices, **measures, "count.turns": 8.0},
        )
        for name in TWELVE
        for seed in (0, 1)
    ]
    folder = sweep(tmp_path / "one", iter(rows))
    found = compare(folder, folder)
    assert {one.what for one in found.differences} == set(measures)
    assert found.compared == len(measures)


def test_what_got_worse_is_above_zero_with_its_chance_corrected(tmp_path: Path) -> None:
    before = sweep(tmp_path / "before", controls(), leaks({"m": 0.0}, scenarios=TWELVE, families=("direct",)))
    after = sweep(tmp_path / "after", controls(), leaks({"m": 1.0}, scenarios=TWELVE, families=("direct",)))
    found = compare(before, after)
    worse = of(found, "leak", "unguarded")
    assert (worse.found.value, worse.found.n, worse.found.clusters) == (1.0, 48, 12)
    assert worse.found.p is not None
    assert worse.holm is not None
    assert worse.found.p < worse.holm < 0.05
    assert of(found, "leak", "guarded").found.value == 0
    assert found.compared > 5


def test_what_is_in_one_alone_is_counted_and_in_no_difference(tmp_path: Path) -> None:
    one = sweep(tmp_path / "one", controls(), leaks({"m": 1.0}, seeds=5))
    other = sweep(tmp_path / "other", controls(), leaks({"m": 1.0, "n": 1.0}, seeds=4))
    found = compare(one, other)
    assert (found.pairs, found.only) == (28, (7, 28))
    assert {one.model for one in found.differences} == {"m"}


def test_a_pair_without_a_result_is_missing_and_no_zero(tmp_path: Path) -> None:
    one = sweep(tmp_path / "one", controls(), failed("m", 6))
    found = compare(one, one)
    assert found.missing == (6, 6)
    crossed = of(found, "leak", "guarded").found
    assert (crossed.value, crossed.n, crossed.missing) == (None, 0, 6)


def test_scenarios_that_are_not_the_same_are_refused_unless_it_is_said(tmp_path: Path) -> None:
    one = sweep(tmp_path / "one", controls(), leaks({"m": 1.0}))
    other = sweep(
        tmp_path / "other", controls(), leaks({"m": 1.0}), plan={"scenarios": {"truck": "sha256:2"}}
    )
    with pytest.raises(InvalidInputError, match=r"truck.*--changed-scenarios"):
        compare(one, other)
    assert compare(one, other, changed_scenarios=True).pairs == 28


def test_two_prompt_packs_are_paired_when_it_is_asked_for(tmp_path: Path) -> None:
    one = sweep(tmp_path / "one", controls(), leaks({"m": 1.0}, prompts=("default 1",)))
    other = sweep(tmp_path / "other", controls(), leaks({"m": 1.0}, prompts=("default 2",)))
    with pytest.raises(InvalidInputError, match="differ in prompts; add --across prompts"):
        compare(one, other)
    assert compare(one, other, across=["prompts"]).pairs == 28


def test_what_could_be_paired_in_two_ways_is_refused(tmp_path: Path) -> None:
    one = sweep(tmp_path / "one", controls(), leaks({"m": 1.0, "n": 1.0}))
    with pytest.raises(InvalidInputError, match="differ only in model"):
        compare(one, one, across=["model"])


def test_sweeps_with_nothing_in_common_say_in_what_they_differ(tmp_path: Path) -> None:
    one = sweep(tmp_path / "one", controls(), leaks({"m": 1.0}))
    other = sweep(tmp_path / "other", controls("office"), leaks({"n": 1.0}, scenarios=("office",)))
    with pytest.raises(InvalidInputError, match="they differ in scenario, model; run the same cases"):
        compare(one, other)


def test_only_some_fields_can_be_left_out(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="there are model, prompts, against"):
        compare(tmp_path, tmp_path, across=["seed"])


def test_a_control_that_did_not_land_is_told(tmp_path: Path) -> None:
    one = sweep(tmp_path / "one", controls(), leaks({"m": 1.0}))
    other = sweep(tmp_path / "other", controls(landed=False), leaks({"m": 1.0}))
    (lost,) = compare(one, other).lost
    assert lost.startswith("second: leaks: ")
    assert "0 of 1" in lost


def test_a_suite_of_another_version_is_compared_all_the_same(tmp_path: Path) -> None:
    one = sweep(tmp_path / "one", leaks({"m": 1.0}))
    changed(one, {"suite": "of another version"})
    found = compare(one, one)
    assert found.pairs == 28
    assert [lost.partition(": it is not known")[0] for lost in found.lost] == [
        "first: of another version",
        "second: of another version",
    ]


def test_details_of_a_verdict_are_no_verdicts_of_their_own() -> None:
    assert plain(["said", "said.fact 1", "breach.attempted"]) == ["said", "breach.attempted"]


def test_a_comparison_can_be_written_as_json(tmp_path: Path) -> None:
    from dataclasses import asdict

    one = sweep(tmp_path / "one", controls(), leaks({"m": 0.5}))
    assert json.loads(json.dumps(asdict(compare(one, one))))["pairs"] == 28
