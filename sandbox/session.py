"""One negotiation from the first turn to the last, and what cut it short, if something did."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from bargaining.agreement import Agreement, NoDeal
from bargaining.errors import NegboxError, UnforeseenError
from graphs.state import Ending, Progress
from sandbox.export import KeptOffer
from sandbox.seating import Sitting

_Error = TypeVar("_Error", bound=BaseException)


@dataclass(frozen=True, slots=True)
class Held:
    """How a session ended."""

    result: Agreement | NoDeal = field(default_factory=NoDeal)
    ending: Ending | None = None
    """None if it was cut short."""
    offers: tuple[KeptOffer, ...] = field(default=(), repr=False)
    error: NegboxError | None = None
    """What cut it short, if something did: of anything unforeseen the type only."""


async def hold(sitting: Sitting, observe: Callable[[Progress], None]) -> Held:
    """Negotiate to the end. What goes wrong makes it a no deal."""
    unforeseen = ""
    try:
        ended = await sitting.negotiate(observe)
    except NegboxError as error:
        return Held(error=bare(error))
    except Exception as error:  # noqa: BLE001 - only its type: its text and frames could hold a brief
        unforeseen = type(error).__name__
    else:
        return Held(ended.result, ended.ending, ended.offers)
    return Held(error=UnforeseenError(f"an unforeseen error of type {unforeseen}"))


def bare(error: _Error) -> _Error:
    """An error by itself: its frames hold briefs, and so may its notes and the errors that led to it."""
    error.__cause__ = error.__context__ = None
    if hasattr(error, "__notes__"):
        del error.__notes__
    return error.with_traceback(None)
