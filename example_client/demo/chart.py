"""A small drawing kit for charts in SVG: scales, axes and marks. Colours come from the page's CSS."""

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 14.0, 14.0, 34.0
_HEADROOM, _Y_STEPS = 1.02, 4
_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)

Point = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` onto pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.start + share * (self.end - self.start)

    def ticks(self, about: int) -> list[float]:
        """Round values within the scale, some `about` of them."""
        step = nice_step((self.high - self.low) / about)
        first = math.ceil(self.low / step - 1e-9)
        return [step * index for index in range(first, math.floor(self.high / step + 1e-9) + 1)]


def nice_step(rough: float) -> float:
    """The smallest step of 1, 2, 2.5 or 5 times a power of ten that is not below `rough`."""
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    return next(factor * power for factor in _NICE if factor * power >= rough * (1 - 1e-9))


@dataclass(frozen=True)
class Frame:
    """A chart's size in pixels, and the ranges of its axes, which begin at 0 below."""

    width: float
    height: float
    x_range: tuple[float, float]
    y_top: float

    @property
    def x(self) -> Scale:
        """Along."""
        return Scale(*self.x_range, _LEFT, self.width - _RIGHT)

    @property
    def y(self) -> Scale:
        """Upwards, to a round number with a little room above the highest value."""
        step = nice_step(self.y_top / _Y_STEPS) if self.y_top > 0 else 1.0
        top = step * max(1, math.ceil(self.y_top * _HEADROOM / step))
        return Scale(0.0, top, self.height - _BOTTOM, _TOP)

    def render(self, marks: Iterable[str], description: str) -> str:
        """The whole chart."""
        return (
            f'<svg viewBox="0 0 {self.width:g} {self.height:g}" role="img" '
            f'aria-label="{html.escape(description)}">{"".join(marks)}</svg>'
        )


def axes(frame: Frame, x_title: str, x_ticks: Sequence[float] | None = None) -> str:
    """Grid lines with numbers, and a title below."""
    x, y = frame.x, frame.y
    parts = [
        f'<line class="grid" x1="{x.start:.1f}" x2="{x.end:.1f}" y1="{y(v):.1f}" y2="{y(v):.1f}"/>'
        f'<text class="tick" x="{x.start - 8:.1f}" y="{y(v) + 4:.1f}" text-anchor="end">{v:,g}</text>'
        for v in y.ticks(_Y_STEPS + 1)
    ]
    parts += [
        f'<text class="tick" x="{x(v):.1f}" y="{y.start + 18:.1f}" text-anchor="middle">{v:g}</text>'
        for v in (x.ticks(10) if x_ticks is None else x_ticks)
    ]
    parts.append(
        f'<text class="tick" x="{x.end:.1f}" y="{frame.height - 3:.1f}" text-anchor="end">'
        f"{html.escape(x_title)}</text>"
    )
    return "".join(parts)


def bar(frame: Frame, span: tuple[float, float], value: float, *, style: str, title: str) -> str:
    """A bar over `span` of the x axis, with a tooltip."""
    x, y = frame.x, frame.y
    left, width = x(span[0]), x(span[1]) - x(span[0])
    height = y.start - y(value)
    return (
        f'<rect class="{style}" x="{left:.1f}" y="{y(value):.1f}" width="{max(width, 0.5):.1f}" '
        f'height="{height:.1f}"><title>{html.escape(title)}</title></rect>'
    )


def line(frame: Frame, points: Sequence[Point], style: str) -> str:
    """A line through the points."""
    if not points:
        return ""
    path = " L".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in points)
    return f'<path class="{style}" d="M{path}"/>'


def dot(frame: Frame, point: Point, *, style: str, title: str) -> str:
    """A dot with a tooltip."""
    x, y = frame.x(point[0]), frame.y(point[1])
    tooltip = f"<title>{html.escape(title)}</title>"
    return f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="2.6">{tooltip}</circle>'


def band(frame: Frame, start: float, end: float, label: str) -> str:
    """A marked stretch of the x axis, at least a line wide, with its label beside."""
    left, right = frame.x(start), frame.x(end)
    is_late = left > (frame.x.start + frame.x.end) * 0.7
    anchor, place = ("end", left - 6) if is_late else ("start", right + 6)
    return (
        f'<rect class="band" x="{left:.1f}" y="{_TOP}" width="{max(right - left, 1.5):.1f}" '
        f'height="{frame.y.start - _TOP:.1f}"/>'
        f'<text class="label" x="{place:.1f}" y="{_TOP + 11}" text-anchor="{anchor}">'
        f"{html.escape(label)}</text>"
    )
