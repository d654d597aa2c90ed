"""A model on a budget."""

import asyncio
from fractions import Fraction

import pytest

from bargaining.errors import (
    InvalidModelError,
    LimitReachedError,
    ModelReplyError,
    ModelTransientError,
    ModelUnavailableError,
)
from bargaining.mandate import Limits
from delegates.budget import Budget
from delegates.models import Completion, Price, Request, ScriptedModel, Turn, Usage
from delegates.models.metered import MeteredModel, upper_estimate

REQUEST = Request("s" * 30, (Turn("user", "u" * 30),), {"type": "object"}, max_tokens=100)
DOLLAR = Price(Fraction(10**6), Fraction(10**6), Fraction(10**6))
"""One dollar a token."""


class Silent(ScriptedModel):
    """Reports no usage."""

    async def complete(self, request: Request) -> Completion:
        completion = await super().complete(request)
        return Completion(completion.text, None)


def test_a_call_is_counted_and_priced() -> None:
    budget = Budget()
    asyncio.run(MeteredModel(ScriptedModel(["x" * 40]), budget, DOLLAR).complete(REQUEST))
    assert budget.spent.calls == 1
    assert budget.spent.usage == Usage(input_tokens=15, output_tokens=10)
    assert budget.spent.usd == 25
    assert not budget.spent.estimated


def test_a_call_that_could_pass_a_limit_is_not_made() -> None:
    most = upper_estimate(REQUEST).tokens
    for limits in (Limits(tokens=most - 1), Limits(usd=most - 1)):
        script = ScriptedModel(["x"])
        with pytest.raises(LimitReachedError):
            asyncio.run(MeteredModel(script, Budget(limits), DOLLAR).complete(REQUEST))
        assert script.calls == 0


def test_a_call_that_just_fits_is_made() -> None:
    most = upper_estimate(REQUEST).tokens
    budget = Budget(Limits(tokens=most, usd=most))
    asyncio.run(MeteredModel(ScriptedModel(["x"]), budget, DOLLAR).complete(REQUEST))
    assert budget.spent.calls == 1


def test_usage_that_is_not_reported_is_estimated_upwards_and_said_to_be() -> None:
    budget = Budget()
    asyncio.run(MeteredModel(Silent(["x"]), budget, DOLLAR).complete(REQUEST))
    assert budget.spent.usage == upper_estimate(REQUEST)
    assert budget.spent.estimated


def test_an_unknown_price_is_unknown_and_not_zero() -> None:
    budget = Budget(Limits(tokens=10_000))
    asyncio.run(MeteredModel(ScriptedModel(["x"]), budget, None).complete(REQUEST))
    assert budget.spent.usd is None


def test_a_limit_in_money_needs_a_price() -> None:
    with pytest.raises(InvalidModelError, match="price"):
        MeteredModel(ScriptedModel(["x"]), Budget(Limits(usd=1)), None)


def test_a_call_ends_with_the_time() -> None:
    async def forever(request: Request) -> str:
        await asyncio.Event().wait()
        return "never"

    now = iter([0.0, 0.0, 59.99, 60.0])
    budget = Budget(Limits(seconds=60), clock=lambda: next(now))
    with pytest.raises(LimitReachedError, match="time"):
        asyncio.run(MeteredModel(ScriptedModel([forever]), budget, DOLLAR).complete(REQUEST))
    assert budget.spent.estimated


def test_a_timeout_of_the_model_itself_is_not_taken_for_the_budgets() -> None:
    with pytest.raises(TimeoutError):
        asyncio.run(MeteredModel(ScriptedModel([TimeoutError()]), Budget(), DOLLAR).complete(REQUEST))


def test_failed_calls_are_counted_as_far_as_they_may_be_charged() -> None:
    errors = [ModelReplyError("x"), ModelTransientError("x"), ModelUnavailableError("x")]
    calls = []
    for error in errors:
        budget = Budget()
        with pytest.raises(type(error)):
            asyncio.run(MeteredModel(ScriptedModel([error]), budget, DOLLAR).complete(REQUEST))
        calls.append((budget.spent.calls, budget.spent.tokens, budget.spent.estimated))
    assert calls == [(1, upper_estimate(REQUEST).tokens, True), (1, 0, True), (0, 0, False)]


def test_a_call_that_its_caller_gives_up_on_is_counted_at_the_most() -> None:
    class Endless(ScriptedModel):
        async def complete(self, request: Request) -> Completion:
            await asyncio.Event().wait()
            raise AssertionError

    async def give_up(budget: Budget) -> None:
        async with asyncio.timeout(0.01):
            await MeteredModel(Endless(["never said"]), budget, DOLLAR).complete(REQUEST)

    budget = Budget()
    with pytest.raises(TimeoutError):
        asyncio.run(give_up(budget))
    assert budget.spent.calls == 1
    assert budget.spent.tokens == upper_estimate(REQUEST).tokens
    assert budget.spent.estimated


def test_room_for_thinking_is_asked_for_and_reserved() -> None:
    script = ScriptedModel(["x"], keep_requests=True)
    asyncio.run(MeteredModel(script, Budget(), DOLLAR, thinking_tokens=1000).complete(REQUEST))
    assert script.requests[0].max_tokens == 1100
    budget = Budget(Limits(tokens=1000))
    with pytest.raises(LimitReachedError):
        asyncio.run(MeteredModel(script, budget, DOLLAR, thinking_tokens=1000).complete(REQUEST))


def test_the_estimate_grows_with_bytes_so_that_other_scripts_are_not_underrated() -> None:
    latin = Request("", (Turn("user", "x" * 30),), {}, 1)
    other = Request("", (Turn("user", "字" * 30),), {}, 1)
    assert upper_estimate(other).input_tokens >= upper_estimate(latin).input_tokens + 20
