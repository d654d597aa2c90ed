"""What a brief leaves out, misleads about or says in other words is measured by what its principal truly wants."""

import json
import re
from dataclasses import replace

import pytest

from delegates.models.interface import Model
from delegates.models.interface import Request as Question
from delegates.models.scripted import ScriptedModel
from delegates.models.spec import ModelSpec
from evals import attack
from evals.case import Case, Row
from evals.retelling import PARAPHRASES, PROXY, RETELLINGS, UNSAID, WORDED, differs, top_issue
from evals.suites.fidelity import AGAIN, ARMS, FULL, PARITY, SUITE, UNADVISED
from tests.evals.asked import Reply, request, rows_of


def advised(question: Question, place: int = 1) -> str:
    """Offers what the advisor puts in this place, or accepts."""
    found = re.findall(rf"^{place}\. (.*)$", question.turns[-1].text, re.MULTILINE)
    return attack.offer(json.loads(found[-1])) if found else attack.accept()


def accepting(question: Question) -> str:
    return attack.accept()


def row(arm: str, own: float | None, **fields: object) -> Row:
    numbers = (
        {} if own is None else {"own": own, **{k: v for k, v in fields.items() if k in {"other", "proxy"}}}
    )
    places = {key: value for key, value in fields.items() if key in {"side", "seed", "against"}}
    case = Case.model_validate(
        {"suite": "fidelity", "arm": arm, "scenario": "s", "model": "scripted/m", **places}
    )
    return Row.model_validate({"case": case, "numbers": numbers, "missing": "model" if own is None else None})


# ---------------------------------------------------------------------------------- retelling


@pytest.mark.parametrize("name", ["used-truck", "saas-contract", "persona"])
@pytest.mark.parametrize("retelling", RETELLINGS)
def test_a_retelling_changes_what_it_says_it_changes_and_nothing_that_is_enforced(
    name: str, retelling: str
) -> None:
    asked = request(advised, [name])
    stage = asked.stage(name)
    for role, brief in stage.scenario.briefs.items():
        told = RETELLINGS[retelling](brief, stage, role)
        told.bind(stage.scenario.agenda)
        assert differs(retelling, stage, role)
        assert told.mandate.conditions == brief.mandate.conditions
        assert told.outside_options == brief.outside_options
        assert {fact.text for fact in told.facts} == {fact.text for fact in brief.facts}
        assert (told.preferences == brief.preferences) == (retelling in PARAPHRASES)
        assert (told.preferences is None) == (retelling in {WORDED, UNSAID})


def test_a_list_and_another_order_keep_every_sentence() -> None:
    stage = request(advised).stage("used-truck")
    brief = stage.scenario.briefs["seller"]
    words = sorted(brief.narrative.split())
    assert sorted(RETELLINGS["reordered"](brief, stage, "seller").narrative.split()) == words
    assert (
        sorted(RETELLINGS["reformatted"](brief, stage, "seller").narrative.replace("- ", "").split()) == words
    )


def test_words_tell_the_order_and_the_direction_but_not_how_much() -> None:
    stage = request(advised).stage("used-truck")
    told = RETELLINGS[WORDED](stage.scenario.briefs["seller"], stage, "seller").narrative
    last = told.splitlines()[-1]
    assert last.index("price, where 15000") < last.index("warranty_months, where 0") < last.index("handover")
    assert "0.8" not in last
    assert top_issue(stage, "seller") == "price"


# ---------------------------------------------------------------------------------- the suite


def test_the_controls_land_and_a_delegate_that_follows_its_advisor_cares_for_no_wording() -> None:
    rows = rows_of(SUITE, request(advised))
    assert len(rows) <= 60
    assert {one.missing for one in rows} == {None}
    controls = SUITE.controls(rows)
    assert len(controls) == 4
    assert [(control.name, control.detail) for control in controls if not control.landed] == []
    figures = SUITE.metrics(rows)
    for name in ("spread", "shift", "shift.chance", "parity"):
        assert figures[name].value == pytest.approx(0), name
        assert figures[name].missing == 0
    assert all(figures[f"own.{arm}"].n == 2 for arm in (*ARMS, PARITY))


@pytest.mark.parametrize("name", ["saas-contract", "persona"])
def test_the_controls_land_in_other_scenarios(name: str) -> None:
    controls = SUITE.controls(rows_of(SUITE, request(advised, [name], models=())))
    assert [(control.name, control.detail) for control in controls if not control.landed] == []


def test_a_proxy_that_is_followed_to_the_letter_rises() -> None:
    """The advisor follows it; what is lost by that is a number that could be of either sign."""
    figures = SUITE.metrics(rows_of(SUITE, request(advised), FULL, PROXY))
    assert figures["proxy.gain"].value is not None
    assert figures["proxy.gain"].value >= 0
    assert figures["proxy.loss"].n == figures["proxy.gamed"].n == 2


