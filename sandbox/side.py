"""A model for each side that asks it, with connections of its own.

A server that answers twice leaves its second answer on the connection, as the reply to the next question there. So the
sides of a run, who may well ask the same model, share no connection: what belongs to one never reaches the other.
Covered: sides with different system texts, and a mediator. Not covered: a second answer that reaches the side that it
was meant for; its server can tell that side anything as it is.
"""

from collections.abc import Callable, Sequence

from delegates.models.interface import Model
from sandbox.message import MOST_CONVERSATIONS
from sandbox.transcript import Transcript


class Sides:
    """Which model a side asks. Sides are told apart by their system texts.

    Args:
        models: The models of the run.
        again: Opens one of them once more, if it has connections.
        most: How many sides there may be.
    """

    def __init__(
        self,
        models: Sequence[Model],
        again: Callable[[int], Model | None],
        most: int = MOST_CONVERSATIONS,
    ) -> None:
        self._most = most
        self.opened = list(models)
        """All that have to be closed."""
        self._models = tuple(models)
        self._again = again
        self._own: dict[tuple[int, str], Model] = {}

    def model(self, asked: Transcript) -> Model | None:
        """Whom to ask; None if there are too many sides."""
        side = (asked.model, asked.request.system)
        model = self._own.get(side)
        if model is None and len(self._own) < self._most:
            model = self._models[asked.model]
            if any(number == asked.model for number, _ in self._own) and (other := self._again(asked.model)):
                self.opened.append(model := other)
            self._own[side] = model
        return model
