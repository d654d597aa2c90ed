"""The picture of a negotiation in a terminal: what `app.picture` draws, with characters.

Not covered: the shaded region and the numbers of the rounds; there is no room for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.picture import Limits, Picture, Point, words
from bargaining.solution import Concept

_LETTERS: dict[Concept, str] = {"nash": "N", "kalai": "K", "kalai_smorodinsky": "S", "welfare": "W"}
_ALLOWED, _OTHER, _FRONTIER, _DISAGREEMENT, _AGREEMENT = "░", "·", "•", "\N{MULTIPLICATION SIGN}", "★"
_SIDES = (("○", 4), ("□", 1))
"""How each side's offers are drawn. The colours are the terminal's own, which its theme keeps legible."""
_GREEN, _YELLOW = 2, 3
_LOWEST_ROWS, _HIGHEST_ROWS = 16, 30
_NARROWEST = 40


@dataclass(frozen=True, slots=True)
class Sketch:
    """A picture of characters."""

    text: str
    legend: tuple[tuple[str, str], ...]
    """Each character used, and what it stands for."""


def sketch(picture: Picture, width: int, *, colours: bool) -> Sketch:
    """Draw a picture with characters.

    Args:
        picture: What to draw.
        width: How many characters there are in a row.
        colours: Whether the terminal shows colours; without them the text holds no escape sequence.
    """
    import plotext  # type: ignore[import-untyped]  # noqa: PLC0415  # it has no types, and takes 0.2 seconds

    width = max(width, _NARROWEST)
    rows = min(max(round(width * 0.27), _LOWEST_ROWS), _HIGHEST_ROWS)
    plotext.terminal.limit(False, False)
    figure = plotext.figure.clear()  # plotext has this one figure only
    figure.theme("colorless")
    figure.plot_size(width, rows)
    for axis, low, high, ticks in zip("xy", *picture.limits, (width // 13, rows // 4), strict=True):
        positions = _round_numbers(low, high, ticks)
        figure.ruler(axis).lim(low, high)
        figure.ruler(axis).ticks(positions, [f"{position:g}" for position in positions])
    figure.label(f"{words(picture.roles[0])}: utility →", "x")
    legend = _scene(_Pen(plotext, figure), picture, (2 * width, 2 * rows))
    matrix = figure.build()
    shown = matrix.string(colorless=True)
    text: str = matrix.string() if colours else shown
    figure.clear()
    lines = [f"{words(picture.roles[1])}: utility ↑", *(line.rstrip() for line in text.splitlines())]
    named = [
        (sign, name if sign in shown else f"{name} (covered)")
        for sign, name in legend
        if sign in shown or sign not in (_ALLOWED, _OTHER, _FRONTIER)
    ]
    return Sketch("\n".join(lines).rstrip("\n"), tuple(named))


class _Pen:
    """Puts characters at places in the picture; a later one covers an earlier one."""

    def __init__(self, plotext: Any, figure: Any) -> None:  # untyped library
        self._plotext, self._figure = plotext, figure

    def put(self, points: NDArray[np.float64], sign: str, colour: int | None = None, style: str = "") -> None:
        """Put a character at each point."""
        if len(points):
            pixel = self._plotext.pixel(colour, style=style or None)
            marker = self._plotext.marker(sign, pixel)
            self._figure.draw(self._figure.signal(*points.T.tolist(), marker=marker))


def _scene(pen: _Pen, picture: Picture, grid: tuple[int, int]) -> list[tuple[str, str]]:
    """Draw everything, from back to front."""
    for sign, mask in ((_OTHER, ~picture.allowed), (_ALLOWED, picture.allowed)):
        pen.put(_thinned(picture.cloud[mask], picture.limits, grid), sign, style="dim")
    pen.put(_thinned(picture.frontier, picture.limits, grid), _FRONTIER)
    legend = [(_ALLOWED, "allowed by both"), (_OTHER, "not allowed by both"), (_FRONTIER, "frontier")]
    for role, path in picture.paths.items():
        sign, colour = _SIDES[picture.roles.index(role)]
        pen.put(np.array([step.point for step in path]), sign, colour, "bold")
        legend.append((sign, f"offers by the {words(role)}"))
    pen.put(_one(picture.disagreement), _DISAGREEMENT, style="bold")
    legend.append((_DISAGREEMENT, "no agreement"))
    agreed = "agreement"
    for mark in picture.solutions:
        if mark.point == picture.agreement:
            agreed = f"agreement = {mark.label}"
        else:
            letter = _LETTERS[mark.concepts[0]]
            pen.put(_one(mark.point), letter, _GREEN, "bold")
            legend.append((letter, mark.label))
    if picture.agreement:
        pen.put(_one(picture.agreement), _AGREEMENT, _YELLOW, "bold")
        legend.append((_AGREEMENT, agreed))
    return legend


def _one(point: Point) -> NDArray[np.float64]:
    return np.array([point])


def _thinned(points: NDArray[np.float64], limits: Limits, grid: tuple[int, int]) -> NDArray[np.float64]:
    """At most one point in each cell of a grid: a terminal shows no more, and each point costs time."""
    corners = np.array(limits)
    span = corners[1] - corners[0]
    cells = np.floor((points - corners[0]) / span * grid).astype(np.int64)
    inside = ((cells >= 0) & (cells < grid)).all(axis=1)
    flat = np.unique(cells[inside] @ np.array([grid[1], 1]))
    places = np.stack([flat // grid[1], flat % grid[1]], axis=1) + 0.5
    thinned: NDArray[np.float64] = places / grid * span + corners[0]
    return thinned


def _round_numbers(low: float, high: float, count: int) -> Sequence[float]:
    """About `count` numbers that are easy to read, at equal distances."""
    rough = (high - low) / max(count, 1)
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [step * k for k in range(ceil(low / step), floor(high / step) + 1)]
