"""All cases are run once, as many at a time as a provider takes, and what is done is kept."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from evals import store
from evals.case import Case, Row
from evals.statistics import Figure
from evals.store import Store
from evals.suite import Control, Request
from evals.sweep import Lanes, Standing, here, sweep

CASES = [Case(suite="s", arm="a", scenario="t", model="scripted/m", seed=seed) for seed in range(40)]
REQUEST = Request((), {}, {})


class Busy:
    """A suite that only counts who is in it."""

    name, about, boxed = "s", "nothing", True

    def __init__(self, usd: float = 0.0) -> None:
        self.ran: list[int] = []
        self.most = self._now = 0
        self._usd = usd

    def cases(self, request: Request) -> Sequence[Case]:
        return CASES

    async def run(self, case: Case, request: Request) -> Row:
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(0)
        self._now -= 1
        self.ran.append(case.seed)
        return Row(case=case, usd=self._usd)

    def metrics(self, rows: Sequence[Row]) -> Mapping[str, Figure]:
        return {}

    def controls(self, rows: Sequence[Row]) -> Sequence[Control]:
        return ()


def test_a_killed_sweep_goes_on_where_it_stopped(tmp_path: Path) -> None:
    first, second = Busy(), Busy()

    async def cut_off(rows: Store) -> None:
        def observe(standing: Standing) -> None:
            if standing.done == 15:
                raise KeyboardInterrupt

        await sweep(CASES, here({"s": first}, REQUEST), rows, concurrency=4, observe=observe)

    with pytest.raises(KeyboardInterrupt), store.opened(tmp_path, {}, resume=False) as rows:
        asyncio.run(cut_off(rows))
    done = {row.case.seed for row in store.read(tmp_path)[1]}
    assert 15 <= len(done) < len(CASES)
    with store.opened(tmp_path, {}, resume=True) as rows:
        standing = asyncio.run(sweep(CASES, here({"s": second}, REQUEST), rows, concurrency=4))
    assert standing.done == len(CASES)
    assert sorted([*done, *second.ran]) == list(range(len(CASES)))


def test_no_more_run_at_a_time_than_asked_for(tmp_path: Path) -> None:
    suite = Busy()
    with store.opened(tmp_path, {}, resume=False) as rows:
        asyncio.run(sweep(CASES, here({"s": suite}, REQUEST), rows, concurrency=3))
    assert suite.most == 3


def test_nothing_is_begun_once_the_money_is_spent(tmp_path: Path) -> None:
    suite = Busy(usd=1.0)
    with store.opened(tmp_path, {}, resume=False) as rows:
        asyncio.run(sweep(CASES, here({"s": suite}, REQUEST), rows, concurrency=1, most_usd=5))
    assert len(suite.ran) == 5


def test_a_busy_provider_is_asked_half_as_often_and_then_slowly_more() -> None:
    async def go() -> list[int]:
        lanes, widths = Lanes(8), []
        for busy in (True, True, *[False] * 8):
            await lanes.enter("openai")
            await lanes.leave("openai", busy=busy)
            widths.append(lanes.width("openai"))
        assert lanes.width("anthropic") == 8
        return widths

    assert asyncio.run(go()) == [4, 2, *[2] * 7, 3]


def test_an_embedded_engine_is_met_by_one_at_a_time_too(tmp_path: Path) -> None:
    suite = Busy()
    cases = [case.model_copy(update={"model": "openai/m", "against": "local/w"}) for case in CASES]
    with store.opened(tmp_path, {}, resume=False) as rows:
        asyncio.run(sweep(cases, here({"s": suite}, REQUEST), rows, concurrency=8))
    assert suite.most == 1
    assert len(suite.ran) == len(cases)


def test_what_a_suite_did_not_foresee_is_no_result_and_ends_no_sweep(tmp_path: Path) -> None:
    class Failing(Busy):
        async def run(self, case: Case, request: Request) -> Row:
            if case.seed == 3:
                raise ZeroDivisionError("a brief could be in here")
            return await super().run(case, request)

    with store.opened(tmp_path, {}, resume=False) as rows:
        asyncio.run(sweep(CASES, here({"s": Failing()}, REQUEST), rows, concurrency=4))
        found = {row.case.seed: row.missing for row in rows.rows}
    assert len(found) == len(CASES)
    assert [seed for seed, missing in found.items() if missing] == [3]
    assert found[3] == "unforeseen"
    assert "could be in here" not in (tmp_path / store.ROWS).read_text()
