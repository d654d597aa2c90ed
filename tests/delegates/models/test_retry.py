"""Patience."""

import asyncio

import pytest

from bargaining.errors import ModelError, ModelReplyError, ModelTransientError, ModelUnavailableError
from delegates.models import PatientModel, Request, RetryPolicy, ScriptedModel, Turn, open_model
from delegates.models.scripted import Reply
from evals.server import FaultyServer, status

REQUEST = Request("s", (Turn("user", "u"),), {"type": "object"}, 10)
BUSY = ModelTransientError("busy")


def run(replies: list[Reply], policy: RetryPolicy) -> tuple[str | ModelError, list[float], int]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    script = ScriptedModel(replies)
    model = PatientModel(script, policy, sleep=sleep, seed=1)
    result: str | ModelError
    try:
        result = asyncio.run(model.complete(REQUEST)).text
    except ModelError as error:
        result = error
    return result, slept, script.calls


def test_a_model_that_fails_for_a_moment_is_asked_again() -> None:
    assert run([BUSY, BUSY, "yes"], RetryPolicy())[0] == "yes"


@pytest.mark.parametrize("error", [ModelUnavailableError("no"), ModelReplyError("what")])
def test_what_cannot_help_is_not_tried_again(error: ModelError) -> None:
    assert run([error, "yes"], RetryPolicy()) == (error, [], 1)


def test_the_last_error_is_raised_after_the_last_attempt() -> None:
    errors = [ModelTransientError(str(n)) for n in range(3)]
    result, slept, calls = run([*errors], RetryPolicy(attempts=3))
    assert result is errors[-1]
    assert calls == 3
    assert len(slept) == 2


def test_waits_are_random_within_a_doubling_limit() -> None:
    policy = RetryPolicy(attempts=9, first_seconds=1, longest_seconds=8, deadline_seconds=1000)
    _, slept, _ = run([BUSY] * 9, policy)
    limits = [1, 2, 4, 8, 8, 8, 8, 8]
    assert all(0 <= wait <= limit for wait, limit in zip(slept, limits, strict=True))
    assert len(set(slept)) == len(slept)


def test_the_provider_is_not_asked_before_it_wants_to_be() -> None:
    _, slept, _ = run([ModelTransientError("busy", 17.0), "yes"], RetryPolicy())
    assert slept == [17.0]


def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    error = ModelTransientError("busy", 600.0)
    assert run([error, "yes"], RetryPolicy(deadline_seconds=120)) == (error, [], 1)


def test_waits_add_up_to_the_deadline_at_most() -> None:
    busy = ModelTransientError("busy", 50.0)
    _, slept, calls = run([busy] * 5, RetryPolicy(deadline_seconds=120))
    assert slept == [50.0, 50.0]
    assert calls == 3


def test_a_busy_server_is_asked_again_over_the_wire() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def ask(spec: str) -> str:
        model = open_model(spec, sleep=sleep, environment={})
        try:
            return (await model.complete(REQUEST)).text
        finally:
            await model.close()

    with FaultyServer("{}", faults=[status(429, retry_after="5"), status(500)]) as server:
        assert asyncio.run(ask(f"openai/m@{server.base_url}")) == "{}"
    assert slept[0] == 5
    assert len(server.received) == 3


def test_closing_closes_the_model_beneath() -> None:
    script = ScriptedModel(["x"])
    asyncio.run(PatientModel(script).close())
    assert script.closed
