from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargaining.agenda import Agenda
from bargaining.errors import InvalidInputError
from bargaining.mandate import Allowed, BoundMandate, Mandate
from bargaining.problem import BargainingProblem
from bargaining.utility import Preferences, UtilityFunction
from tests.bargaining.strategies import agendas, principals

ZERO = (Fraction(0), Fraction(0))


def pair(first: int, second: int) -> tuple[Fraction, Fraction]:
    return Fraction(first), Fraction(second)


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_two_briefs_make_the_problem_of_what_both_allow_and_value(data: st.DataObject) -> None:
    agenda = data.draw(agendas())
    sides = {role: data.draw(principals(agenda)) for role in agenda.roles}
    utilities = {role: utility for role, (utility, _) in sides.items()}
    mandates = {role: mandate for role, (_, mandate) in sides.items()}
    problem = BargainingProblem.of(agenda, utilities, mandates)
    assert problem.size == agenda.space.size
    for index, outcome in enumerate(agenda.space):
        assert problem.value(index) == tuple(utilities[role].value(outcome) for role in agenda.roles)
        allowed = all(isinstance(mandate.allows(outcome), Allowed) for mandate in mandates.values())
        assert bool(problem.feasible[index]) == allowed
    assert problem.feasible_count == sum(problem.feasible)
    for side, role in enumerate(agenda.roles):
        least = mandates[role].reservation
        assert problem.disagreement[side] == (utilities[role].worst if least is None else least)


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_rational_is_what_is_feasible_and_no_worse_than_no_agreement(data: st.DataObject) -> None:
    payoffs = data.draw(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), max_size=20))
    feasible = data.draw(st.lists(st.booleans(), min_size=len(payoffs), max_size=len(payoffs)))
    number = st.fractions(-9, 9, max_denominator=7)
    point = (data.draw(number), data.draw(number))
    units = (data.draw(st.fractions(Fraction(1, 9), 3)), data.draw(st.fractions(Fraction(1, 9), 3)))
    problem = BargainingProblem(payoffs, point, units, feasible)
    expected = [
        index
        for index, (x, y) in enumerate(payoffs)
        if feasible[index] and x * units[0] >= point[0] and y * units[1] >= point[1]
    ]
    assert problem.rational == tuple(expected)
    values = [problem.value(index) for index in expected]
    assert problem.ideal == ((max(x for x, _ in values), max(y for _, y in values)) if expected else None)


def test_a_disagreement_point_below_every_outcome_stays_where_it_is() -> None:
    """It may be negative: clipping it would move the solutions."""
    point = (Fraction(949, 1000), Fraction(-49, 1000))
    assert BargainingProblem([(1, 0)], point).disagreement == point


def test_a_disagreement_point_can_be_given_by_role() -> None:
    agenda, utility, mandate = _share()
    point = {"ai": Fraction(15, 100), "humans": Fraction(75, 100)}
    problem = BargainingProblem.of(agenda, utility, mandate, point)
    assert problem.disagreement == (Fraction(3, 20), Fraction(3, 4))


def test_floats_would_take_an_equal_outcome_for_a_worse_one() -> None:
    assert 0.2 - 0.05 > 0.15  # the trap
    exact = Fraction(20, 100) - Fraction(5, 100)
    assert BargainingProblem([(15, 0)], (exact, Fraction(0)), (Fraction(1, 100), 1)).rational == (0,)
    rounded = BargainingProblem([(15, 0)], (Fraction(0.2 - 0.05), Fraction(0)), (Fraction(1, 100), 1))
    assert rounded.rational == ()


@pytest.mark.parametrize("shift", [2**62, 2**63, 2**64, 10**30])
def test_payoffs_beyond_64_bits_stay_exact(shift: int) -> None:
    payoffs = [(shift, -shift), (shift + 1, -shift - 1), (shift, -shift - 1)]
    problem = BargainingProblem(payoffs, (Fraction(shift), Fraction(-shift - 1)))
    assert [problem.value(index) for index in range(3)] == [pair(*payoff) for payoff in payoffs]
    assert problem.rational == (0, 1, 2)
    assert problem.ideal == pair(shift + 1, -shift)


