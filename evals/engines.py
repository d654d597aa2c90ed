"""One embedded engine for all negotiations of a sweep: loading weights takes longer than a short negotiation.

What it costs: prompts of earlier negotiations stay in the engine's memory until the sweep ends, which is why
`negbox run` never does this; here all briefs are made up. The same seed no longer gives the same replies.
Not covered: hosted models; they are opened for each negotiation.
"""

from delegates.models.interface import Completion, Model, Request
from delegates.models.spec import ModelSpec, open_model


class Engines:
    """Opens models, and the embedded ones once only."""

    def __init__(self) -> None:
        self._engines: dict[ModelSpec, Model] = {}

    def open(self, spec: ModelSpec, seed: int) -> Model:
        """A model for one negotiation."""
        if spec.provider != "local":
            return open_model(spec, seed=seed)
        if spec not in self._engines:
            self._engines[spec] = open_model(spec, seed=seed)
        return _Lent(self._engines[spec])

    async def close(self) -> None:
        """End the engines."""
        for engine in self._engines.values():
            await engine.close()


class _Lent:
    """An engine that stays open when a negotiation is over."""

    def __init__(self, engine: Model) -> None:
        self.spec = engine.spec
        self._engine = engine

    async def complete(self, request: Request) -> Completion:
        """Ask the engine. See `Model`."""
        return await self._engine.complete(request)

    async def close(self) -> None:
        """Leave it open."""
