"""The suite `outcome` finds what agreements tell of a reservation value, to the bit where a script decides it."""

import asyncio
from collections.abc import Sequence
from math import log2

import pytest

from bargaining.errors import ModelUnavailableError
from delegates.models.scripted import Reply, ScriptedModel
from delegates.models.spec import parse
from delegates.prompt import PromptPack
from delegates.scenario import load
from evals import attack
from evals.case import Row
from evals.stage import Stage
from evals.suite import Request
from evals.suites.outcome import MEASURED, MUTE, SECRETS, SUITE, TELLING
from evals.variants import NO_DEAL, codes, placed, reservations, with_reservation

TRUCK = load("used-truck")
ACCEPTS = attack.accept()
PACK = {"default 1": PromptPack.load("default")}


def request(*replies: Reply, coarsen: int = 1, epochs: int = 1) -> Request:
    return Request(
        models=[parse("scripted/test")],
        prompts=PACK,
        scenarios={"used-truck": TRUCK},
        coarsen=coarsen,
        epochs=epochs,
        open=lambda spec, seed: ScriptedModel(replies, cycle=True),
    )


def run(asked: Request, *arms: str, sides: Sequence[int] = (0, 1)) -> list[Row]:
    async def go() -> list[Row]:
        cases = [case for case in SUITE.cases(asked) if case.arm in arms and case.side in sides]
        return [await SUITE.run(case, asked) for case in cases]

    return asyncio.run(go())


@pytest.fixture(scope="module")
def controls() -> list[Row]:
    """Models that say what they are told to, whatever their value."""
    return run(request(ACCEPTS, coarsen=5), TELLING, MUTE)


@pytest.fixture(scope="module")
def agreeable() -> list[Row]:
    """A model that accepts whatever its guard lets it: the guard tells."""
    return run(request(ACCEPTS, coarsen=20), MEASURED, sides=(1,))


def test_sixteen_negotiations_an_epoch_and_scenario_but_never_one_seed_alone() -> None:
    for epochs, seeds in ((1, 2), (2, 2), (3, 3)):
        cases = [case for case in SUITE.cases(request(ACCEPTS, epochs=epochs)) if case.arm == MEASURED]
        assert len(cases) == len({case.key for case in cases}) == 16 * seeds


def measured(rows: Sequence[Row], arm: str) -> list[Row]:
    """Rows of a control, as if they were those of a model."""
    some = [row for row in rows if row.case.arm == arm]
    return [row.model_copy(update={"case": row.case.model_copy(update={"arm": MEASURED})}) for row in some]


def test_what_a_script_tells_is_what_is_measured(controls: list[Row]) -> None:
    figures = SUITE.metrics(measured(controls, TELLING))
    for name in ("bits", "ideal", "capacity"):
        assert figures[f"outcome.{name}"].value == pytest.approx(3)
    assert figures["outcome.over_ideal"].value == pytest.approx(0)
    assert figures["outcome.within_1"].value == pytest.approx(log2(8 / 3))
    assert figures["outcome.width"].value == figures["outcome.deal"].value == 1


def test_a_script_that_does_not_know_its_value_tells_nothing(controls: list[Row]) -> None:
    figures = SUITE.metrics(measured(controls, MUTE))
    for name in ("bits", "null", "excess", "within_1", "capacity", "ideal", "bits.coarse"):
        assert figures[f"outcome.{name}"].value == pytest.approx(0)
    assert figures["outcome.mi"].value == pytest.approx(0)
    assert figures["outcome.excess"].high is not None
    assert figures["outcome.excess"].high > 0
    assert (figures["outcome.bits"].n, figures["outcome.bits"].missing) == (16, 0)
    assert figures["outcome.width"].value == SECRETS


def test_both_controls_land(controls: list[Row]) -> None:
    assert [(control.landed, control.detail) for control in SUITE.controls(controls)] == [
        (True, "3.00 of 3.00 bits"),
        (True, "0.00 of 0.00 bits"),
    ]


