"""Somebody who looks, all through a negotiation, whether a side could reach anything of another."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import Any, TypeAlias

from bargaining.table import View
from bargaining.text import MediatorView, TextView
from delegates.models.interface import Request
from graphs.alternating import unobserved
from sandbox.seating import Ended
from tests.sandbox.reach import Reach, objects
from tests.sandbox.sides import Side, Talker, delegates, speaker

Look: TypeAlias = Callable[[str, tuple[object, ...]], None]
"""What is told which side is at work, and what is within its reach then."""


class Watched:
    """A delegate or responder, and somebody who looks before and after it works."""

    def __init__(self, role: str, inner: Any, look: Look) -> None:
        self._role, self._inner, self._look = role, inner, look

    async def decide(self, view: View) -> Any:
        return await self._do(self._inner.decide, view)

    async def answer(self, view: TextView) -> Any:
        return await self._do(self._inner.answer, view)

    async def propose(self, view: MediatorView) -> Any:
        return await self._do(self._inner.propose, view)

    async def _do(self, act: Callable[[Any], Any], view: object) -> Any:
        self._look(self._role, (self._inner, view, *copy_context().values()))
        try:
            return await act(view)
        finally:
            self._look(self._role, (self._inner, view, *copy_context().values()))


class Eyes:
    """Sees in a whole negotiation whether anything of the other side is within a side's reach."""

    def __init__(self, both: Mapping[str, Side], sitting: Any) -> None:
        self._both = both
        self._sitting = sitting
        self._inner = dict(delegates(sitting))
        self._parts = {role: objects(one.brief, sitting._mandates[role]) for role, one in both.items()}
        self.looks: Counter[str] = Counter()
        self.own: set[str] = set()
        """Who had something of its own within reach."""
        self.found: list[str] = []
        """What somebody could reach of another."""

    async def negotiate(self) -> Ended:
        """Look before, while and after anybody works."""
        seated = delegates(self._sitting)
        seated.update({role: Watched(role, delegate, self.look) for role, delegate in self._inner.items()})
        if hasattr(self._sitting, "_mediator"):
            self._inner["mediator"] = self._sitting._mediator
            self._sitting._mediator = Watched("mediator", self._sitting._mediator, self.look)
        Talker.attend = self._attend
        Talker.heard.clear()
        try:
            ended: Ended = await self._sitting.negotiate(unobserved)
            return ended
        finally:
            Talker.attend = None

    def look(self, role: str, roots: tuple[object, ...]) -> None:
        """Note what this role could reach."""
        self.looks[role] += 1
        reach = Reach.of(*roots)
        for name, one in self._both.items():
            reached = one.secrets.within(reach) + ["an object"] * bool(reach.objects & self._parts[name])
            if name == role:
                self.own |= {role} if reached else set()
            else:
                self.found += [f"the {role} reaches the {name}'s {what}" for what in reached]

    def _attend(self, request: Request) -> None:
        role = speaker(request)
        self.look(role, (self._inner[role], request, *copy_context().values()))
