"""Many seeds: the table counts what happened."""

from delegates.models.spec import parse
from delegates.prompt import PromptPack
from delegates.scenario import load
from evals.seeds import run, table


def test_runs_are_counted() -> None:
    scenario, pack = load("used-truck"), PromptPack.load("default")
    rows = [run(scenario, parse(f"tactic/{name}"), pack, 0, advised=True) for name in ("boulware", "linear")]
    assert all(row.agreed and row.terms and row.calls == 0 for row in rows)
    assert all(share is not None and 0 <= share <= 1 for row in rows for share in row.shares)
    *_, last = table(rows, scenario.agenda.roles)
    assert last.startswith("2 of 2 agreed")


def test_without_any_run_there_is_only_a_heading() -> None:
    assert len(list(table([], ("seller", "buyer")))) == 1
