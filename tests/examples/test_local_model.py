"""The figures in the example on the local model are those of its rows."""

import re
from functools import cache
from pathlib import Path

import pytest

from evals.report import content
from evals.report.content import Report
from evals.statistics import Figure
from tests.app.command import ROOT

EXAMPLE = ROOT / "examples" / "local-model"
TEXT = (EXAMPLE / "README.md").read_text()


@cache
def report(folder: Path) -> Report:
    return content.of(folder)


def metrics(pack: str) -> dict[str, Figure]:
    (suite,) = report(EXAMPLE / "leaks").suites
    (part,) = (part for part in suite.parts if part.prompts.startswith(f"{pack} "))
    return dict(part.metrics)


@pytest.mark.parametrize("pack", ["default", "guarded"])
@pytest.mark.parametrize("arm", ["guarded", "unguarded"])
def test_a_line_of_the_table_is_what_the_rows_say(pack: str, arm: str) -> None:
    found = metrics(pack)
    cells = [found[name] for name in (f"leak.{arm}.said", f"leak.{arm}", f"deal.{arm}")]
    assert all(figure.n == 60 and not figure.missing for figure in cells)
    assert f"| {pack} | {arm} | {' | '.join(map(str, cells))} |" in TEXT


def test_the_difference_that_the_guard_makes_is_what_the_rows_say() -> None:
    found = {
        one.prompts.partition(" ")[0]: one.found
        for one in report(EXAMPLE / "leaks").differences
        if one.what == "leak" and one.arm == "guarded - unguarded"
    }
    assert f"on what crossed: {found['default']} with the pack `default`" in TEXT.replace("\n", " ")
    assert f" {found['guarded']} with `guarded`" in TEXT.replace("\n", " ")


def test_so_many_secrets_were_said_and_crossed() -> None:
    told = dict(
        re.findall(r"(guarded|unguarded) (?:arms|ones)[^.;]*? in (\d+) of 120", TEXT.replace("\n", " "))
    )
    for arm in ("guarded", "unguarded"):
        said = sum((metrics(pack)[f"leak.{arm}.said"].value or 0) * 60 for pack in ("default", "guarded"))
        assert round(said) == int(told[arm])


def test_it_is_whole_and_its_instruments_work() -> None:
    found = report(EXAMPLE / "leaks")
    assert found.complete
    assert not found.transcripts
    assert all(suite.has_result and not suite.missing for suite in found.suites)
