"""The report says first whether there is a result, takes its numbers from rows alone, and loads nothing."""

import json
import re
import time
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal

import pytest

from bargaining.errors import InvalidInputError
from delegates.prompt import PromptPack
from delegates.scenario import load
from evals import report
from evals.case import Case, Row
from evals.report import drawing, figures
from evals.suite import Request
from tests.evals.made_up import FAMILIES, STAGE, controls, failed, leaks, sweep


class Page(HTMLParser):
    """What a page holds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.said: list[str] = []
        """The lines at the top."""
        self.blocks: dict[str, str] = {}
        """Style and scripts."""
        self.policy = ""
        self.attributes: set[tuple[str, str]] = set()
        self._in = ""
        self._says = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.attributes |= set(found.items())
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"]
        if found.get("class", "").startswith("says "):
            self.said.append("")
            self._says = True
        self._in = f"{tag} {found.get('type', '')}".strip() if tag in {"style", "script"} else ""

    def handle_endtag(self, tag: str) -> None:
        self._in = ""
        self._says = self._says and tag != "p"

    def handle_data(self, data: str) -> None:
        if self._in:
            self.blocks[self._in] = self.blocks.get(self._in, "") + data
        elif self._says:
            self.said[-1] = " ".join((self.said[-1] + data).split(" ")).replace("\n", " ")


def page(folder: Path) -> Page:
    return Page(report.write(folder).read_text())


def test_the_first_line_says_that_there_is_a_result(tmp_path: Path) -> None:
    found = page(sweep(tmp_path, controls(), leaks({"m": 0.5})))
    assert found.said[0].startswith("leaks: its instruments work: both controls landed.")
    assert "28 negotiations, 0 without a result" in found.said[0]


def test_the_first_line_says_that_a_control_did_not_land(tmp_path: Path) -> None:
    folder = sweep(tmp_path, controls(landed=False), leaks({"m": 0.5}))
    assert "no result, because these controls did not land" in page(folder).said[0]
    assert not json.loads((folder / "report.json").read_text())["suites"][0]["has_result"]


def test_a_suite_whose_controls_have_not_run_has_no_result(tmp_path: Path) -> None:
    assert "no result" in page(sweep(tmp_path, leaks({"m": 0.5}))).said[0]


@pytest.mark.parametrize(("count", "first"), [(1, False), (4, True)])
def test_more_than_five_per_cent_missing_is_said_first(tmp_path: Path, count: int, first: bool) -> None:
    found = page(sweep(tmp_path, controls(), leaks({"m": 0.5}), failed("m", count)))
    assert found.said[0].startswith(f"leaks: {count} of {28 + count} negotiations") == first


def test_controls_do_not_make_less_of_what_is_missing(tmp_path: Path) -> None:
    many = (controls(seed=seed) for seed in range(40))
    found = page(sweep(tmp_path, *many, leaks({"m": 0.5}), failed("m", 2)))
    assert found.said[0].startswith("leaks: 2 of 30 negotiations (6.7 %) have no result.")


def plain(count: int, *unknown: str, side: Literal[0, 1] = 0) -> Iterator[Row]:
    for seed in range(2000, 2000 + count):
        case = Case(
            suite="leaks", arm="guarded", scenario="truck", model="m", attack="direct", side=side, seed=seed
        )
        told = {"said": "no", "leak": "no", "agreed": "yes", "said.fact 1": "no"}
        yield Row.model_validate({"case": case, "verdicts": told | dict.fromkeys(unknown, "unknown")})


def test_a_verdict_that_could_not_be_told_is_said_though_there_is_a_result(tmp_path: Path) -> None:
    folder = sweep(tmp_path, controls(), plain(96), plain(4, "said", "said.fact 1", side=1))
    assert (
        "; in 4 a verdict could not be told (leak: in a reply, before the guard: 4)." in page(folder).said[0]
    )
    folder = sweep(tmp_path, controls(), plain(90), plain(8, "said", side=1), failed("m", 2))
    found = page(folder)
    assert found.said[0].startswith(
        "leaks: 10 of 100 negotiations (10.0 %) have no result, or not all of it: "
        "in 8 a verdict could not be told (leak: in a reply, before the guard: 8)."
    )
    (suite,) = json.loads((folder / "report.json").read_text())["suites"]
    assert (suite["missing"], suite["untold"], suite["unknown"]) == (2, 8, {"said": 8})


def test_grades_and_judge_have_their_labels_among_the_metrics_too(tmp_path: Path) -> None:
    text = report.write(sweep(tmp_path, controls(), plain(3))).read_text()
    assert "leak: the whole secret, guarded <code>leak.guarded.full</code>" in text
    assert "leak: says the judge, guarded <code>leak.guarded.judged</code>" in text
    assert figures.label_of("leak.by.direct") == figures.label_of("deal") == ""


def test_nothing_that_could_be_told_has_no_interval(tmp_path: Path) -> None:
    text = report.write(sweep(tmp_path, controls(), failed("m", 6))).read_text()
    row = re.search(r"<code>leak\.guarded</code>.*?</tr>", text)
    assert row is not None
    assert re.findall(r'data-head="(?:value|n|missing|worst case)">(?:<span>)?([^<]*)', row.group()) == [
        "-", "0", "6", "-",
    ]  # fmt: skip


def test_kept_transcripts_are_said_before_all_else(tmp_path: Path) -> None:
    folder = sweep(tmp_path, controls(), leaks({"m": 0.5}))
    assert "ranscripts" not in page(folder).said[0]
    (folder / "transcripts").mkdir()
    assert page(folder).said[0].startswith("Transcripts are kept")


def test_a_sweep_that_was_cut_off_says_how_much_is_there(tmp_path: Path) -> None:
    folder = sweep(tmp_path, controls(), leaks({"m": 0.5}))
    (folder / "progress.json").write_text(json.dumps({"total": 100, "done": 30, "missing": 0}))
    assert page(folder).said[0].startswith("Not complete: 30 of 100")
    with (folder / "rows.jsonl").open("a") as stream:
        stream.write('{"case": {"suite": "lea')
    assert page(folder).said[0].startswith("Not complete: 30 of 100")
    (folder / "progress.json").write_text("{")
    assert page(folder).said[0].startswith("leaks:")


def test_a_sweep_that_has_just_begun_has_a_report(tmp_path: Path) -> None:
    found = page(sweep(tmp_path))
    assert found.said == ["leaks: no result: none of its controls has been run. "]


def test_where_no_sweep_was_there_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no results are there"):
        report.write(tmp_path)


def test_rates_are_those_of_the_rows_without_controls(tmp_path: Path) -> None:
    found = report.of(sweep(tmp_path, controls(), leaks({"m": 1.0, "n": 0.0}), failed("n", 2)))
    by = {(one.place.model, one.place.arm, one.attack): one for one in found.rates if one.what == "leak"}
    assert "scripted/control" not in {one.place.model for one in found.rates}
    assert (by["m", "unguarded", "all"].found.value, by["m", "unguarded", "all"].found.n) == (1.0, 12)
    assert {attack for model, arm, attack in by if (model, arm) == ("m", "guarded")} == {"all", *FAMILIES}
    silent = by["n", "guarded", "direct"].found
    assert (silent.value, silent.n, silent.missing) == (0.0, 4, 2)
    assert silent.high_worst is not None
    assert silent.high is not None
    assert silent.high_worst > silent.high
    assert {one.what for one in found.rates} == {"said", "leak", "agreed"}
    agreed = {
        (one.place.model, one.place.arm, one.attack): one for one in found.rates if one.what == "agreed"
    }
    assert all(one.deals == agreed[key].found.value for key, one in by.items())


def test_the_arms_are_compared_pair_by_pair(tmp_path: Path) -> None:
    scenarios = [f"s{number}" for number in range(8)]
    found = report.of(sweep(tmp_path, controls("s0"), leaks({"m": 1.0, "n": 0.0}, scenarios=scenarios)))
    by = {(one.model, one.what): one for one in found.differences}
    worse = by["m", "leak"]
    assert (worse.arm, worse.found.value, worse.found.n) == ("guarded - unguarded", -1.0, 8 * 12)
    assert by["n", "leak"].found.value == 0.0
    chances = [one.found.p for one in found.differences if one.found.p is not None]
    assert found.compared == len(chances) == 12
    assert worse.holm == pytest.approx(min(1, len(chances) * min(chances)))


def test_whose_failure_it_is_and_what_it_cost_are_told(tmp_path: Path) -> None:
    found = report.of(sweep(tmp_path, controls(), leaks({"m": 0.5, "n": 0.5}), failed("n", 3)))
    assert found.failures == {"leaks: n": {"model": 3}}
    costs = {one.model: one for one in found.costs}
    assert (costs["m"].negotiations, costs["m"].calls, costs["m"].tokens) == (28, 84, 25200)
    assert costs["m"].usd == pytest.approx(0.28)
    assert costs["n"].usd is None


def test_outcomes_are_by_role_whoever_was_tested(tmp_path: Path) -> None:
    def row(side: Literal[0, 1], seed: int) -> Row:
        case = Case(suite="leaks", arm="guarded", scenario="truck", model="m", side=side, seed=seed)
        return Row(case=case, numbers={"own": 0.75, "other": 0.25})

    (found,) = report.of(sweep(tmp_path, iter([row(0, 0), row(0, 1), row(1, 0)]))).outcomes
    assert {(point.shares, point.count) for point in found.points} == {((0.75, 0.25), 2), ((0.25, 0.75), 1)}
    assert found.roles == ("seller", "buyer")
    assert list(map(list, found.frontier)) == STAGE["frontier"]


def test_the_threat_premium_is_told_of_each_model_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evals.suites.NAMES", ("leaks", "threats"))
    gains = {("m", "threatening"): 0.75, ("n", "threatening"): 0.5}
    rows = (
        Row(
            case=Case(suite="threats", arm=arm, scenario="truck", model=model, seed=seed),
            verdicts={"agreed": "yes"},
            numbers={"own": gains.get((model, arm), 0.5), "other": 0.25},
        )
        for model in ("m", "n")
        for arm in ("plain", "threatening")
        for seed in range(3)
    )
    found = report.of(sweep(tmp_path, rows))
    by = {(one.model, one.what): one.found for one in found.premiums}
    assert (by["m", "premium"].value, by["m", "premium"].n) == (0.25, 3)
    assert by["n", "premium"].value == by["m", "premium.other"].value == 0
    own = next(one for one in found.differences if (one.model, one.what) == ("m", "own"))
    assert (own.arm, own.found.value) == ("threatening - plain", 0.25)


def test_the_page_may_run_its_own_script_only_and_connect_to_nothing(tmp_path: Path) -> None:
    folder = sweep(tmp_path, controls(), leaks({"m": 0.5}))
    text = report.write(folder).read_text()
    found = Page(text)
    for name, block in (("style-src", found.blocks["style"]), ("script-src", found.blocks["script"])):
        assert f"{name} 'sha256-{b64encode(sha256(block.encode()).digest()).decode()}'" in found.policy
    assert found.policy.startswith("default-src 'none'; ")
    assert "connect-src 'none'" in found.policy
    assert "unsafe" not in found.policy
    assert not re.search(r"\bstyle=|\bon\w+=\"|@import|url\(", text)
    loaded = {value for name, value in found.attributes if name in {"src", "href", "action", "srcset"}}
    assert loaded == {"data:,", "#rates"}
    live = Page(report.render(report.of(folder), live=True))
    assert "connect-src 'self'" in live.policy


@pytest.mark.parametrize(
    "name", ["</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}"]
)
def test_a_name_cannot_become_part_of_the_page(tmp_path: Path, name: str) -> None:
    text = report.write(sweep(tmp_path, controls(), leaks({name: 0.5}, prompts=(name,)))).read_text()
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "49" not in Page(text).blocks["script application/json"][:200]
    data = json.loads(Page(text).blocks["script application/json"])
    assert {rate[2] for rate in data["rates"]} == {name}


def test_the_json_has_what_the_page_shows(tmp_path: Path) -> None:
    folder = sweep(tmp_path, controls(), leaks({"m": 0.5}))
    shown = json.loads(page(folder).blocks["script application/json"])["rates"]
    told = json.loads((folder / "report.json").read_text())
    assert told["type"] == "negbox/report/v1"
    assert len(told["rates"]) == len(shown)
    assert told["rates"][0]["found"]["value"] == pytest.approx(shown[0][7], abs=1e-4)
    assert told["complete"]


def test_of_very_many_rows_the_page_stays_small_and_says_what_it_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MOST_RATES", 100)
    monkeypatch.setattr("evals.report.outcomes.MOST_POINTS", 200)
    scenarios = [f"s{number}" for number in range(6)]
    folder = sweep(
        tmp_path,
        *(controls(name) for name in scenarios),
        leaks({"m": 0.5, "n": 0.1}, scenarios=scenarios, seeds=28),
    )
    began = time.process_time()
    text = report.write(folder).read_text()
    assert time.process_time() - began < 10
    assert len(text) < 400_000
    assert "Rates of a family in a single scenario are left out" in text
    found = report.of(folder)
    assert found.negotiations > 2000
    assert sum(len(one.points) for one in found.outcomes) <= 200
    assert all(one.drawn < one.negotiations for one in found.outcomes)
    assert text.count("a sample of ") == 6


def test_a_scenario_tells_what_it_allows_in_shares_of_both_ideals() -> None:
    request = Request(
        models=(),
        against=(),
        prompts={"default": PromptPack.load("default")},
        scenarios={"used-truck": load("used-truck")},
    )
    found = report.stages(request)["used-truck"]
    assert found["roles"] == ["seller", "buyer"]
    assert 2 <= len(found["frontier"]) <= 200
    firsts = [point[0] for point in found["frontier"]]
    seconds = [point[1] for point in found["frontier"]]
    assert firsts == sorted(firsts, reverse=True)
    assert seconds == sorted(seconds)
    assert all(0 < share < 1 for share in found["nash"])
    json.dumps(found)


@pytest.mark.parametrize("span", [(-0.1, 1.1), (-7.0, 1.0), (-1000.0, 1.0)])
def test_an_axis_has_a_few_round_ticks_whatever_is_on_it(span: tuple[float, float]) -> None:
    ticks = drawing.Axis(*span, 0, 400).ticks
    assert 2 <= len(ticks) <= 8
    assert len({text for _, text in ticks}) == len(ticks)
    assert "0" in {text for _, text in ticks}
