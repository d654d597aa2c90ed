"""The picture of a negotiation: what it shows, and how it is drawn as PNG and SVG.

Both sides' utilities are the axes. Drawn: every outcome, the frontier, the solutions, what the sides have without
an agreement, the agreement and the offers. Equal pictures are equal bytes: no dates and no random names.
Not covered: the terminal (`app.sketch`).
"""

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bargaining.solution import Concept

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

Point: TypeAlias = tuple[float, float]
Limits: TypeAlias = tuple[Point, Point]

CONCEPT_NAMES: Mapping[Concept, str] = {
    "nash": "Nash",
    "kalai": "Kalai",
    "kalai_smorodinsky": "Kalai\N{EN DASH}Smorodinsky",
    "welfare": "Max welfare",
}
"""How the concepts are called where people read."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An outcome that one or several concepts choose."""

    concepts: tuple[Concept, ...]
    point: Point

    @property
    def label(self) -> str:
        """The concepts by name."""
        return " = ".join(CONCEPT_NAMES[concept] for concept in self.concepts)


@dataclass(frozen=True, slots=True)
class Step:
    """An offer on its way."""

    round: int
    point: Point


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn. The first side's utility runs to the right, the second side's upwards."""

    title: str
    roles: tuple[str, str]
    cloud: NDArray[np.float64] = field(repr=False)
    """The utilities of every outcome."""
    allowed: NDArray[np.bool_] = field(repr=False)
    """Which outcomes both mandates allow."""
    frontier: NDArray[np.float64] = field(repr=False)
    solutions: tuple[Mark, ...]
    disagreement: Point
    ideal: Point | None
    """The most that each side can gain. None: there is nothing to agree on."""
    agreement: Point | None
    paths: Mapping[str, Sequence[Step]]
    """The offers by who made them; empty if they were not kept."""

    @property
    def limits(self) -> Limits:
        """The lowest and the highest utilities that are drawn: whatever matters, and some of the rest around it."""
        points = [self.disagreement, *map(tuple, self.frontier), *(mark.point for mark in self.solutions)]
        points += [step.point for path in self.paths.values() for step in path]
        points += [self.agreement] if self.agreement else []
        matter = np.array(points, dtype=np.float64)
        if len(self.cloud) <= _HANDFUL:
            matter = np.concatenate([matter, self.cloud])
        low, high = matter.min(axis=0), matter.max(axis=0)
        span = np.where(high > low, high - low, 1.0)
        whole = np.concatenate([matter, self.cloud])
        low = np.maximum(low - _AROUND * span, whole.min(axis=0)) - _MARGIN * span
        high = np.minimum(high + _AROUND * span, whole.max(axis=0)) + _MARGIN * span
        return (float(low[0]), float(low[1])), (float(high[0]), float(high[1]))


_AROUND = 0.25
"""How much of the other outcomes is shown around what matters, as a share of its span."""
_MARGIN = 0.06
_HANDFUL = 200
"""So few outcomes are all shown."""
_SPARSE = 12
"""A frontier of fewer outcomes is dotted."""
_FEW = 2000
"""Up to so many outcomes are dots; more become an image of how densely they lie."""
_CELLS = (330, 300)
"""The size of that image."""

# Colours that the colour-blind can tell apart (Okabe and Ito 2008); in grey, shapes and dashes tell them apart.
_INK, _GREY, _BLUE_GREY, _GAIN = "#1a1a1a", "#cccccc", "#7d99b0", "#fdf4dd"
_SIDES = (("#0072b2", "o", "-"), ("#d55e00", "s", (0, (4, 1.6))))
_MARKERS: Mapping[Concept, tuple[str, str, float]] = {
    "nash": ("o", "#009e73", 9.0),
    "kalai": ("s", "#cc79a7", 8.0),
    "kalai_smorodinsky": ("D", "#56b4e9", 7.5),
    "welfare": ("^", "#f0e442", 9.5),
}
_STYLE: Mapping[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "sans-serif"],
    "font.size": 10.0,
    "axes.edgecolor": "#555555",
    "axes.linewidth": 0.8,
    "axes.labelsize": 11.0,
    "svg.fonttype": "none",  # text stays text: searchable, and read aloud
    "svg.hashsalt": "negbox",
    "text.parse_math": False,  # a title may hold dollars
}
_SIZE_INCHES, _DPI = (10.0, 6.4), 160


def draw(picture: Picture, form: Literal["png", "svg"]) -> bytes:
    """The picture as a file."""
    import matplotlib  # noqa: PLC0415  # half a second
    from matplotlib.figure import Figure  # noqa: PLC0415

    buffer = io.BytesIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a title in a script that the font lacks: the picture shows boxes
        matplotlib.rcdefaults()  # whatever the user's own matplotlibrc says
        matplotlib.rcParams.update(_STYLE)  # type: ignore[arg-type]  # its stub knows literal names only
        figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, facecolor="white")
        _compose(figure, picture)
        undated = {"Date": None, "Creator": "negotiation-box"} if form == "svg" else {"Software": None}
        figure.savefig(buffer, format=form, metadata=undated)
    return buffer.getvalue()


def _compose(figure: "Figure", picture: Picture) -> None:
    axes = figure.add_axes((0.085, 0.095, 0.635, 0.825))
    (left, bottom), (right, top) = picture.limits
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_xlabel(f"{words(picture.roles[0])}: utility")
    axes.set_ylabel(f"{words(picture.roles[1])}: utility")
    axes.set_title(_fit(picture.title), loc="left", fontsize=13, fontweight="bold", pad=12)
    handles = [*_cloud(axes, picture), *_reference(axes, picture), *_offers(axes, picture)]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.735, 0.925),
        frameon=False,
        labelspacing=0.95,
        handletextpad=0.9,
        borderpad=0,
    )


def _cloud(axes: "Axes", picture: Picture) -> list["Line2D"]:
    limits = picture.limits
    if picture.ideal and not _flat(picture):
        (x, y), (right, top) = picture.disagreement, limits[1]
        axes.fill_between([x, right], y, top, color=_GAIN, linewidth=0, zorder=0)
    for mask, colour, order in ((~picture.allowed, _GREY, 1), (picture.allowed, _BLUE_GREY, 2)):
        points = picture.cloud[mask]
        if len(picture.cloud) <= _FEW:
            size = 5.5 if len(picture.cloud) < 100 else 3.2
            axes.plot(*points.T, "o", color=colour, markersize=size, markeredgewidth=0, zorder=order)
        else:
            _densely(axes, points, limits, colour, order)
    handles = [_handle("o", _BLUE_GREY, "allowed by both mandates", 5)]
    if not picture.allowed.all():
        handles.append(_handle("o", _GREY, "not allowed by both", 5))
    if picture.ideal:
        handles.append(_handle("s", _GAIN, "both gain", 10, edge="#d9c48a"))
    return handles


def _densely(axes: "Axes", points: NDArray[np.float64], limits: Limits, colour: str, order: int) -> None:
    """An image with one cell for many outcomes, the darker the more there are."""
    from matplotlib.colors import to_rgb  # noqa: PLC0415

    (left, bottom), (right, top) = limits
    ranges = ((left, right), (bottom, top))
    counts, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=_CELLS, range=ranges)
    image = np.zeros((*counts.T.shape, 4))
    image[..., :3] = to_rgb(colour)
    most = max(float(counts.max()), 1.0)
    image[..., 3] = np.where(counts.T > 0, 0.55 + 0.45 * np.log1p(counts.T) / np.log1p(most), 0.0)
    axes.imshow(
        image,
        extent=(left, right, bottom, top),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        zorder=order,
    )


def _reference(axes: "Axes", picture: Picture) -> list["Line2D"]:
    x, y = picture.disagreement
    for draw_line, at in ((axes.axvline, x), (axes.axhline, y)):
        draw_line(at, color="#777777", linewidth=0.8, linestyle=(0, (2, 2)), zorder=3)
    few = len(picture.frontier) < _SPARSE  # a line between them would promise what is not there
    handles = axes.plot(
        *picture.frontier.T, linestyle=(0, (1, 2)) if few else "-", color=_INK, linewidth=1.3, marker="o",
        markersize=4 if few else 2.2, zorder=4, label="Pareto frontier",
        rasterized=len(picture.frontier) > _FEW,
    )  # fmt: skip
    handles += axes.plot(
        x, y, marker="X", markersize=10, color=_INK, markeredgecolor="white", linestyle="none", zorder=7,
        label="no agreement",
    )  # fmt: skip
    for mark in picture.solutions:
        shape, colour, size = _MARKERS[mark.concepts[0]]
        handles += axes.plot(
            *mark.point, marker=shape, color=colour, markersize=size, markeredgecolor=_INK, markeredgewidth=1.2,
            linestyle="none", zorder=9, label=mark.label.replace(" = ", "\n= "),
        )  # fmt: skip
    if picture.agreement:
        axes.plot(
            *picture.agreement, marker="*", color=_INK, markersize=27, markeredgecolor="white", markeredgewidth=1.2,
            linestyle="none", zorder=8,
        )  # fmt: skip
        handles.append(_handle("*", _INK, "agreement", 15))
        _call_out(axes, picture.agreement, picture.limits)
    return handles


def _call_out(axes: "Axes", point: Point, limits: Limits) -> None:
    """Name the agreement where there is room: beyond the frontier, or inwards where the picture ends."""
    (left, bottom), (right, top) = limits
    across, up = (point[0] - left) / (right - left), (point[1] - bottom) / (top - bottom)
    place = (-34 if across > 0.8 else 48, -40 if up > 0.85 else 38)
    axes.annotate(
        "agreement", point, xytext=place, textcoords="offset points", ha="right" if place[0] < 0 else "left",
        va="center", fontsize=11, fontweight="bold", color=_INK, zorder=11,
        arrowprops={"arrowstyle": "-", "color": _INK, "linewidth": 0.9, "shrinkB": 9},
    )  # fmt: skip


def _offers(axes: "Axes", picture: Picture) -> list["Line2D"]:
    handles: list[Line2D] = []
    styles = dict(zip(picture.roles, _SIDES, strict=True))
    for role, path in picture.paths.items():
        colour, shape, dashes = styles[role]
        points = np.array([step.point for step in path])
        handles += axes.plot(
            *points.T, color=colour, linestyle=dashes, linewidth=1.2, marker=shape, markersize=4.5,
            markeredgecolor="white", markeredgewidth=0.6, zorder=6, label=f"{words(role)}: offers\n(by round)",
        )  # fmt: skip
        # beyond the frontier for the side that comes from above, and behind it for the other
        last = (0, 17) if role == picture.roles[1] else (-13, -13)
        ends = {path[-1].point: (f"{path[-1].round}", last)}
        if path[0].point in ends and len(path) > 1:
            ends[path[0].point] = (f"{path[0].round}\N{EN DASH}{path[-1].round}", last)
        ends.setdefault(path[0].point, (f"{path[0].round}", (-16, 0)))
        for point, (rounds, place) in ends.items():
            axes.annotate(
                rounds, point, xytext=place, textcoords="offset points", color=colour,
                ha="center", va="center", fontsize=9.5, fontweight="bold", zorder=10,
                bbox={"boxstyle": "round,pad=0.18", "facecolor": "white", "edgecolor": colour, "linewidth": 0.7},
            )  # fmt: skip
    return handles


def _handle(shape: str, colour: str, label: str, size: float, edge: str = "none") -> "Line2D":
    from matplotlib.lines import Line2D  # noqa: PLC0415

    return Line2D(
        [], [], marker=shape, color=colour, markersize=size, markeredgecolor=edge, linestyle="none", label=label
    )  # fmt: skip


def _flat(picture: Picture) -> bool:
    (x, y), (_, (right, top)) = picture.disagreement, picture.limits
    return x >= right or y >= top


def words(name: str) -> str:
    """A role as people write it."""
    return name.replace("_", " ")


def _fit(title: str) -> str:
    return title if len(title) <= 80 else title[:79] + "…"
