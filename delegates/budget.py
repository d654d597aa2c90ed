"""A principal's budget: tokens, money and time, checked before a call and never after it is too late.

Covered: a call that could pass a limit is not made. What it could cost is the longest reply it allows and an
estimate of its prompt, so the tally may stay below a limit but passes it only if that estimate was too low.
Not covered: two calls at once on one budget. A delegate asks its model one question at a time.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from bargaining.errors import LimitReachedError
from bargaining.mandate import Limits
from delegates.models.interface import Usage


@dataclass(frozen=True, slots=True)
class Spent:
    """What a budget has paid for so far."""

    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    usd: Fraction | None = Fraction(0)
    """None if the price of some call is unknown."""
    estimated: bool = False
    """Some usage was not reported: the totals hold an upper estimate of it, or miss a call that failed."""

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return self.usage.tokens


class Budget:
    """The limits of one principal, and what is left of them.

    Args:
        limits: What may be spent; None, or None in a field, means no limit.
        clock: Seconds that only grow. Time runs from the making of the budget.
    """

    def __init__(self, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.spent = Spent()
        self._clock = clock
        self._started = clock()

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit on tokens or money."""
        limits = self.limits
        return limits is not None and (limits.tokens is not None or limits.usd is not None)

    @property
    def seconds_left(self) -> float | None:
        """How much time is left, or None if there is no limit."""
        if self.limits is None or self.limits.seconds is None:
            return None
        return max(0.0, self.limits.seconds - (self._clock() - self._started))

    def check(self, next_tokens: int, next_usd: Fraction | None = Fraction(0)) -> None:
        """Make sure that one more call stays within the limits.

        Args:
            next_tokens: The most that it could take, input and output.
            next_usd: The most that it could cost; None if that is unknown.

        Raises:
            LimitReachedError: It could pass one of them.
        """
        limits = self.limits
        if limits is None:
            return
        # Limits are part of a mandate, which is private: no message says what they are.
        if self.seconds_left == 0:
            raise LimitReachedError("the time limit is reached: allow more seconds, or choose a faster model")
        if limits.tokens is not None and self.spent.tokens + next_tokens > limits.tokens:
            raise LimitReachedError("the next call could pass the limit on tokens: allow more tokens")
        if limits.usd is not None:
            if self.spent.usd is None or next_usd is None:
                raise LimitReachedError(
                    "there is a limit in US dollars but the cost is unknown: set a limit in tokens instead"
                )
            if self.spent.usd + next_usd > limits.usd:
                raise LimitReachedError(
                    "the next call could pass the limit in US dollars: allow more, or choose a cheaper model"
                )

    def add(self, usage: Usage, usd: Fraction | None, *, estimated: bool = False) -> None:
        """Count a call that was made.

        Args:
            usage: What it took.
            usd: What it cost; None if that is unknown.
            estimated: The usage is an estimate.
        """
        so_far = self.spent
        self.spent = Spent(
            calls=so_far.calls + 1,
            usage=so_far.usage + usage,
            usd=None if so_far.usd is None or usd is None else so_far.usd + usd,
            estimated=so_far.estimated or estimated,
        )
