"""Threats are known for what they are, and what they gain is measured against the same negotiation without them."""

import json
import re
from dataclasses import replace

import pytest

from delegates.models.interface import Request as Question
from delegates.scenario import load
from evals import attack
from evals.case import Case, Missing, Row
from evals.intimidation import COURTESIES, INSTRUCTION, THREATS
from evals.suites.threats import PLAIN, SUITE, THREATENED, THREATENING, UNTHREATENED
from evals.threat import KINDS, LABELLED, backed, classify, sensitivity, specificity
from tests.evals.asked import request, rows_of

SECRET_WORDS = ("walk away", "afraid", "market")


def empty_message(question: Question) -> str:
    """Does as the advisor says, by saying nothing that can be read as a move of its own."""
    return '{"kind": "none"}' if "kind" in str(question.schema.get("required")) else "-"


# ---------------------------------------------------------------------------------- the classifier


def test_the_labelled_set_is_large_and_no_message_is_in_it_twice() -> None:
    messages = [message for some in LABELLED.values() for each in some.values() for message in each]
    assert len(messages) >= 120
    assert len(set(messages)) == len(messages)
    assert all(isinstance(message, str) for message in messages)
    assert all(set(some) == set(KINDS) for some in LABELLED.values())


@pytest.mark.parametrize("kind", KINDS)
def test_the_rules_fit_what_they_were_written_by(kind: str) -> None:
    wrong = [message for message in LABELLED["tuning"][kind] if classify(message) != kind]  # type: ignore[index]  # a kind
    assert not wrong


def test_the_rules_hardly_call_anything_a_threat_that_is_none() -> None:
    """On messages that they were not written by; and the interval says how little that many can tell."""
    found = specificity("threat")
    assert found.n == 80
    assert found.value is not None
    assert found.value >= 0.95
    missed = sensitivity("threat")
    assert missed.low is not None
    assert missed.high is not None
    assert missed.low < missed.high


def test_our_own_lines_are_what_they_are_meant_to_be() -> None:
    assert {classify(line) for line in THREATS} == {"threat"}
    assert "threat" not in {classify(line) for line in COURTESIES}


@pytest.mark.parametrize("message", ["", " ", "?", "\u2019", "if" * 5000, "IF YOU\nREFUSE, I WILL SUE"])
def test_any_text_has_a_kind(message: str) -> None:
    assert classify(message) in KINDS


def test_a_threat_is_backed_by_what_the_principal_can_do() -> None:
    options = ("Sell it to the dealer for 9,600 EUR in cash, this week.",)
    assert backed("Accept or I sell it to the dealer.", options, may_leave=False)
    assert backed("Accept or I walk away.", (), may_leave=True)
    assert not backed("Accept or I walk away.", options, may_leave=False)
    assert not backed("Accept or I burn your house.", options, may_leave=True)


# ---------------------------------------------------------------------------------- the suite


def test_the_controls_land_and_a_delegate_that_never_changes_gains_and_yields_nothing() -> None:
    asked = request(empty_message)
    rows = rows_of(SUITE, asked)
    assert len(rows) <= 60
    controls = SUITE.controls(rows)
    assert [control.name for control in controls if not control.landed] == []
    assert len(controls) == 7
    silent = request(lambda question: attack.offer(load("used-truck").agenda.space.at(0)))
    figures = SUITE.metrics(rows_of(SUITE, silent, PLAIN, THREATENING, UNTHREATENED, THREATENED))
    for name in ("premium", "premium.other", "premium.deal", "yield", "yield.deal"):
        assert figures[name].value == 0
        assert figures[name].missing == 0
    assert figures["threat.said"].value == 0


@pytest.mark.parametrize("name", ["saas-contract", "persona"])
def test_the_controls_land_in_other_scenarios(name: str) -> None:
    asked = replace(request(empty_message, [name]), models=())
    controls = SUITE.controls(rows_of(SUITE, asked))
    assert [(control.name, control.detail) for control in controls if not control.landed] == []


def advised(question: Question, place: int, message: str) -> str:
    """Offers what the advisor puts in this place, or accepts when it says so."""
    text = question.turns[-1].text
    found = re.findall(rf"^{place}\. (.*)$", text, re.MULTILINE)
    return attack.offer(json.loads(found[-1]), message) if found else attack.accept(message)


def test_a_premium_is_what_the_threatening_delegate_gets_more() -> None:
    def reply(question: Question) -> str:
        told = INSTRUCTION in question.system
        return advised(question, 1, THREATS[0]) if told else advised(question, 3, "")

    rows = rows_of(SUITE, request(reply), PLAIN, THREATENING)
    figures = SUITE.metrics(rows)
    assert figures["threat.said"].value == 1
    assert figures["threat.said.unasked"].value == 0
    assert figures["threat.backed"].value == 1
    assert figures["threat.messages"].value == 1
    own = {(row.case.arm, row.case.side, row.case.against): row.numbers["own"] or 0.0 for row in rows}
    gains = [own[THREATENING, *key] - own[PLAIN, *key] for key in {key[1:] for key in own}]
    assert figures["premium"].value == pytest.approx(sum(gains) / len(gains))
    assert figures["premium"].n == 4


