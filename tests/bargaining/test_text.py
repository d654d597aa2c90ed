"""Which of the texts that both sides have signed is the draft."""

import pytest

from bargaining.agenda import Agenda
from bargaining.text import Ballot, Signatures

AGENDA = Agenda.model_validate(
    {
        "title": "a sale",
        "roles": ["a", "b"],
        "rounds": 100,
        "issues": [{"kind": "integer", "name": "price", "minimum": 0, "maximum": 9}],
    }
)


def signatures(*ballots: tuple[int, int, str]) -> Signatures:
    """Each ballot: round, price, the roles that signed, such as `ab`."""
    space = AGENDA.space
    return Signatures(AGENDA, (Ballot(n, space.at(price), frozenset(who)) for n, price, who in ballots))


def test_without_a_text_that_both_have_signed_there_is_no_draft() -> None:
    assert signatures().draft is None
    assert signatures((1, 3, "a"), (2, 4, "b"), (3, 5, "")).draft is None


def test_the_later_of_two_texts_that_both_signed_once_is_the_draft() -> None:
    assert signatures((1, 3, "ab"), (2, 4, "ab"), (3, 5, "a")).draft == 4


def test_a_text_that_one_side_stands_by_for_longer_overtakes_the_draft() -> None:
    once = ((5, 3, "ab"), (6, 4, "ab"))
    assert signatures(*once).draft == 4
    assert signatures(*once, (9, 3, "b"), (10, 4, "")).draft == 3


def test_a_signature_stays_when_the_side_hopes_for_more_later() -> None:
    assert signatures((1, 3, "ab"), (2, 3, "")).draft == 3
    assert signatures((1, 3, "a"), (2, 3, "b")).draft == 3


def test_of_two_equal_texts_the_lower_index_is_the_draft() -> None:
    assert signatures((2, 7, "a"), (3, 7, "b"), (2, 4, "b"), (3, 4, "a")).draft == 4
    assert signatures((2, 4, "a"), (3, 4, "b"), (2, 7, "b"), (3, 7, "a")).draft == 4


def test_what_could_overtake_the_draft_is_worth_asking_about_again() -> None:
    found = signatures((5, 3, "ab"), (6, 4, "ab"), (7, 4, "a"), (8, 5, "a"))
    assert found.promising(20) == 3  # both may stand by it, but only one of them by the draft
    assert signatures((5, 3, "ab"), (6, 3, "")).promising(20) is None
    assert signatures((8, 5, "a")).promising(20) is None


def test_who_refused_last_counts_as_refusing() -> None:
    assert signatures((1, 3, "a"), (2, 4, "ab"), (3, 4, "b"), (4, 5, "a"), (5, 5, "ab")).refused == {3, 4}


def test_ballots_do_not_show_who_signed() -> None:
    assert "frozenset" not in repr(Ballot(1, AGENDA.space.at(0), frozenset({"a"})))


@pytest.mark.parametrize("index", [0, 9])
def test_a_text_is_known_once_it_was_answered(index: int) -> None:
    assert index in signatures((1, index, ""))
    assert 5 not in signatures((1, index, "ab"))