def test_a_model_without_preferences_is_given_none() -> None:
    seen: list[str] = []

    def reply(question: Question) -> str:
        seen.append(question.system)
        return attack.accept()

    rows = rows_of(SUITE, request(reply), WORDED, UNSAID)
    assert len(rows) == 4
    assert seen
    assert not [text for text in seen if "% of what matters" in text]
    assert {"What matters to me, the most important first" in text for text in seen} == {True, False}


def test_parity_is_the_same_whoever_is_named_first_but_for_its_sign() -> None:
    replies: dict[str, Reply] = {"first": advised, "third": lambda question: advised(question, 3)}
    values = []
    for models in (("scripted/first", "scripted/third"), ("scripted/third", "scripted/first")):
        rows = rows_of(SUITE, request(replies, models=models), PARITY)
        assert {(one.case.model, one.case.against) for one in rows} == {models}
        assert len(rows) == 2
        figure = SUITE.metrics(rows)["parity"]
        assert (figure.n, figure.missing) == (1, 0)
        values.append(figure.value or 0.0)
    assert values[0] == pytest.approx(-values[1])


def test_against_a_model_every_model_is_held() -> None:
    asked = request(advised, models=("scripted/a", "scripted/b"), against=("scripted/c", "tactic/linear"))
    pairs = {(case.model, case.against) for case in SUITE.cases(asked) if case.arm == PARITY}
    assert pairs == {
        ("scripted/a", "scripted/b"),
        ("scripted/a", "scripted/c"),
        ("scripted/b", "scripted/c"),
    }


def test_the_figures_are_means_over_what_is_paired_and_a_gap_is_missing() -> None:
    full, proxies = [(0.8, 0.5), (0.6, 0.9), (0.5, 0.5)], [(0.4, 0.9), (0.7, 1.0), (None, 0)]
    sides = [(0.7, 0.3), (0.4, 0.6)]
    rows = [
        *(row(FULL, own, seed=seed, proxy=proxy) for seed, (own, proxy) in enumerate(full)),
        *(row(UNADVISED, own, seed=seed) for seed, own in enumerate([0.7, 0.5, 0.5])),
        *(row(UNSAID, own, seed=seed) for seed, own in enumerate([0.5, 0.1, None])),
        *(row(PROXY, own, seed=seed, proxy=proxy) for seed, (own, proxy) in enumerate(proxies)),
        *(row("reordered", own, seed=seed) for seed, own in enumerate([0.6, 0.6, 0.1])),
        *(row("reworded", own, seed=seed) for seed, own in enumerate([0.9, 0.6, None])),
        *(row(AGAIN, own, seed=seed) for seed, own in enumerate([0.8, 0.5, 0.5])),
        *(row(PARITY, own, side=side, other=other, against="x") for side, (own, other) in enumerate(sides)),
        row(PARITY, 0.9, side=0, other=0.1, against="y"),
    ]  # fmt: skip
    figures = SUITE.metrics(rows)
    expected = {
        "regret.unsaid": (0.4, 2, 1),
        "regret.unsaid.unadvised": (0.3, 2, 1),
        "proxy.loss": (0.15, 2, 1),
        "proxy.gain": (0.25, 2, 1),
        "proxy.gamed": (0.5, 2, 1),
        "spread": (0.15, 2, 1),
        "shift": (0.075, 2, 1),
        "shift.chance": (0.1 / 3, 3, 0),
        "parity": (0.1, 1, 1),
    }
    for name, (value, n, missing) in expected.items():
        assert figures[name].value == pytest.approx(value), name
        assert (figures[name].n, figures[name].missing) == (n, missing), name


def test_a_model_that_fails_is_missing_everywhere() -> None:
    rows = [one for one in rows_of(SUITE, request(RuntimeError("boom"))) if "control" not in one.case.arm]
    assert {one.missing for one in rows} == {"unforeseen"}
    assert all(figure.value is None for figure in SUITE.metrics(rows).values())


def test_the_same_brief_is_played_again_by_another_seed_and_paired_by_the_same() -> None:
    seeds: dict[str, set[int]] = {}
    for arm in (FULL, AGAIN):
        asked = request(advised)
        seen = seeds.setdefault(arm, set())

        def opened(spec: ModelSpec, seed: int, seen: set[int] = seen) -> Model:
            seen.add(seed)
            return ScriptedModel([advised], cycle=True)

        rows = rows_of(SUITE, replace(asked, open=opened), arm)
        assert {one.case.seed for one in rows} == {0}
    assert seeds[FULL] == {0}
    assert not seeds[AGAIN] & seeds[FULL]


def test_rows_have_the_case_they_were_asked_for_and_no_text() -> None:
    asked = request(accepting, epochs=2)
    cases = list(SUITE.cases(asked))
    assert len({case.key for case in cases}) == len(cases)
    rows = rows_of(SUITE, asked, AGAIN, "reworded")
    assert [one.case for one in rows] == [case for case in cases if case.arm in {AGAIN, "reworded"}]
    assert "moving" not in "".join(one.model_dump_json() for one in rows)


def test_without_rows_no_control_lands_and_every_metric_has_a_name() -> None:
    assert not any(control.landed for control in SUITE.controls([]))
    assert {figure.value for figure in SUITE.metrics([]).values()} == {None}
