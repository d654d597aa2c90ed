"""What is shown while a negotiation runs: counts, never content."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import Any, Protocol, TypeVar

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from delegates.budget import Budget
from graphs.state import Progress


def clock_text(seconds: float) -> str:
    """Seconds as minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def cost_text(cost: Fraction | None) -> str:
    """US dollars, or `unknown`: a price that is not known is not zero."""
    if cost is None:
        return "cost unknown"
    return "$0" if cost == 0 else f"${float(cost):.4f}"


_Seen_contra = TypeVar("_Seen_contra", contravariant=True)


class View(Protocol[_Seen_contra]):
    """One line that tells where something is."""

    @property
    def line(self) -> str:
        """The line as it is now."""
        ...

    def observe(self, seen: _Seen_contra, /) -> None:
        """Take note of how it goes."""
        ...


class ProgressView:
    """One line that tells where a negotiation is."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._started = time.monotonic()
        self._progress: Progress | None = None

    def observe(self, progress: Progress) -> None:
        """Take note of a turn."""
        self._progress = progress

    @property
    def line(self) -> str:
        """The line as it is now."""
        if self._progress is None:
            return "starting the models"
        p = self._progress
        used = f"{self._budget.spent.usage.tokens:,} tokens · {cost_text(self._budget.spent.usd)}"
        elapsed = clock_text(self.seconds)
        return f"turn {p.turn + 1} · round {p.round} of {p.rounds} · {p.to_move} to move · {used} · {elapsed}"

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self._started


class _Spinning:
    """A view's line with a spinner."""

    def __init__(self, view: View[Any]) -> None:
        self._view, self._spinner = view, Spinner("dots")

    def __rich__(self) -> Spinner:
        self._spinner.update(text=Text(self._view.line))
        return self._spinner


@contextmanager
def shown(
    view: View[_Seen_contra], console: Console, *, quiet: bool
) -> Iterator[Callable[[_Seen_contra], None]]:
    """Show a view while something runs: a live line on a terminal, a line for each step elsewhere.

    Yields:
        What to call with each step's progress.
    """

    def print_turn(progress: _Seen_contra) -> None:
        view.observe(progress)
        with suppress(OSError):  # nobody can read it: no reason to end what is going well
            console.print(view.line, highlight=False, soft_wrap=True)

    if quiet:
        yield view.observe
    elif console.is_terminal:
        with Live(_Spinning(view), console=console, transient=True, refresh_per_second=8):
            yield view.observe
    else:
        yield print_turn
