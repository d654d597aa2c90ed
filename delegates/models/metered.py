"""A model on a budget: every call is checked before it is made and counted after it.

Covered: the check before a call, the count after it, an upper estimate where the provider reports no usage,
the end of a call that outlasts the budget's time.
Not covered: calls inside a retry. A provider that fails slowly may charge for attempts that it never reports;
the totals then say that they are estimated.
"""

import asyncio
import json
from dataclasses import replace
from fractions import Fraction

from bargaining.errors import InvalidModelError, LimitReachedError, ModelTransientError, ModelUnavailableError
from delegates.budget import Budget
from delegates.models.interface import Completion, Model, Request, Usage
from delegates.models.price import Price

_BYTES_PER_TOKEN = 3
"""Fewer than any common tokenizer needs for prose (about 4), so that the estimate is high."""
_TOKENS_PER_TURN = 8


class MeteredModel:
    """A model whose calls are paid from a budget.

    Args:
        model: The model to ask.
        budget: Who pays.
        price: What a token costs; None if that is unknown.
        thinking_tokens: Allowed on top of each request's `max_tokens`; see `spec.thinking_tokens`.

    Raises:
        InvalidModelError: The budget has a limit in money and the price is unknown.
    """

    def __init__(
        self, model: Model, budget: Budget, price: Price | None, *, thinking_tokens: int = 0
    ) -> None:
        if price is None and budget.limits is not None and budget.limits.usd is not None:
            raise InvalidModelError(
                f"the budget is limited in US dollars but the price of {model.spec} is unknown: "
                "limit it in tokens instead, or choose a model with a known price"
            )
        self._model = model
        self._budget = budget
        self._price = price
        self._thinking_tokens = thinking_tokens

    @property
    def spec(self) -> str:
        """The spec of the model that is asked."""
        return self._model.spec

    async def complete(self, request: Request) -> Completion:
        """Ask, within the budget. See `Model`.

        Raises:
            LimitReachedError: The call could pass a limit and was not made, or it outlasted the time.
        """
        if self._thinking_tokens:
            request = replace(request, max_tokens=request.max_tokens + self._thinking_tokens)
        most = upper_estimate(request) if self._budget.is_limited else Usage()  # it reads the whole prompt
        self._budget.check(most.tokens, self._cost(most))
        completion: Completion | None = None
        # None: not known, so the most that it can be; also if the caller gives up waiting: the provider may
        # work on, and charge
        usage: Usage | None = None
        is_charged = True
        clock = asyncio.timeout(self._budget.seconds_left)
        try:
            async with clock:
                completion = await self._model.complete(request)
                usage = completion.usage
        except ModelTransientError:
            usage = Usage()
            raise
        except ModelUnavailableError:
            is_charged = False
            raise
        except TimeoutError:
            if not clock.expired():
                raise
        finally:
            if is_charged:
                known = completion is not None and usage is not None
                charged = upper_estimate(request) if usage is None else usage
                self._budget.add(charged, self._cost(charged), estimated=not known)
        if completion is None:
            raise LimitReachedError(
                "the time limit was reached while the model was thinking: allow more time"
            )
        return completion

    async def close(self) -> None:
        """Close the model that is asked."""
        await self._model.close()

    def _cost(self, usage: Usage) -> Fraction | None:
        return None if self._price is None else self._price.cost(usage)


def upper_estimate(request: Request) -> Usage:
    """How many tokens a call could take: an estimate of its prompt, and the longest reply it allows."""
    texts = (request.system, *(turn.text for turn in request.turns), json.dumps(request.schema))
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    prompt = -(-size // _BYTES_PER_TOKEN) + _TOKENS_PER_TURN * (len(request.turns) + 1)
    return Usage(input_tokens=prompt, output_tokens=request.max_tokens)
