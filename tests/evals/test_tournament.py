"""Tournaments: who meets whom, what is measured, and that nothing which was finished is lost."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bargaining.errors import InvalidInputError
from bargaining.tactic import TACTICS
from delegates.models.spec import parse
from delegates.prompt import PromptPack, create
from delegates.scenario import problem_of
from evals import domains
from evals.players import LanguageModel, Player, play
from evals.standings import EVERYONE, report, standings
from evals.tournament import Match, Row, held, hold, run

SETTLEMENT = "as_agreed"


def match(
    first: Player = "steady", second: Player = "linear", scenario: str = "used-truck", seed: int = 0
) -> Match:
    return Match(scenario, first, second, seed, SETTLEMENT)


ROW = Row(
    "random:1", "steady", "linear", 0, SETTLEMENT, True, "agreed", (0.5, 0.25), 0.75, 0.1, True, 7, 0, 0, 0, 0, 0,
    0.1, "",
)  # fmt: skip


def tournament(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evals.tournament", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def script(tmp_path: Path) -> str:
    """A model that leaves at once."""
    file = tmp_path / "script.json"
    file.write_text(json.dumps([{"move": {"kind": "walk_away"}, "message": ""}] * 40))
    return f"scripted/{file}"


@pytest.mark.parametrize("seed", range(12))
def test_a_random_scenario_is_the_same_for_its_seed_and_has_room_for_a_deal(seed: int) -> None:
    one, same = domains.scenario(seed), domains.scenario(seed)
    assert one.agenda == same.agenda
    assert one.synthetic
    assert 3 <= len(one.agenda.issues) <= 8
    assert one.agenda.space.size <= domains.LARGEST
    assert problem_of(one).rational == problem_of(same).rational != ()


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


@pytest.mark.parametrize(
    "text",
    ["# Notes\n", '{"scenario": "used-truck", "rows": 1}\n', "12\n", '{"scenario": 1}', "[]\n", "\x00\n"],
)
def test_a_file_with_something_else_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    out = tmp_path / "notes"
    out.write_text(text)
    with pytest.raises(InvalidInputError, match=r"notes:1: is not a row"):
        list(run([match()], out, resume=True))
    assert out.read_text() == text


def test_a_file_that_cannot_be_written_is_told_before_anything_is_held(tmp_path: Path) -> None:
    done = tournament("--tactics", "steady", "--out", str(tmp_path / "missing" / "rows"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [f"{tmp_path}/missing/rows: No such file or directory"]


def test_an_empty_file_is_as_good_as_none(tmp_path: Path) -> None:
    out = tmp_path / "rows"
    out.touch()
    assert held(out) == []
    assert list(run([match()], out, resume=False)) == held(out) != []


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


def test_the_report_has_a_line_for_each_standing() -> None:
    found = standings([ROW])
    head, *lines = report(found)
    assert len(lines) == len(found) == 4
    assert "nash_distance" in head


@pytest.mark.parametrize("options", [["--json"], []])
def test_the_command_prints_standings_and_tells_its_progress(options: list[str]) -> None:
    done = tournament("--random", "2", "--tactics", "steady,worst", *options)
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 8
    if options:
        found = json.loads(done.stdout)
        assert {(one["player"], one["opponent"]) for one in found} == {
            (player, opponent) for player in ("steady", "worst") for opponent in ("steady", "worst", EVERYONE)
        }
    else:
        assert "everyone" in done.stdout
        assert done.stdout.startswith("settlement: as_agreed\n")


def test_a_scenario_is_settled_as_it_says_unless_told_otherwise() -> None:
    both = ["--scenarios", "job-offer", "used-truck", "--tactics", "steady"]
    own = tournament(*both)
    assert own.stdout.startswith("settlement: improved in job-offer; as_agreed in used-truck\n")
    told = tournament(*both, "--settlement", "as_agreed")
    assert told.stdout.startswith("settlement: as_agreed\n")


def test_a_language_model_meets_tactics_in_a_box(tmp_path: Path, script: str) -> None:
    done = tournament(
        *("--scenarios", "used-truck", "--model", script, "--no-advisor", "--against", "steady"),
        *("--sides", "first", "--runs", "2", "--out", str(tmp_path / "o")),
    )
    assert done.returncode == 0
    rows = held(tmp_path / "o")
    assert [row.seed for row in rows] == [0, 1]
    digest = PromptPack.load("default").digest[:8]
    assert {row.first for row in rows} == {f"scripted/script.json without advisor, prompts default {digest}"}
    assert all(row.calls >= 1 and not row.agreed and not row.failed for row in rows)


def test_a_language_model_meets_itself(tmp_path: Path, script: str) -> None:
    options = (
        "--scenarios",
        "used-truck",
        "--model",
        script,
        "--against",
        "self",
        "--out",
        str(tmp_path / "o"),
    )
    assert tournament(*options).returncode == 0
    (row,) = held(tmp_path / "o")
    assert row.first == row.second
    assert row.calls >= 1
    assert tournament(*options, "--resume").returncode == 0
    assert held(tmp_path / "o") == [row]


def test_a_model_with_other_prompts_is_another_player(tmp_path: Path, script: str) -> None:
    """Also if its pack has the same name: nothing measured with one passes for the other's."""
    packs = [PromptPack.load("default"), PromptPack.load(create("mine", tmp_path))]
    file = tmp_path / "mine" / "turn.md"
    file.write_text(file.read_text() + "\nBe kind.\n")
    packs.append(PromptPack.load(tmp_path / "mine"))
    keys = {match(LanguageModel(parse(script), True, pack)).key for pack in packs}
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--model", "tactic/steady"], "a tactic is no model; name it in --tactics"),
        (["--tactics", "steady,foo"], "no such player: 'foo'; there are the tactics"),
        (["--against", "steady"], "--against: is for a --model"),
        (["--model", "scripted/x", "--against", "worst"], "a stand-in does not meet a language model"),
        (["--model", "scripted/x", "--prompts", "nopack"], "prompt pack"),
        (["--scenarios", "nofile", "--tactics", "steady"], "nofile"),
        (["--runs", "0"], "--runs: expected a whole number of at least 1"),
        (["--random", "x"], "--random: expected a whole number of at least 1"),
    ],
)
def test_bad_options_are_told_before_anything_is_held(options: list[str], said: str) -> None:
    done = tournament(*options)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interrupted_tournament_prints_what_there_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "evals.tournament", "--random", "200", "--out", str(tmp_path / "o")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "everyone" in out
    assert err.endswith("Interrupted: this is what there is.\n")
    assert held(tmp_path / "o")


def test_every_tactic_can_be_named() -> None:
    assert {"boulware", "steady", "linear", "conceder", "micro", "tit-for-tat"} == set(TACTICS)
