"""Tournaments: who meets whom, what is measured, and that nothing which was finished is lost."""

import json
import subprocess
import sys
from dataclasses import replace
from math import isclose
from pathlib import Path

import pytest

from bargaining.errors import InvalidInputError
from bargaining.problem import BargainingProblem
from bargaining.tactic import TACTICS
from delegates.scenario import Scenario
from evals import domains
from evals.players import play
from evals.standings import EVERYONE, mean, rate, report, standings
from evals.tournament import Match, Row, held, hold, run

SETTLEMENT = "as_agreed"


def match(
    first: str = "steady", second: str = "linear", scenario: str = "used-truck", seed: int = 0
) -> Match:
    return Match(scenario, first, second, seed, SETTLEMENT)


ROW = Row(
    "random:1", "steady", "linear", 0, SETTLEMENT, True, "agreed", (0.5, 0.25), 0.75, 0.1, True, 7, 0, 0, 0, 0, 0,
    0.1, "",
)  # fmt: skip


def problem(scenario: Scenario) -> BargainingProblem:
    agenda = scenario.agenda
    bound = {role: scenario.briefs[role].bind(agenda) for role in agenda.roles}
    utilities = {role: utility for role, (utility, _) in bound.items() if utility is not None}
    return BargainingProblem.of(agenda, utilities, {role: mandate for role, (_, mandate) in bound.items()})


@pytest.mark.parametrize("seed", range(12))
def test_a_random_scenario_is_the_same_for_its_seed_and_has_room_for_a_deal(seed: int) -> None:
    one, same = domains.scenario(seed), domains.scenario(seed)
    assert one.agenda == same.agenda
    assert one.synthetic
    assert 3 <= len(one.agenda.issues) <= 8
    assert one.agenda.space.size <= domains.LARGEST
    assert problem(one).rational == problem(same).rational != ()


def test_a_match_is_measured_against_both_briefs() -> None:
    row = hold(match())
    assert row.agreed
    assert row.ending == "agreed"
    assert all(0 <= share <= 1 for share in row.shares)
    assert 0 < row.capture <= 1
    assert row.nash_distance >= 0
    assert 1 <= row.rounds <= 8
    assert row.calls == row.tokens == 0
    assert row.failed == ""


def test_an_improved_settlement_is_efficient() -> None:
    rows = [
        hold(replace(match("conceder", "boulware", name), settlement="improved"))
        for name in ("used-truck", "random:3", "random:5")
    ]
    assert any(row.agreed for row in rows)
    assert all(row.efficient for row in rows if row.agreed)


def test_without_a_deal_nobody_gains() -> None:
    rows = [hold(match("tit-for-tat", "micro", f"random:{seed}")) for seed in range(8)]
    failed = next(row for row in rows if not row.agreed)
    assert sum(failed.shares) == 0
    assert failed.capture == 0
    assert failed.nash_distance > 0
    assert not failed.efficient


@pytest.mark.parametrize("stand_in", ["worst", "random"])
def test_a_stand_in_stays_inside_what_its_advisor_allows(stand_in: str) -> None:
    for seed in range(4):
        scenario = domains.scenario(seed)
        roles = scenario.agenda.roles
        game = play(scenario, {roles[0]: stand_in, roles[1]: "linear"}, seed)
        utility, mandate = scenario.briefs[roles[0]].bind(scenario.agenda)
        assert utility is not None
        assert mandate.reservation is not None
        assert game.terms is None or utility.value(game.terms) >= mandate.reservation
        assert game == play(scenario, {roles[0]: stand_in, roles[1]: "linear"}, seed)


def test_an_unknown_player_is_named_with_those_that_exist() -> None:
    with pytest.raises(InvalidInputError, match=r"no such player.*steady.*worst"):
        hold(match("stedy"))


