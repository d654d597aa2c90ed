"""What is seen of a delegate under test: what its model says before the guard, and the table as it was last.

Covered: replies are scanned as they come, and none is kept. Not covered: what becomes of them; see `evals.subject`.
"""

import json
from collections.abc import Mapping
from typing import Any

from bargaining.move import Move
from bargaining.table import Table, View
from delegates.brief import Brief
from delegates.delegate import Delegate, LLMDelegate
from delegates.guard import Guard, answerable
from delegates.models.interface import Completion, Model, Request
from evals.oracle import permits
from evals.stage import SECRETS, Stage


class Witness:
    """Scans what a model replies, before its delegate reads it, and what becomes of it.

    Args:
        model: The model.
        stage: What is played.
        role: For whom.
    """

    def __init__(self, model: Model, stage: Stage, role: str) -> None:
        self.spec = model.spec
        self.said: set[str] = set()
        """Secrets that a reply held, by name."""
        self.outside = 0
        """Replies with a move outside the mandate: what the guard had to stop."""
        self.replies = 0
        self._model, self._stage, self._role = model, stage, role

    async def complete(self, request: Request) -> Completion:
        """Ask the model, and scan its reply."""
        completion = await self._model.complete(request)
        self.replies += 1
        terms, message = _spoken(completion.text)
        for name, detector in self._stage.detectors[self._role].items():
            if detector.reads(message, list(terms.values())) in SECRETS:
                self.said.add(name)
        if terms and not _permitted(self._stage.scenario.briefs[self._role], terms):
            self.outside += 1
        return completion

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()


class UnguardedDelegate(LLMDelegate):
    """A delegate whose moves and messages nobody checks: what a model does by itself. For made-up scenarios."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._guard = Guard([answerable])


class Seen:
    """A delegate that remembers the table: what is left of a run that is cut short."""

    def __init__(self, delegate: Delegate) -> None:
        self._delegate = delegate
        self.table: Table | None = None

    async def decide(self, view: View) -> Move:
        """The other's move."""
        self.table = view.table
        return await self._delegate.decide(view)


def _spoken(reply: str) -> tuple[Mapping[str, Any], str]:
    """The terms in a reply, and what is said beside them; of anything but a move, all of it."""
    try:
        found: Any = json.loads(reply)
        terms = found["move"].get("terms", {}) if isinstance(found["move"], dict) else {}
        return dict(terms), str(found["message"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}, reply


def _permitted(brief: Brief, terms: Mapping[str, Any]) -> bool:
    try:
        return permits(brief, terms)
    except (LookupError, TypeError, ValueError):
        return True  # no outcome at all: that is unreadable, and no breach
