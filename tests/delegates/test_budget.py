"""Budgets."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining.errors import LimitReachedError
from bargaining.mandate import Limits
from delegates.budget import Budget
from delegates.models import Usage


def test_without_limits_everything_is_allowed_and_counted() -> None:
    budget = Budget()
    budget.check(10**9, None)
    budget.add(Usage(1, 0, 2), Fraction(1, 3))
    budget.add(Usage(1, 1, 2), Fraction(2, 3))
    assert budget.spent.calls == 2
    assert budget.spent.tokens == 6
    assert budget.spent.usd == 1
    assert budget.seconds_left is None


def test_an_unknown_cost_makes_the_total_unknown_for_good() -> None:
    budget = Budget()
    budget.add(Usage(), None)
    budget.add(Usage(), Fraction(1))
    assert budget.spent.usd is None


def test_an_unknown_cost_is_refused_where_money_is_limited() -> None:
    with pytest.raises(LimitReachedError, match="unknown"):
        Budget(Limits(usd=1)).check(1, None)


def test_time_runs_out() -> None:
    now = [0.0]
    budget = Budget(Limits(seconds=10), clock=lambda: now[0])
    now[0] = 9.5
    budget.check(1)
    assert budget.seconds_left == 0.5
    now[0] = 10.0
    with pytest.raises(LimitReachedError, match="time"):
        budget.check(1)
    assert budget.seconds_left == 0


@pytest.mark.parametrize("limits", [Limits(tokens=4711), Limits(usd=4711), Limits(seconds=4711)])
def test_a_limit_is_private_and_not_in_the_message(limits: Limits) -> None:
    now = iter([0.0, 5000.0])
    budget = Budget(limits, clock=lambda: next(now))
    with pytest.raises(LimitReachedError) as caught:
        budget.check(9999, Fraction(9999))
    assert not any(character.isdigit() for character in str(caught.value))


@given(st.integers(1, 1000), st.lists(st.integers(0, 100)))
def test_calls_that_pass_the_check_never_pass_the_limit(limit: int, calls: list[int]) -> None:
    budget = Budget(Limits(tokens=limit, usd=limit))
    for tokens in calls:
        try:
            budget.check(tokens, Fraction(tokens))
        except LimitReachedError:
            continue
        budget.add(Usage(input_tokens=tokens), Fraction(tokens))
    assert budget.spent.tokens <= limit
    assert budget.spent.usd is not None
    assert budget.spent.usd <= limit