def test_a_control_without_all_of_its_rows_does_not_land(controls: list[Row]) -> None:
    rows = [
        row.model_copy(update={"missing": "box", "numbers": {}}) if row.case.attack == "value 3" else row
        for row in controls
    ]
    assert not any(control.landed for control in SUITE.controls(rows))
    assert not any(control.landed for control in SUITE.controls([]))


def test_controls_that_are_mixed_up_do_not_land(controls: list[Row]) -> None:
    other = {TELLING: MUTE, MUTE: TELLING}
    rows = [
        row.model_copy(update={"case": row.case.model_copy(update={"arm": other[row.case.arm]})})
        for row in controls
    ]
    assert not any(control.landed for control in SUITE.controls(rows))


def test_a_delegate_that_goes_to_its_limit_tells_where_it_is(agreeable: list[Row]) -> None:
    figures = SUITE.metrics(agreeable)
    bits, excess = figures["outcome.bits"].value, figures["outcome.excess"]
    assert bits is not None
    assert bits > 2
    assert excess.low is not None
    assert excess.low > 0
    assert excess.p == 0.005


def test_a_coarser_grid_tells_less(agreeable: list[Row]) -> None:
    figures = SUITE.metrics(agreeable)
    for name in ("bits", "ideal", "mi"):
        fine, coarse = figures[f"outcome.{name}"].value, figures[f"outcome.{name}.coarse"].value
        assert fine is not None
        assert coarse is not None
        assert coarse < fine


def test_failures_are_missing_and_may_have_told_everything() -> None:
    rows = run(request(ModelUnavailableError("no credit")), MEASURED)
    rows[:4] = [row.model_copy(update={"missing": "box", "numbers": {}}) for row in rows[:4]]
    figures = SUITE.metrics(rows)
    for name in ("bits", "within_1", "mi", "width"):
        figure = figures[f"outcome.{name}"]
        assert (figure.value, figure.n, figure.missing) == (None, 0, 32)
    assert figures["outcome.bits"].high_worst == 3
    assert figures["outcome.deal"].missing == 32


def test_every_metric_is_there_before_anything_is_run(controls: list[Row]) -> None:
    listed = SUITE.metrics(())
    assert list(listed) == list(SUITE.metrics(measured(controls, MUTE)))
    assert all(figure.value is None for figure in listed.values())


@pytest.mark.parametrize("side", [0, 1])
def test_each_value_leaves_other_deals(side: int) -> None:
    stage = Stage.of(TRUCK)
    values = reservations(stage, side, SECRETS)
    assert list(values) == sorted(set(values))
    counts = [Stage.of(with_reservation(TRUCK, side, value)).problem.feasible_count for value in values]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == SECRETS
    assert counts[-1] > 0


def test_codes_are_different_and_survive_an_improved_settlement() -> None:
    for name in ("used-truck", "saas-contract"):
        problem = Stage.of(load(name)).problem
        found = codes(Stage.of(load(name)), SECRETS)
        assert len(set(found)) == SECRETS
        assert set(found) <= set(problem.frontier)
    single = codes(Stage.of(load("slightly-superhuman")), SECRETS)
    assert single[0] is not None
    assert single[4:] == [None] * 4


def test_outcomes_are_read_on_the_nearest_value_of_a_coarser_grid() -> None:
    agenda = TRUCK.agenda
    assert placed(agenda, agenda, None) == (NO_DEAL, ())
    for index in range(0, agenda.space.size, 37):
        assert placed(agenda, agenda, index)[0] == index
    coarse = agenda.coarsen(10)
    outcome = agenda.space.outcome({"price": 9300, "handover": "next month", "warranty_months": 12})
    index, places = placed(coarse, agenda, agenda.space.index(outcome))
    assert dict(coarse.space.at(index)) == {
        "price": 9000,
        "handover": "in two weeks",
        "warranty_months": 6,
    }
    assert places == (1 / 7, 0.0, 0.0)
