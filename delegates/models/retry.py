"""Patience: asking a busy or failing model again, within limits.

Only a ModelTransientError is worth another try; `wire` has the table of which fault is one. Waiting grows
exponentially with full jitter (a random share of the whole wait, so that many runs do not return in step),
and is never shorter than the provider asked for. If it asks for more than the time that is left, its error is
raised at once: an early return would only be refused again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

import tenacity

from bargaining.errors import ModelTransientError
from delegates.models.interface import Completion, Model, Request

Sleep: TypeAlias = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long to try."""

    attempts: int = 5
    """The most calls for one reply."""
    first_seconds: float = 1.0
    """The longest wait before the second attempt; it doubles with each further one."""
    longest_seconds: float = 30.0
    """The longest wait that is chosen here; a provider may ask for more."""
    deadline_seconds: float = 120.0
    """No attempt starts later than this after the first one."""


class PatientModel:
    """A model that is asked again when it fails for a moment.

    Args:
        model: The model to ask.
        policy: How often and how long.
        sleep: Waits for some seconds; tests replace it.
        seed: For the jitter.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        model: Model,
        policy: RetryPolicy = RetryPolicy(),
        *,
        sleep: Sleep = asyncio.sleep,
        seed: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._policy = policy
        self._sleep = sleep
        self._random = Random(seed)  # noqa: S311  (jitter, not a secret)
        self._clock = clock

    @property
    def spec(self) -> str:
        """The spec of the model that is asked."""
        return self._model.spec

    async def complete(self, request: Request) -> Completion:
        """Ask until there is a reply. See `Model`; the last error is the one that is raised."""
        started = self._clock()
        failed: list[ModelTransientError] = []
        try:
            return await self._model.complete(request)
        except ModelTransientError as error:
            failed.append(error)

        async def ask() -> Completion:
            if (
                failed
            ):  # the first attempt was made above: tenacity costs a call that succeeds more than it is worth
                raise failed.pop()
            return await self._model.complete(request)

        def is_over(state: tenacity.RetryCallState) -> bool:
            # A replaced sleep does not move the clock; what it was asked to wait counts all the same.
            waited = max(self._clock() - started, state.idle_for)
            late = waited + state.upcoming_sleep > self._policy.deadline_seconds
            return late or state.attempt_number >= self._policy.attempts

        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(ModelTransientError),
            stop=is_over,
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )
        return await retrying(ask)

    async def close(self) -> None:
        """Close the model that is asked."""
        await self._model.close()

    def _wait(self, state: tenacity.RetryCallState) -> float:
        doubled = self._policy.first_seconds * 2 ** (state.attempt_number - 1)
        chosen = self._random.uniform(0, min(doubled, self._policy.longest_seconds))
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_seconds if isinstance(error, ModelTransientError) else None
        return max(chosen, asked or 0.0)