@pytest.mark.parametrize("payoffs", [[(1.5, 2)], [(True, 1)], np.array([[1.0, 2.0]]), [("1", 2)]])
def test_payoffs_that_are_not_whole_numbers_are_refused(payoffs: list[tuple[int, int]]) -> None:
    with pytest.raises(TypeError, match="whole numbers"):
        BargainingProblem(payoffs, ZERO)


def test_payoffs_may_come_as_an_array_of_any_size_of_integer() -> None:
    for kind in (np.int8, np.int64, np.uint64, np.object_):
        table = np.array([[1, 2], [3, 4]], dtype=kind)
        assert BargainingProblem(table, ZERO).value(1) == pair(3, 4)
    assert BargainingProblem(np.array([[2**64 - 1, 0]], dtype=np.uint64), ZERO).value(0) == pair(2**64 - 1, 0)


def test_lengths_that_do_not_agree_are_refused() -> None:
    with pytest.raises(ValueError, match="two payoffs"):
        BargainingProblem(np.array([[1, 2, 3]]), ZERO)
    with pytest.raises(ValueError, match="one mark"):
        BargainingProblem([(1, 2)], ZERO, feasible=b"\1\1")
    with pytest.raises(ValueError, match="above 0"):
        BargainingProblem([(1, 2)], ZERO, (0, 1))


def test_marks_may_be_bytes() -> None:
    assert BargainingProblem([(1, 2), (2, 1)], ZERO, feasible=b"\0\1").rational == (1,)


def test_a_problem_without_outcomes_is_one_without_an_agreement() -> None:
    problem = BargainingProblem([], ZERO)
    assert (problem.size, problem.rational, problem.ideal, problem.frontier) == (0, (), None, ())


def test_what_a_problem_holds_cannot_be_written() -> None:
    table = np.array([[1, 2], [3, 4]])
    problem = BargainingProblem(table, ZERO)
    table[1, 0] = 9
    assert problem.value(1) == pair(3, 4)
    with pytest.raises(ValueError, match="read-only"):
        problem.payoffs[0][0] = 5
    with pytest.raises(ValueError, match="read-only"):
        problem.feasible[0] = False


def test_points_are_the_values_as_floats() -> None:
    problem = BargainingProblem([(1, 2), (3, 4), (5, 6)], ZERO, (Fraction(1, 2), Fraction(1, 4)))
    assert problem.points().tolist() == [[0.5, 0.5], [1.5, 1.0], [2.5, 1.5]]
    assert problem.points((2, 0)).tolist() == [[2.5, 1.5], [0.5, 0.5]]
    assert problem.points(()).tolist() == []


def test_an_agenda_too_large_to_compare_is_refused() -> None:
    agenda, utilities, mandates = _share(maximum=10**6)
    with pytest.raises(InvalidInputError, match="1,000,000 outcomes"):
        BargainingProblem.of(agenda, utilities, mandates)


def _share(maximum: int = 100) -> tuple[Agenda, dict[str, UtilityFunction], dict[str, BoundMandate]]:
    agenda = Agenda.model_validate(
        {
            "title": "a share",
            "roles": ["ai", "humans"],
            "rounds": 3,
            "issues": [{"kind": "integer", "name": "share", "minimum": 0, "maximum": maximum}],
        }
    )
    lines = {"ai": {0: 0, maximum: 1}, "humans": {0: 1, maximum: 0}}
    utilities = {
        role: UtilityFunction(Preferences.model_validate({"issues": {"share": {"points": line}}}), agenda)
        for role, line in lines.items()
    }
    mandates = {role: BoundMandate(Mandate(), agenda, utilities[role]) for role in lines}
    return agenda, utilities, mandates
