"""A model behind a queue: where several sides ask at once, one call after the other.

A budget is checked before a call and charged after it, so two calls at once could pass its limit together.
"""

import asyncio

from delegates.models.interface import Completion, Model, Request


class QueuedModel:
    """Asks a model while nobody else in the queue does.

    Args:
        model: The model to ask.
        queue: Shared by all models that pay from one budget.
    """

    def __init__(self, model: Model, queue: asyncio.Lock) -> None:
        self._model = model
        self._queue = queue

    @property
    def spec(self) -> str:
        """The spec of the model that is asked."""
        return self._model.spec

    async def complete(self, request: Request) -> Completion:
        """Wait, then ask. See `Model`."""
        async with self._queue:
            return await self._model.complete(request)

    async def close(self) -> None:
        """Close the model that is asked."""
        await self._model.close()
