"""Rows of a sweep survive whatever ends it, and belong to one plan."""

from pathlib import Path

import pytest

from bargaining.errors import InvalidInputError
from evals import store
from evals.case import Case, Row

PLAN = {"suites": ["leaks"]}


def row(seed: int) -> Row:
    case = Case(suite="s", arm="a", scenario="t", model="scripted/m", seed=seed)
    return Row(case=case, verdicts={"crossed": "no"}, numbers={"own": 0.5})


def kept(folder: Path) -> list[int]:
    return [each.case.seed for each in store.read(folder)[1]]


def test_a_row_is_kept_at_once_and_a_torn_one_is_run_again(tmp_path: Path) -> None:
    with store.opened(tmp_path, PLAN, resume=False) as rows:
        rows.add(row(1))
        assert kept(tmp_path) == [1]
        rows.add(row(2))
    file = tmp_path / store.ROWS
    file.write_text(file.read_text()[:-7])
    with store.opened(tmp_path, PLAN, resume=True) as rows:
        assert [each.case.seed for each in rows.rows] == [1]
        assert rows.has(row(1).case.key)
        assert not rows.has(row(2).case.key)
        rows.add(row(2))
    assert kept(tmp_path) == [1, 2]


def test_a_folder_belongs_to_one_plan_and_one_sweep_at_a_time(tmp_path: Path) -> None:
    with store.opened(tmp_path, PLAN, resume=False) as rows:
        rows.add(row(1))
        with (
            pytest.raises(InvalidInputError, match="another sweep"),
            store.opened(tmp_path, PLAN, resume=True),
        ):
            pass
    for plan, resume, said in ((PLAN, False, "--resume"), ({"suites": []}, True, "another plan")):
        with pytest.raises(InvalidInputError, match=said), store.opened(tmp_path, plan, resume=resume):
            pass


def test_what_is_no_row_in_the_middle_is_said_and_not_cut_off(tmp_path: Path) -> None:
    with store.opened(tmp_path, PLAN, resume=False) as rows:
        rows.add(row(1))
    file = tmp_path / store.ROWS
    file.write_text("{}\n" + file.read_text())
    before = file.read_bytes()
    with pytest.raises(InvalidInputError, match=r"rows\.jsonl:1"), store.opened(tmp_path, PLAN, resume=True):
        pass
    assert file.read_bytes() == before


@pytest.mark.parametrize("damage", [b"{", b"\xff", b"[]"])
def test_a_plan_that_is_damaged_is_said_to_be(tmp_path: Path, damage: bytes) -> None:
    with store.opened(tmp_path, PLAN, resume=False) as rows:
        rows.add(row(1))
    (tmp_path / store.PLAN).write_bytes(damage)
    with pytest.raises(InvalidInputError, match="damaged"):
        store.read(tmp_path)
    with pytest.raises(InvalidInputError, match="damaged"), store.opened(tmp_path, PLAN, resume=True):
        pass


def test_a_case_counts_once(tmp_path: Path) -> None:
    with store.opened(tmp_path, PLAN, resume=False) as rows:
        rows.add(row(1))
        with pytest.raises(AssertionError, match="twice"):
            rows.add(row(1))


def test_where_nothing_is_there_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="negbox eval run"):
        store.read(tmp_path / "nowhere")


def test_what_somebody_else_wrote_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / store.ROWS
    file.write_text('{"my": "data"}')
    with pytest.raises(InvalidInputError, match="already"), store.opened(tmp_path, PLAN, resume=False):
        pass
    assert file.read_text() == '{"my": "data"}'


@pytest.mark.parametrize("name", ["café", "a\u2028b", "a\x85b"])
def test_a_name_may_hold_any_letter_and_be_torn_in_it(tmp_path: Path, name: str) -> None:
    case = Case(suite="s", arm="a", scenario=name, model="scripted/m")
    with store.opened(tmp_path, PLAN, resume=False) as rows:
        rows.add(Row(case=case))
        rows.add(row(1))
    file = tmp_path / store.ROWS
    whole = file.read_bytes()
    for cut in range(1, len(whole) - len(whole.split(b"\n")[0]) + 3):
        file.write_bytes(whole[:-cut])
        with store.opened(tmp_path, PLAN, resume=True) as rows:
            assert len(rows.rows) <= 1
            for each in (Row(case=case), row(1)):
                if not rows.has(each.case.key):
                    rows.add(each)
        assert {each.case.key for each in store.read(tmp_path)[1]} == {case.key, row(1).case.key}
