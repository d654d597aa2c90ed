"""Where the marks of a picture are, in the units of its drawing.

Covered: shape tells the arm, colour the model, so that no picture needs colour alone; each has a table beside it.
Not covered: colours, which the style sheet has for light and dark.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evals.report.content import Report
from evals.report.figures import Tradeoff
from evals.report.outcomes import Scatter

WIDTH, HEIGHT = 420, 340
LEFT, RIGHT, TOP, BOTTOM = 48, WIDTH - 12, 12, HEIGHT - 44
COLOURS = 7
"""So many are told apart by those who see colours otherwise; more models take turns."""


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to places."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The place of a value."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    @property
    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Places and what is written there."""
        span = self.high - self.low
        step = next(
            (one for one in (0.25, 0.5, 1, 2, 5) if span / one <= 6), 10 ** math.ceil(math.log10(span / 6))
        )
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return tuple(
            (self.at(n * step), f"{n * step:.2f}".rstrip("0").rstrip(".")) for n in range(first, last + 1)
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """One dot, with its intervals."""

    suite: str
    model: str
    prompts: str
    arm: str
    path: str
    colour: int
    text: str
    bars: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """Marks between two axes."""

    horizontal: Axis
    vertical: Axis
    marks: tuple[Mark, ...]
    line: str = ""
    """Of the frontier."""
    star: str = ""
    """Of the Nash solution."""


class Legend:
    """Which colour and which shape stand for what.

    Args:
        report: All that is drawn.
    """

    def __init__(self, report: Report) -> None:
        places = [one.place for one in report.tradeoffs]
        points = [point for scatter in report.outcomes for point in scatter.points]
        self.models = sorted({one.model for one in places} | {point.model for point in points})
        self.leaking = sorted({one.arm for one in places})
        """The arms in the picture of leaks."""
        self.ended = sorted({point.arm for point in points})
        """The arms in those of outcomes."""
        self._arms = [*self.leaking, *(arm for arm in self.ended if arm not in self.leaking)]

    def colour(self, model: str) -> int:
        """The number of a model's colour."""
        return self.models.index(model) % COLOURS

    def shape(self, arm: str, x: float, y: float, r: float) -> str:
        """The outline of an arm's mark."""
        return _SHAPES[self._arms.index(arm) % len(_SHAPES)](x, y, round(r, 1))


def tradeoff(found: Sequence[Tradeoff], legend: Legend) -> Picture | None:
    """Leak against capture. None: there is nothing to draw."""
    told = [(one, one.leak.value, one.capture.value) for one in found]
    some = [(one, leak, capture) for one, leak, capture in told if leak is not None and capture is not None]
    if not some:
        return None
    ends = [end for one, *_ in some for end in (one.capture.low, one.capture.high) if end is not None]
    x, y = Axis(*_range(ends), LEFT, RIGHT), Axis(*_range(()), BOTTOM, TOP)
    marks = []
    for one, leak, capture in some:
        bars, (px, py) = [], (x.at(capture), y.at(leak))
        if one.capture.low is not None and one.capture.high is not None:
            bars.append(f"M{x.at(one.capture.low)} {py}H{x.at(one.capture.high)}")
        if one.leak.low is not None and one.leak.high is not None:
            bars.append(f"M{px} {y.at(one.leak.low)}V{y.at(one.leak.high)}")
        place = one.place
        text = f"{place.model}, {place.prompts}, {place.arm}: leak {one.leak}, capture {one.capture}"
        marks.append(
            Mark(place.suite, place.model, place.prompts, place.arm, legend.shape(place.arm, px, py, 6),
                 legend.colour(place.model), text, tuple(bars))
        )  # fmt: skip
    return Picture(x, y, tuple(marks))


def scatter(found: Scatter, legend: Legend) -> Picture:
    """Outcomes, on the frontier of their scenario."""
    every = [point.shares for point in found.points] + list(found.frontier)
    x = Axis(*_range(share[0] for share in every), LEFT, RIGHT)
    y = Axis(*_range(share[1] for share in every), BOTTOM, TOP)
    marks = []
    for point in sorted(found.points, key=lambda point: -point.count):  # the small ones on top
        px, py = x.at(point.shares[0]), y.at(point.shares[1])
        radius = min(14.0, 3.5 + 1.2 * math.log2(point.count))
        text = (
            f"{point.model}, {point.prompts}, {point.suite}, {point.arm}: {found.roles[0]} {point.shares[0]:.2f}, "
            f"{found.roles[1]} {point.shares[1]:.2f}, {point.count} negotiations"
        )
        marks.append(
            Mark(point.suite, point.model, point.prompts, point.arm, legend.shape(point.arm, px, py, radius),
                 legend.colour(point.model), text)
        )  # fmt: skip
    line = "".join(f"{'L' if i else 'M'}{x.at(a)} {y.at(b)}" for i, (a, b) in enumerate(found.frontier))
    star = _cross(x.at(found.nash[0]), y.at(found.nash[1]), 7) if found.nash else ""
    return Picture(x, y, tuple(marks), line, star)


def _range(values: Iterable[float]) -> tuple[float, float]:
    """From 0 to 1, or as far as values go."""
    some = [0.0, 1.0, *values]
    low, high = min(some), max(some)
    edge = 0.03 * (high - low)
    return low - edge, high + edge


def _circle(x: float, y: float, r: float) -> str:
    return f"M{round(x - r, 1)} {y}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0Z"


def _square(x: float, y: float, r: float) -> str:
    return _box(x, y, r, r)


def _triangle(x: float, y: float, r: float) -> str:
    return f"M{x} {round(y - 1.2 * r, 1)}l{round(1.15 * r, 1)} {2 * r}h{round(-2.3 * r, 1)}Z"


def _diamond(x: float, y: float, r: float) -> str:
    r = round(1.25 * r, 1)
    return f"M{x} {round(y - r, 1)}l{r} {r}l{-r} {r}l{-r} {-r}Z"


def _turned(x: float, y: float, r: float) -> str:
    return f"M{x} {round(y + 1.2 * r, 1)}l{round(1.15 * r, 1)} {-2 * r}h{round(-2.3 * r, 1)}Z"


def _bar(x: float, y: float, r: float) -> str:
    return _box(x, y, 1.3 * r, 0.4 * r)


def _pillar(x: float, y: float, r: float) -> str:
    return _box(x, y, 0.4 * r, 1.3 * r)


def _box(x: float, y: float, half: float, tall: float) -> str:
    wide, high = round(2 * half, 1), round(2 * tall, 1)
    return f"M{round(x - half, 1)} {round(y - tall, 1)}h{wide}v{high}h{-wide}Z"


def _cross(x: float, y: float, r: float) -> str:
    return f"M{round(x - r, 1)} {y}h{2 * r}M{x} {round(y - r, 1)}v{2 * r}"


_SHAPES = (_circle, _square, _triangle, _diamond, _turned, _bar, _pillar)