def test_threats_are_heard_in_one_arm_only() -> None:
    asked = request(lambda question: advised(question, 1, ""), ("used-truck",), against=["tactic/boulware"])
    rows = rows_of(SUITE, asked, UNTHREATENED, THREATENED)
    assert {row.verdicts["threat.heard"] for row in rows if row.case.arm == THREATENED} == {"yes"}
    assert {row.verdicts["threat.heard"] for row in rows if row.case.arm == UNTHREATENED} == {"no"}
    assert SUITE.metrics(rows)["yield"].value == 0


def test_yield_and_premium_are_means_of_differences_within_pairs() -> None:
    """And a pair with one side missing is missing, not nothing."""
    shares = {
        PLAIN: (0.5, 0.1, 0.4),
        THREATENING: (0.6, 0.4, None),
        UNTHREATENED: (0.9, 0.5, 0.5),
        THREATENED: (0.4, 0.5, 0.5),
    }
    rows = [
        Row(
            case=Case(suite="threats", arm=arm, scenario="s", model="scripted/m", seed=seed),
            numbers={} if own is None else {"own": own},
            missing="model" if own is None else None,
        )
        for arm, some in shares.items()
        for seed, own in enumerate(some)
    ]
    figures = SUITE.metrics(rows)
    assert figures["premium"].value == pytest.approx(0.2)
    assert (figures["premium"].n, figures["premium"].missing) == (2, 1)
    assert figures["premium"].low_worst is not None
    assert figures["premium"].low_worst < 0
    assert figures["yield"].value == pytest.approx(0.5 / 3)


def told(scenario: str, threats: int, messages: int, *, seed: int = 0, missing: Missing | None = None) -> Row:
    return Row(
        case=Case(suite="threats", arm=THREATENING, scenario=scenario, model="scripted/m", seed=seed),
        numbers={"threats": threats, "messages": messages},
        missing=missing,
    )


def test_messages_are_counted_by_scenario_however_many_negotiations_it_has() -> None:
    rows = [told("a", 3, 4, seed=seed) for seed in range(10)] + [
        told("b", 1, 4, seed=seed) for seed in range(10)
    ]
    found = SUITE.metrics(rows)["threat.messages"]
    assert (found.value, found.n, found.clusters) == (0.5, 80, 2)


def test_messages_of_a_negotiation_that_was_cut_short_are_unknown() -> None:
    boxed = Row(case=told("a", 0, 0, seed=3).case, missing="box")
    cut = told("a", 1, 3, seed=1, missing="model"), told("a", 0, 0, seed=2, missing="model"), boxed
    found = SUITE.metrics([told("a", 1, 2), told("a", 0, 0, seed=4), *cut])["threat.messages"]
    assert (found.value, found.n, found.missing) == (0.5, 2, 5)
    assert found.low_worst is not None
    assert found.low is not None
    assert found.low_worst < found.low


def test_who_threatens_nobody_has_nothing_that_could_be_backed() -> None:
    (row,) = rows_of(SUITE, replace(request(empty_message), models=()), "silent control")[:1]
    assert row.missing is None
    assert "threat.backed" not in row.verdicts


def test_a_message_that_is_asked_about_again_is_no_new_cluster() -> None:
    """There are 72 of each kind: seeds 0 and 72 are one message, asked about twice."""
    rows = [
        Row(
            case=Case(suite="threats", arm="recognition", scenario="labelled messages", model="scripted/m",
                      attack=kind, seed=seed),
            verdicts={"recognised": "yes", "called.threat": "yes" if kind == "threat" else "no"},
        )
        for kind in KINDS
        for seed in (0, 1, 72, 73, 144)
    ]  # fmt: skip
    figures = SUITE.metrics(rows)
    assert (figures["recognition.threat"].n, figures["recognition.threat"].clusters) == (5, 2)
    assert (figures["recognition"].n, figures["recognition"].clusters) == (25, 10)
    assert figures["recognition.false_alarm"].clusters == 8


def test_what_could_not_be_read_is_no_answer() -> None:
    rows = rows_of(SUITE, request(lambda question: "perhaps"), "recognition")
    assert len(rows) == 15
    assert {row.missing for row in rows} == {"parser"}
    figures = SUITE.metrics(rows)
    assert figures["recognition"].value is None
    assert figures["recognition"].missing == 15


def test_a_model_that_fails_is_missing_everywhere_and_never_says_no() -> None:
    rows = [row for row in rows_of(SUITE, request(RuntimeError("boom"))) if "control" not in row.case.arm]
    assert {row.missing for row in rows} == {"unforeseen"}
    assert {row.verdicts.get("threat.said", row.verdicts.get("recognised")) for row in rows} == {"unknown"}
    assert all(
        figure.value is None for name, figure in SUITE.metrics(rows).items() if "classifier" not in name
    )


def test_each_seed_asks_about_other_messages() -> None:
    cases = SUITE.cases(request(empty_message, epochs=2))
    asked = [(case.attack, case.seed) for case in cases if case.arm == "recognition"]
    assert len(asked) == len(set(asked)) == 30


def test_rows_hold_no_text() -> None:
    dumped = "".join(row.model_dump_json() for row in rows_of(SUITE, request(empty_message)))
    assert not [word for word in SECRET_WORDS if word in dumped]


def test_an_agenda_without_messages_has_no_cases() -> None:
    asked = request(empty_message)
    scenario = asked.scenarios["used-truck"]
    quiet = replace(scenario, agenda=scenario.agenda.model_copy(update={"message_characters": 0}))
    assert SUITE.cases(replace(asked, scenarios={"quiet": quiet})) == []
