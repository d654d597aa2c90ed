"""Mediators by rule: what they propose, from the answers alone."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining.agenda import Agenda
from bargaining.mediation import HillClimbing, Mediation, RandomMutation
from bargaining.outcome import Outcome
from bargaining.taste import Taste
from bargaining.text import Ballot, MediatorView
from tests.bargaining.strategies import agendas

RULES = [HillClimbing, RandomMutation]
rules = pytest.mark.parametrize("rule", RULES)


def _agenda(rounds: int, **lengths: int) -> Agenda:
    issues = [
        {"kind": "integer", "name": name, "minimum": 0, "maximum": n - 1} for name, n in lengths.items()
    ]
    return Agenda.model_validate({"title": "t", "roles": ["a", "b"], "rounds": rounds, "issues": issues})


def play(
    agenda: Agenda, rule: Mediation, answer: Callable[[int, Outcome], Sequence[str]]
) -> tuple[Ballot, ...]:
    """Answer until the rounds are over or the rule has nothing left."""
    ballots: tuple[Ballot, ...] = ()
    for number in range(1, agenda.rounds + 1):
        text = rule.propose(MediatorView(agenda, number, ballots))
        if text is None:
            break
        ballots = (*ballots, Ballot(number, text, frozenset(answer(number, text))))
    return ballots


@rules
@settings(deadline=None)
@given(data=st.data())
def test_every_text_is_on_the_agenda_whatever_is_answered(
    rule: type[HillClimbing | RandomMutation], data: st.DataObject
) -> None:
    agenda = data.draw(agendas())
    answers = st.sampled_from(["", "a", "b", "ab"]).map(
        lambda who: [agenda.roles["ab".index(letter)] for letter in who]
    )
    ballots = play(agenda, rule(agenda, data.draw(st.integers(0, 9))), lambda n, text: data.draw(answers))
    assert all(ballot.text in agenda.space for ballot in ballots)


@rules
def test_the_same_answers_get_the_same_texts_and_another_seed_others(
    rule: type[HillClimbing | RandomMutation],
) -> None:
    agenda = _agenda(60, x=9, y=9, z=9)

    def run(seed: int) -> tuple[Ballot, ...]:
        return play(agenda, rule(agenda, seed), lambda n, text: ["a", "b"] if n % 7 == 0 else ["a"])

    assert run(3) == run(3)
    assert run(3) != run(4)


@rules
def test_a_space_too_large_to_list_is_no_problem(rule: type[HillClimbing | RandomMutation]) -> None:
    agenda = _agenda(20, x=10**12, y=10**6)
    assert len(play(agenda, rule(agenda, 0), lambda n, text: ["a", "b"])) == 20


def test_when_all_texts_are_refused_the_mediator_has_nothing_left() -> None:
    agenda = _agenda(50, x=3, y=2)
    ballots = play(agenda, HillClimbing(agenda), lambda n, text: ["a"])
    assert sorted(agenda.space.index(ballot.text) for ballot in ballots) == list(range(6))


def test_no_text_is_proposed_again_to_a_side_that_always_refuses_it() -> None:
    agenda = _agenda(200, x=30, y=30)
    ballots = play(
        agenda, HillClimbing(agenda), lambda n, t: [r for r, i in (("a", "x"), ("b", "y")) if int(t[i]) > 9]
    )
    refused: set[int] = set()
    for ballot in ballots:
        index = agenda.space.index(ballot.text)
        assert index not in refused
        refused |= {index} if len(ballot.signed) < 2 else set()


def climbed(rule: Callable[[Agenda, int], Mediation], rounds: int, seed: int) -> int:
    """What both sides have of the last text that they signed: each likes half of the issues, and asks for more."""
    agenda = _agenda(rounds, a=9, b=9, c=9, d=9)

    def worth(text: Outcome) -> dict[str, int]:
        values: dict[str, Any] = dict(text)
        return {"a": 3 * values["a"] + values["b"], "b": 3 * values["c"] + values["d"]}

    def answer(number: int, text: Outcome) -> list[str]:
        return [role for role, value in worth(text).items() if value * rounds >= 32 * number]

    both = [ballot.text for ballot in play(agenda, rule(agenda, seed), answer) if len(ballot.signed) == 2]
    return min(worth(both[-1]).values()) if both else 0


def test_climbing_by_what_was_learned_gets_further_than_random_mutation() -> None:
    learned = sum(climbed(HillClimbing, 200, seed) for seed in range(12)) / 12
    mutated = sum(climbed(RandomMutation, 200, seed) for seed in range(12)) / 12
    assert learned > mutated + 2
    assert learned > 28  # of 32


def test_a_taste_is_learned_from_yes_and_no() -> None:
    agenda = _agenda(100, x=50, y=50)
    taste = Taste(agenda)
    for number, (x, y) in enumerate([(40, 10), (10, 40), (45, 45), (5, 5), (30, 20), (20, 30)] * 10, start=1):
        taste.learn((x, y), number, liked=x > 25)
    assert taste.score((48, 2)) > taste.score((2, 48))
    assert taste.score((35, 25)) > taste.score((15, 25))


def test_a_taste_tells_options_apart_that_have_no_order() -> None:
    issues = [{"kind": "categorical", "name": "colour", "options": ["red", "green", "blue"]}]
    agenda = Agenda.model_validate({"title": "t", "roles": ["a", "b"], "rounds": 30, "issues": issues})
    taste = Taste(agenda)
    for number in range(1, 31):
        taste.learn((number % 3,), number, liked=number % 3 == 1)
    assert taste.score((1,)) > max(taste.score((0,)), taste.score((2,)))
