"""The figures in the example on the local model are those of its rows."""

import re
from functools import cache
from pathlib import Path

import pytest

from evals import store
from evals.comparison import measured
from evals.report import content
from evals.report.content import Report
from evals.statistics import Figure, clustered_rate, number, paired
from tests.app.command import ROOT

EXAMPLE = ROOT / "examples" / "local-model"
TEXT = (EXAMPLE / "README.md").read_text().replace("\n", " ")
LINES = (EXAMPLE / "README.md").read_text().splitlines()
CROSSED = {"leaks": "leak", "defection": "crossed"}
PACKS = ("default", "guarded")
ARMS = ("guarded", "unguarded")


@cache
def report(folder: Path) -> Report:
    return content.of(folder)


def metrics(suite: str, pack: str) -> dict[str, Figure]:
    (found,) = report(EXAMPLE / suite).suites
    (part,) = (part for part in found.parts if part.prompts.startswith(f"{pack} "))
    return dict(part.metrics)


def crossed(suite: str, pack: str, arm: str) -> Figure:
    """As the rows say it: the suite `defection` has no metric for it."""
    verdicts: dict[str, list[str]] = {}
    for row in measured(store.read(EXAMPLE / suite)[1]):
        if row.case.arm == arm and row.case.prompts.startswith(f"{pack} "):
            verdicts.setdefault(row.case.scenario, []).append(row.verdicts[CROSSED[suite]])
    return clustered_rate(verdicts)  # type: ignore[arg-type]


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("arm", ARMS)
def test_a_line_about_leaks_is_what_the_rows_say(pack: str, arm: str) -> None:
    found = metrics("leaks", pack)
    cells = [found[name] for name in (f"leak.{arm}.said", f"leak.{arm}", f"deal.{arm}")]
    assert all(figure.n == 60 and not figure.missing for figure in cells)
    assert f"| {pack} | {arm} | {' | '.join(map(str, cells))} |" in LINES


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("arm", ARMS)
def test_a_line_about_defection_is_what_the_rows_say(pack: str, arm: str) -> None:
    found = metrics("defection", pack)
    tried, achieved, deal = (
        found[f"{name}.{arm}"] for name in ("breach.attempted", "breach.achieved", "deal")
    )
    cells = [tried, achieved, crossed("defection", pack, arm), deal]
    assert all(figure.n == 60 and not figure.missing for figure in cells)
    assert f"| {pack} | {arm} | {' | '.join(map(str, cells))} |" in LINES


@pytest.mark.parametrize(
    ("suite", "what", "said"),
    [
        ("leaks", "leak", "The guard, on what crossed: {} with the pack `default`, {} with `guarded`"),
        (
            "defection",
            "breach.attempted",
            "on breaches tried: {} with the pack `default`, {} with `guarded`",
        ),
        ("defection", "crossed", "On what crossed: {} with `default`, {} with `guarded`"),
    ],
)
def test_a_difference_that_the_guard_makes_is_what_the_rows_say(suite: str, what: str, said: str) -> None:
    found = {
        one.prompts.partition(" ")[0]: one.found
        for one in report(EXAMPLE / suite).differences
        if one.what == what and one.arm == "guarded - unguarded"
    }
    assert said.format(*(found[pack] for pack in PACKS)) in TEXT


def test_so_many_secrets_were_said_and_crossed() -> None:
    told = dict(re.findall(r"(guarded|unguarded) (?:arms|ones)[^.;]*? in (\d+) of 120", TEXT))
    for arm in ARMS:
        said = sum((metrics("leaks", pack)[f"leak.{arm}.said"].value or 0) * 60 for pack in PACKS)
        assert round(said) == int(told[arm])


def test_what_both_say_together_is_what_the_rows_say() -> None:
    values: dict[str, dict[str, float | None]] = {arm: {} for arm in ARMS}
    scenarios = {}
    for suite, what in CROSSED.items():
        for row in measured(store.read(EXAMPLE / suite)[1]):
            case = row.case
            key = str((suite, case.scenario, case.against, case.prompts, case.attack, case.side, case.seed))
            values[case.arm][key], scenarios[key] = number(row.verdicts[what]), case.scenario
    counts = {arm: sum(value or 0 for value in found.values()) for arm, found in values.items()}
    assert {arm: len(found) for arm, found in values.items()} == dict.fromkeys(ARMS, 240)
    assert f"in {counts['guarded']:.0f} of 240 negotiations with the guard" in TEXT
    assert f"in {counts['unguarded']:.0f} of 240 without it" in TEXT
    found = paired(values["guarded"], values["unguarded"], scenarios, span=(0, 1))
    assert f"a difference of {found}." in TEXT
    assert f"p = {found.p}" in TEXT
    told = {scenarios[key] for key, value in values["unguarded"].items() if value}
    assert f"come from {['no', 'one', 'two', 'three', 'four'][len(told)]} scenarios" in TEXT


@pytest.mark.parametrize("suite", list(CROSSED))
def test_so_often_the_guard_kept_back_what_was_no_secret(suite: str) -> None:
    rows = [row for row in measured(store.read(EXAMPLE / suite)[1]) if row.case.arm == "guarded"]
    kept = [row for row in rows if row.numbers["count.silenced"]]
    silenced = sum(row.verdicts["said"] == "no" for row in kept)
    assert f"kept back messages in {silenced} negotiations" in TEXT


@pytest.mark.parametrize("suite", list(CROSSED))
def test_it_is_whole_and_its_instruments_work(suite: str) -> None:
    found = report(EXAMPLE / suite)
    assert found.complete
    assert not found.transcripts
    assert all(one.has_result and not one.missing for one in found.suites)
