"""The page's pictures in SVG. Their colours are the page's own, by classes."""

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from batchwright_operator.local.page.sheets import Moment

WIDE, NARROW = 760.0, 340.0  # on a desk, and on a phone, where letters must not shrink
_BARS_WIDTH, _LEFT, _RIGHT = 340.0, 46.0, 10.0
_LABEL_WIDTH = 90.0  # of a time, and space beside it
_TOP, _BOTTOM = 20.0, 24.0
_TIMELINE_HEIGHT, _BARS_HEIGHT = 190.0, 150.0
_SHORTEST_SECONDS, LONGEST_SECONDS = 60.0, 600.0
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_NOTHING = 1e-9
_MINUTE_STEPS = (10.0, 30.0, 60.0, 120.0, 300.0)
_MOST_LABELS = 12
_GAP_SECONDS = 15.0  # longer without a look: nothing is known of the time between


@dataclass(frozen=True)
class _Frame:
    """Where moments and rates are in the picture of a time."""

    begin: float
    now: float
    top: float
    width: float

    def x(self, at: float) -> float:
        """From the left."""
        return _LEFT + (self.width - _LEFT - _RIGHT) * (at - self.begin) / (self.now - self.begin)

    def y(self, samples: float) -> float:
        """From above."""
        return _y(samples, self.top, _TIMELINE_HEIGHT)


def timeline(moments: Sequence[Moment], now: float, width: float = WIDE) -> str:
    """Samples a second over time, coloured by strategy, a line where it was switched."""
    moments = [moment for moment in moments if now - LONGEST_SECONDS <= moment.at <= now]
    begin = min(moments[0].at if moments else now, now - _SHORTEST_SECONDS)
    top = _round_up(max((moment.samples for moment in moments), default=0.0))
    frame = _Frame(begin, now, top, width)
    marks = [
        *_grid(top, (width, _TIMELINE_HEIGHT)),
        *_times(frame),
        *_stretches(moments, frame),
        *_switches(moments, frame),
    ]
    return _svg((width, _TIMELINE_HEIGHT), marks, _tell_timeline(moments))


def bars(sizes: Mapping[int, int]) -> str:
    """Requests by batch size, as shares; words where there are none."""
    if not sizes:
        return "<p>No request in the last minute.</p>"
    total = sum(sizes.values()) or 1
    shares = {size: 100 * count / total for size, count in sizes.items()}
    top = _round_up(max(shares.values(), default=0.0))
    size = (_BARS_WIDTH, _BARS_HEIGHT)
    marks = [*_grid(top, size, "%"), *_columns(shares, top)]
    told = ", ".join(f"{size}: {share:.0f} %" for size, share in shares.items())
    return _svg(size, marks, f"Requests by batch size. {told}")


def _tell_timeline(moments: Sequence[Moment]) -> str:
    if not moments:
        return "Samples a second: nothing yet."
    last = moments[-1]
    switches = sum(before.plan != after.plan for before, after in pairwise(moments))
    return (
        f"Samples a second over time: now {last.samples:.0f}, by {last.plan.strategy.value}; "
        f"switches shown: {switches}."
    )


def _svg(size: tuple[float, float], marks: Sequence[str], told: str) -> str:
    return (
        f'<svg viewBox="0 0 {size[0]:g} {size[1]:g}" role="img" aria-label="{html.escape(told)}">'
        f"{''.join(marks)}</svg>"
    )


def _y(value: float, top: float, height: float) -> float:
    return height - _BOTTOM - (height - _BOTTOM - _TOP) * value / top


def _round_up(value: float) -> float:
    """A round number that is not below; 1 for what nobody could tell from nothing."""
    if value < _NOTHING:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in _STEPS if step * power >= value * (1 - 1e-9))


def _grid(top: float, size: tuple[float, float], unit: str = "") -> Iterator[str]:
    right, height = size[0] - _RIGHT, size[1]
    for value in (0.0, top / 2, top):
        y = _y(value, top, height)
        yield f'<line class="grid" x1="{_LEFT:g}" x2="{right:g}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="tick end" x="{_LEFT - 6:g}" y="{y + 4:.1f}">{value:g}{unit}</text>'


def _times(frame: _Frame) -> Iterator[str]:
    span, room = frame.now - frame.begin, (frame.width - _LEFT - _RIGHT) / _LABEL_WIDTH
    step = next((step for step in _MINUTE_STEPS if span / step <= room), _MINUTE_STEPS[-1])
    for index in range(int(span / step) + 1):
        ago = index * step
        text = "now" if not ago else f"{ago:g} s ago" if step < 60 else f"{ago / 60:g} min ago"
        place = "end" if not ago else "middle"
        x = frame.x(frame.now - ago)
        if not ago or x > _LEFT + 20:
            yield f'<text class="tick {place}" x="{x:.1f}" y="{_TIMELINE_HEIGHT - 6:g}">{text}</text>'


def _stretches(moments: Sequence[Moment], frame: _Frame) -> Iterator[str]:
    """An area for each time that one plan served without a gap."""
    for strategy, stretch in groupby(_numbered(moments), key=lambda item: item[:2]):
        found = [moment for *_, moment in stretch]
        points = [(frame.x(moment.at), frame.y(moment.samples)) for moment in found]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        floor = frame.y(0)
        area = f"{points[0][0]:.1f},{floor:.1f} {line} {points[-1][0]:.1f},{floor:.1f}"
        kind = strategy[1]
        yield f'<polygon class="area {kind}" points="{area}"/>'
        yield f'<polyline class="line {kind}" points="{line}"/>'


def _numbered(moments: Sequence[Moment]) -> Iterator[tuple[int, str, Moment]]:
    number = 0
    for before, moment in zip((None, *moments), moments, strict=False):
        if before is not None and (before.plan != moment.plan or moment.at - before.at > _GAP_SECONDS):
            number += 1
        yield number, moment.plan.strategy.value, moment


def _switches(moments: Sequence[Moment], frame: _Frame) -> Iterator[str]:
    for before, after in pairwise(moments):
        if before.plan == after.plan:
            continue
        x = frame.x(after.at)
        name, place = after.plan.strategy.value, "end" if x > frame.width - 150 else "start"
        beside = x - 5 if place == "end" else x + 5
        floor = _TIMELINE_HEIGHT - _BOTTOM
        yield f'<line class="switch" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{floor:g}"/>'
        yield f'<text class="mark {place}" x="{beside:.1f}" y="14">{html.escape(name)}</text>'


def _columns(shares: Mapping[int, float], top: float) -> Iterator[str]:
    """A bar for each size; of many, only some are labelled."""
    slot = (_BARS_WIDTH - _LEFT - _RIGHT) / max(len(shares), 8)
    every = math.ceil(len(shares) / _MOST_LABELS)
    for index, (size, share) in enumerate(shares.items()):
        x, y = _LEFT + slot * index, _y(share, top, _BARS_HEIGHT)
        height = _y(0, top, _BARS_HEIGHT) - y
        yield (
            f'<rect class="bar" x="{x + 0.12 * slot:.1f}" y="{y:.1f}" width="{0.76 * slot:.1f}" '
            f'height="{height:.1f}"><title>{size}: {share:.1f} %</title></rect>'
        )
        if index % every == 0:
            middle = x + slot / 2
            yield f'<text class="tick middle" x="{middle:.1f}" y="{_BARS_HEIGHT - 8:g}">{size}</text>'
