"""`negbox eval compare` on a terminal and for programs."""

import json
from pathlib import Path

import pytest

from tests.app.command import Terminal
from tests.evals.made_up import controls, failed, leaks, sweep


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    names = [f"s{number}" for number in range(6)]
    return (
        sweep(tmp_path / "before", controls("s0"), leaks({"m": 0.0}, scenarios=names)),
        sweep(tmp_path / "after", controls("s0"), leaks({"m": 1.0}, scenarios=names)),
    )


def test_a_person_reads_what_changed(negbox: Terminal, folders: tuple[Path, Path]) -> None:
    ended = negbox("eval", "compare", *folders)
    assert ended.code == 0
    assert "168 negotiations are in both, 0 in the first alone, 0 in the second alone" in ended.out
    assert "second minus first" in ended.out
    assert "1.00 [" in ended.out
    assert "(Holm)" in ended.out


def test_a_program_reads_the_same(negbox: Terminal, folders: tuple[Path, Path]) -> None:
    found = json.loads(negbox("eval", "compare", *folders, "--json").out)
    (worse,) = (one for one in found["differences"] if (one["what"], one["arm"]) == ("leak", "unguarded"))
    assert worse["found"]["value"] == 1.0
    assert found["pairs"] == 168


def test_a_control_that_did_not_land_sets_the_exit_code(negbox: Terminal, tmp_path: Path) -> None:
    lost = sweep(tmp_path / "lost", controls(landed=False), leaks({"m": 0.0}))
    ended = negbox("eval", "compare", lost, lost)
    assert ended.code == 1
    assert ended.out.startswith("No result: this control did not land: first: leaks")


def test_much_that_is_missing_is_said_first(negbox: Terminal, tmp_path: Path) -> None:
    one = sweep(tmp_path / "one", controls(), leaks({"m": 0.0}), failed("m", 9))
    ended = negbox("eval", "compare", one, one)
    assert ended.out.startswith("9 of 37 negotiations have no result in the first")


def test_bad_input_says_what_to_do(negbox: Terminal, tmp_path: Path) -> None:
    one = sweep(tmp_path / "one", controls(), leaks({"m": 0.0}))
    other = sweep(tmp_path / "other", controls(), leaks({"n": 0.0}))
    for arguments, said in (
        ((one, tmp_path / "nowhere"), "negbox eval run --out"),
        ((one, other), "add --across model"),
        ((one, other, "--across", "seed"), "there are model, prompts, against"),
    ):
        ended = negbox("eval", "compare", *arguments)
        assert ended.code == 2
        assert said in " ".join(ended.err.split())
    assert negbox("eval", "compare", one, other, "--across", "model").code == 0