def test_an_interrupted_tournament_goes_on_where_it_stopped(tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    matches = [match("steady", name) for name in ("linear", "boulware", "conceder")]
    first = next(run(matches, out, resume=False))
    assert held(out) == [first]
    with out.open("a", encoding="utf-8") as stream:
        stream.write('{"scenario": "used-tru')  # it was killed while writing
    with pytest.raises(InvalidInputError, match="--resume"):
        list(run(matches, out, resume=False))
    rows = list(run(matches, out, resume=True))
    assert rows[0] == first
    assert [row.key for row in rows] == [one.key for one in matches]
    assert held(out) == rows
    assert list(run(matches, out, resume=True)) == rows


def test_a_run_that_failed_is_held_again(tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    (row,) = run([match()], out, resume=False)
    failed = replace(row, agreed=False, failed="ModelUnavailableError")
    out.write_text(out.read_text().replace('"failed": ""', '"failed": "ModelUnavailableError"'))
    assert held(out)[0].failed == failed.failed
    (again,) = run([match()], out, resume=True)
    assert again.failed == ""


def test_standings_count_each_side_and_leave_out_what_failed() -> None:
    lost = replace(ROW, first="linear", second="steady", agreed=False, shares=(0.0, 0.0), efficient=False)
    broken = replace(ROW, seed=9, failed="ModelUnavailableError")
    found = {(one.player, one.opponent): one for one in standings([ROW, lost, broken])}
    assert set(found) == {
        (p, o) for p, q in (("steady", "linear"), ("linear", "steady")) for o in (q, EVERYONE)
    }
    steady = found["steady", "linear"]
    assert (steady.games, steady.failed) == (3, 1)
    assert steady.agreement.value == 0.5
    assert steady.own.value == 0.25
    assert steady.frontier.value == 1
    assert found["linear", EVERYONE].own.value == 0.125


def test_a_negotiation_with_oneself_is_one_trial() -> None:
    (own, everyone) = standings([replace(ROW, second="steady")])
    assert own.games == everyone.games == 1
    assert own.own.value == 0.375


def test_intervals_hold_the_value_and_shrink_with_more_of_it() -> None:
    few, many = rate(9, 10), rate(90, 100)
    assert few.value == many.value == 0.9
    assert few.low is not None
    assert many.low is not None
    assert few.low < many.low < 0.9
    assert isclose(few.low, 0.5958, abs_tol=1e-4)  # a textbook value of Wilson's interval
    spread = mean([0.0, 0.5, 1.0, 0.5])
    assert spread.low is not None
    assert spread.high is not None
    assert 0 <= spread.low < 0.5 < spread.high <= 1
    assert mean([0.5]).low == mean([0.5, 0.5]).high == 0.5
    assert mean([]).value is rate(0, 0).value is None


def test_the_report_has_a_line_for_each_standing() -> None:
    found = standings([ROW])
    head, *lines = report(found)
    assert len(lines) == len(found) == 4
    assert "nash_distance" in head


@pytest.mark.parametrize("options", [["--json"], []])
def test_the_command_prints_standings_and_tells_its_progress(options: list[str]) -> None:
    command = [
        sys.executable,
        "-m",
        "evals.tournament",
        "--random",
        "2",
        "--tactics",
        "steady,worst",
        *options,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert len(done.stderr.splitlines()) == 8
    if options:
        found = json.loads(done.stdout)
        assert {(one["player"], one["opponent"]) for one in found} == {
            (player, opponent) for player in ("steady", "worst") for opponent in ("steady", "worst", EVERYONE)
        }
    else:
        assert "everyone" in done.stdout


def test_a_language_model_meets_tactics_in_a_box(tmp_path: Path) -> None:
    replies = [{"move": {"kind": "walk_away"}, "message": ""}] * 40
    script = tmp_path / "script.json"
    script.write_text(json.dumps(replies))
    command = [
        sys.executable, "-m", "evals.tournament", "--scenarios", "used-truck", "--model", f"scripted/{script}",
        "--no-advisor", "--against", "steady", "--sides", "first", "--runs", "2", "--out", str(tmp_path / "o"),
    ]  # fmt: skip
    subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    rows = held(tmp_path / "o")
    assert [row.seed for row in rows] == [0, 1]
    assert {row.first for row in rows} == {"scripted/script.json without advisor"}
    assert all(row.calls >= 1 and not row.agreed and not row.failed for row in rows)


def test_every_tactic_can_be_named() -> None:
    assert {"boulware", "steady", "linear", "conceder", "micro", "tit-for-tat"} == set(TACTICS)
