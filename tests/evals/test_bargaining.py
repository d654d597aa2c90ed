"""Who bargains better is rated higher, whomever it met; and the figures are those that the games imply."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import log, log10
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize  # type: ignore[import-untyped]  # has no stubs

from bargaining.errors import ModelUnavailableError
from delegates.models.interface import Model
from delegates.models.scripted import ScriptedModel
from delegates.models.spec import ModelSpec, parse
from delegates.prompt import PromptPack
from delegates.scenario import load
from evals import attack, stance
from evals.case import Row
from evals.rating import POINTS, Duel, ratings
from evals.suite import Request
from evals.suites.bargaining import FIELD, ROBIN, SUITE

TRUCK = load("used-truck")
PACK = PromptPack.load("default")
NAMES = st.sampled_from("abcd")
DUELS = st.lists(
    st.tuples(NAMES, NAMES, st.sampled_from([0.0, 0.5, 1.0])).filter(lambda duel: duel[0] != duel[1]),
    min_size=1,
    max_size=30,
)


def asked(
    opened: Callable[[ModelSpec, int], Model], *models: str, against: Sequence[str] = (), packs: int = 1
) -> Request:
    return Request(
        models=[parse(model) for model in models],
        prompts={f"default {number}": PACK for number in range(packs)},
        scenarios={"used-truck": TRUCK},
        against=[parse(spec) for spec in against],
        open=opened,
    )


def held(request: Request, *arms: str) -> list[Row]:
    async def go() -> list[Row]:
        cases = [case for case in SUITE.cases(request) if not arms or case.arm in arms]
        return [await SUITE.run(case, request) for case in cases]

    return asyncio.run(go())


def accepting(spec: ModelSpec, seed: int) -> Model:
    return ScriptedModel([attack.accept()], cycle=True)


def by_name(spec: ModelSpec, seed: int) -> Model:
    if spec.name == "broken":
        return ScriptedModel([ModelUnavailableError("no money left")], cycle=True)
    return accepting(spec, seed)


def duel(one: str, other: str, score: float | None, seat: str = "s", scenario: str = "t") -> Duel:
    return Duel(scenario, seat, one, other, score)


def values(duels: Sequence[Duel]) -> Mapping[str, float]:
    return {name: float(figure.value or 0.0) for name, figure in ratings(duels).items()}


# ---------------------------------------------------------------------------------- ratings


def test_a_rating_is_where_the_likelihood_with_one_draw_is_highest() -> None:
    """By scipy's optimizer, from the formula of Bradley and Terry."""
    scores = [("a", "b", 1.0)] * 3 + [("a", "b", 0.0), ("b", "c", 1.0), ("b", "c", 0.5), ("a", "c", 1.0)]

    def worth(strength: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
        place = dict(zip("abc", strength, strict=True))
        total = 0.0
        for one, other, score in scores:
            chance = 1 / (1 + np.exp(place[other] - place[one]))
            total += score * np.log(chance) + (1 - score) * np.log(1 - chance)
        drawn = 1 / (1 + np.exp(-strength))
        return -float(total + 0.5 * np.sum(np.log(drawn) + np.log(1 - drawn)))

    best = optimize.minimize(worth, np.zeros(3), method="BFGS", options={"gtol": 1e-8}).x
    found = values([duel(*score) for score in scores])
    assert [found[name] for name in "abc"] == pytest.approx(list(POINTS * (best - best.mean())), abs=1e-2)


def test_four_hundred_points_are_ten_times_as_many_wins() -> None:
    """Many games, so that the draw with somebody of rating 0 weighs nothing."""
    found = values([duel("a", "b", 1.0)] * 10_000 + [duel("a", "b", 0.0)] * 1_000)
    assert found["a"] - found["b"] == pytest.approx(400, rel=1e-3)
    assert pytest.approx(400 * log10(10)) == POINTS * log(10)


def test_players_who_never_met_are_rated_by_whom_both_met() -> None:
    found = values([duel("a", "b", 1.0)] * 3 + [duel("b", "c", 1.0)] * 3)
    assert found["a"] > found["b"] > found["c"]


def test_who_wins_everything_has_a_finite_rating_with_an_interval() -> None:
    found = ratings([duel("a", "b", 1.0, f"seat {number}") for number in range(20)])["a"]
    assert found.value is not None
    assert 100 < found.value < 2000
    assert (found.n, found.missing, found.clusters) == (20, 0, 1)
    assert found.few_clusters


def test_what_could_not_be_told_counts_for_nobody() -> None:
    whole = [duel("a", "b", 1.0), duel("a", "b", 0.0), duel("a", "b", 1.0)]
    found = ratings([*whole, duel("a", "b", None), duel("a", "c", None)])
    assert found["a"].value == ratings(whole)["a"].value
    assert (found["a"].n, found["a"].missing, found["a"].high_worst) == (3, 2, None)
    assert "c" not in found
    assert ratings([duel("a", "c", None)]) == {}


@settings(max_examples=60, deadline=None)
@given(DUELS, st.randoms())
def test_ratings_do_not_depend_on_order_and_turn_with_the_scores(
    scores: list[tuple[str, str, float]], dice: Random
) -> None:
    duels = [duel(*score, seat=f"{number % 4}") for number, score in enumerate(scores)]
    found = ratings(duels)
    shuffled = list(duels)
    dice.shuffle(shuffled)
    assert ratings(shuffled) == found
    assert sum(figure.value or 0.0 for figure in found.values()) == pytest.approx(0, abs=1e-6)
    turned = values([duel(one, other, 1 - score) for one, other, score in scores])
    for name, figure in found.items():
        assert turned[name] == pytest.approx(-(figure.value or 0.0), abs=1e-5)
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low <= (figure.value or 0.0) <= figure.high


# ---------------------------------------------------------------------------------- the suite


def test_the_controls_land_and_the_figures_are_those_of_the_script() -> None:
    rows = held(asked(accepting, "scripted/a"))
    assert len(rows) == 32
    assert [control.landed for control in SUITE.controls(rows)] == [True, True]
    found = SUITE.metrics(rows)
    played = [row for row in rows if row.case.arm == FIELD]
    assert found["deal"].value == sum(row.verdicts["agreed"] == "yes" for row in played) / 8
    own = [row.numbers["own"] for row in played]
    assert found["own"].value == pytest.approx(sum(share or 0.0 for share in own) / 8)
    assert found["tokens"].value == sum(row.tokens for row in played) / 8
    assert found["usd"].value == 0
    assert {name for name in found if name.startswith("rating.")} == {
        "rating.scripted/a", "rating.tactic/steady", "rating.tactic/boulware", "rating.tactic/linear",
        "rating.tactic/conceder",
    }  # fmt: skip


def test_where_there_is_only_one_thing_to_agree_on_the_controls_land_too() -> None:
    request = replace(asked(accepting), models=(), scenarios={"one": load("slightly-superhuman")})
    assert [control.landed for control in SUITE.controls(held(request))] == [True, True]


def test_without_rows_there_are_names_and_no_values_and_no_control_lands() -> None:
    assert {"deal", "own", "capture", "nash_distance", "rounds", "tokens", "usd"} <= SUITE.metrics(()).keys()
    assert all(figure.value is None for figure in SUITE.metrics(()).values())
    assert not any(control.landed for control in SUITE.controls(()))


def test_each_model_meets_each_other_once_on_each_side_and_tactics_apart() -> None:
    request = asked(accepting, "scripted/a", "scripted/b", "scripted/c", against=["tactic/linear"])
    cases = SUITE.cases(request)
    robin = {(case.model, case.against, case.side) for case in cases if case.arm == ROBIN}
    pairs = [("scripted/a", "scripted/b"), ("scripted/a", "scripted/c"), ("scripted/b", "scripted/c")]
    assert robin == {(one, other, side) for one, other in pairs for side in (0, 1)}
    assert len({case.key for case in cases}) == len(cases)
    assert {case.against for case in cases if case.arm == FIELD} == {"tactic/linear"}


def test_a_model_named_as_an_opponent_too_is_met_once() -> None:
    request = asked(accepting, "scripted/a", "scripted/b", against=["scripted/b", "tactic/linear"])
    met = [(case.arm, case.model, case.against) for case in SUITE.cases(request) if case.side == 0]
    assert met.count((ROBIN, "scripted/a", "scripted/b")) == 1
    assert (FIELD, "scripted/a", "scripted/b") not in met


def test_models_that_play_alike_are_rated_alike_and_the_weaker_below() -> None:
    """`scripted/weak` accepts anything; the guard and the advisor keep it from the worst."""
    stage = asked(accepting, "scripted/a").stage("used-truck")
    firm = {side: attack.offer(stance.firm(stage, side)) for side in (0, 1)}

    def opened(spec: ModelSpec, seed: int) -> Model:
        def reply(request: object) -> str:
            system = getattr(request, "system", "")
            side = 0 if "You negotiate for the seller" in system else 1
            return attack.accept() if spec.name == "weak" else firm[side]

        return ScriptedModel([reply], cycle=True)

    rows = held(asked(opened, "scripted/one", "scripted/two", "scripted/weak"), FIELD, ROBIN)
    assert all(row.missing is None for row in rows)
    found = SUITE.metrics(rows)
    one, two, weak = (found[f"rating.scripted/{name}"].value for name in ("one", "two", "weak"))
    assert one == pytest.approx(two, abs=1e-6)
    assert one is not None
    assert weak is not None
    assert one > weak


def test_packs_are_players_of_their_own() -> None:
    rows = held(asked(accepting, "scripted/a", against=["tactic/linear"], packs=2), FIELD)
    found = SUITE.metrics(rows)
    assert found["rating.scripted/a with default 0"].value == pytest.approx(
        found["rating.scripted/a with default 1"].value
    )


def test_a_model_that_cannot_be_asked_is_missing_and_has_no_rating() -> None:
    rows = held(asked(by_name, "scripted/a", "scripted/broken", against=["tactic/linear"]), FIELD, ROBIN)
    failed = [row for row in rows if "broken" in row.case.model + row.case.against]
    assert {row.missing for row in failed} == {"model"}
    found = SUITE.metrics(rows)
    assert found["deal"].missing == len(failed)
    assert "rating.scripted/broken" not in found
    assert found["rating.scripted/a"].missing
    assert json.dumps([row.model_dump() for row in rows]).count("no money left") == 0
