"""The charts of the report, each a function from a run to SVG."""

import math
from collections import Counter
from collections.abc import Sequence

from example_client.demo import chart, periods, records

_WIDTH = 1000.0
_HEIGHT = 270.0
_LOW_HEIGHT = 150.0
_SMOOTHED_SECONDS = 5  # the line through the bars
_LATENCY_BIN = 5.0  # seconds, about
_SECONDS = "seconds since the first request"


def throughput(run: records.Run) -> str:
    """Samples per second, a bar for each second, with a smoothed line."""
    seconds = range(int(run.ended))
    values = [_samples(periods.answered(run.answers, at, at + 1.0)) for at in seconds]
    frame = _over_time(run, max(values, default=1.0), _HEIGHT)
    bars = [
        chart.bar(
            frame,
            (at + 0.1, at + 0.9),
            value,
            style=f"bar {_side(run, at + 0.5)}",
            title=f"{at} to {at + 1} s: {value:g} samples",
        )
        for at, value in zip(seconds, values, strict=True)
    ]
    lines = [chart.line(frame, _smoothed(values, start, end), "line") for start, end in _stretches(run)]
    marks = [*_ground(frame, run), *bars, *lines]
    return frame.render(marks, "samples per second over time")


def reloads(run: records.Run) -> str:
    """Reloads per second, as the server counted them."""
    seconds = range(int(run.ended))
    values = [periods.reloads(run.readings, at, at + 1.0) for at in seconds]
    frame = _over_time(run, max(values, default=1), _LOW_HEIGHT)
    bars = [
        chart.bar(
            frame,
            (at + 0.1, at + 0.9),
            value,
            style=f"bar {_side(run, at + 0.5)}",
            title=f"{at} to {at + 1} s: {value} reloads",
        )
        for at, value in zip(seconds, values, strict=True)
    ]
    marks = [*_ground(frame, run), *bars]
    return frame.render(marks, "reloads per second over time")


def latency(run: records.Run) -> str:
    """How long each request took, a dot each, with the median and the 99th percentile."""
    well = [answer for answer in run.answers if answer.is_ok]
    frame = _over_time(run, max((answer.milliseconds for answer in well), default=1.0), _HEIGHT)
    dots = [
        chart.dot(
            frame,
            (min(answer.end, run.ended), answer.milliseconds),
            style=f"dot {_side(run, answer.end)}",
            title=f"{answer.samples} samples in {answer.milliseconds:.0f} ms, at {answer.end:.1f} s",
        )
        for answer in well
    ]
    lines = []
    for start, end in _stretches(run):
        medians, highs = _percentile_lines(well, start, end)
        lines += [chart.line(frame, highs, "line faint"), chart.line(frame, medians, "line")]
    marks = [*_ground(frame, run), *dots, *lines]
    return frame.render(marks, "milliseconds per request over time")


def batch_sizes(run: records.Run) -> str:
    """The share of requests of each batch size, before and after the switch."""
    groups = _by_side(run)
    sizes = sorted({answer.samples for answer in run.answers})
    shares = {side: _shares(answers) for side, answers in groups.items()}
    top = max((share for each in shares.values() for share in each.values()), default=1.0)
    ends = (min(sizes, default=1) - 0.6, max(sizes, default=1) + 0.6)
    frame = chart.Frame(_WIDTH, _LOW_HEIGHT + 40, ends, top)
    width = 0.76 / max(len(groups), 1)
    bars = [
        chart.bar(
            frame,
            (size - 0.38 + index * width, size - 0.38 + (index + 1) * width),
            shares[side].get(size, 0.0),
            style=f"bar {side}",
            title=f"{shares[side].get(size, 0.0):.1f} % of the requests {side} have {size} samples",
        )
        for index, side in enumerate(groups)
        for size in sizes
    ]
    marks = [chart.axes(frame, "samples in a request", sizes), *bars]
    return frame.render(marks, "share of requests by batch size, in percent")


def _over_time(run: records.Run, top: float, height: float) -> chart.Frame:
    return chart.Frame(_WIDTH, height, (0.0, run.ended), top)


def _side(run: records.Run, at: float) -> str:
    if not run.switches:
        return "before"
    boundary = run.switches[0].at if run.settled is None else run.settled
    return "before" if at < boundary else "after"


def _by_side(run: records.Run) -> dict[str, list[records.Answer]]:
    groups: dict[str, list[records.Answer]] = {"before": [], "after": []}
    for answer in run.answers:
        groups[_side(run, answer.end)].append(answer)
    return {side: answers for side, answers in groups.items() if answers}


def _stretches(run: records.Run) -> list[tuple[float, float]]:
    """Before and after the switch, or the whole: what lines must not join."""
    if not run.switches or run.settled is None:
        return [(0.0, run.ended)]
    return [(0.0, run.switches[0].at), (run.settled, run.ended)]


def _ground(frame: chart.Frame, run: records.Run) -> list[str]:
    """Axes, and the switch."""
    ground = [chart.axes(frame, _SECONDS)]
    if run.switches:
        switch = run.switches[0]
        end = switch.at if run.settled is None else max(run.settled, switch.at)
        ground.append(chart.band(frame, switch.at, end, "switch"))
    return ground


def _samples(answers: Sequence[records.Answer]) -> float:
    return float(sum(answer.samples for answer in answers if answer.is_ok))


def _smoothed(values: Sequence[float], start: float, end: float) -> list[chart.Point]:
    half = _SMOOTHED_SECONDS // 2
    first, last = math.ceil(start), min(math.floor(end), len(values))
    windows = [
        (at, values[max(first, at - half) : min(at + half + 1, last)]) for at in range(first, last)
    ]
    return [(at + 0.5, sum(window) / len(window)) for at, window in windows]


def _percentile_lines(
    answers: Sequence[records.Answer], start: float, end: float
) -> tuple[list[chart.Point], list[chart.Point]]:
    bins = max(1, round((end - start) / _LATENCY_BIN))
    width = (end - start) / bins
    medians, highs = [], []
    for left in (start + index * width for index in range(bins)):
        within = periods.answered(answers, left, left + width)
        if within:
            median, high = periods.percentiles(within)
            medians.append((left + width / 2, median))
            highs.append((left + width / 2, high))
    return medians, highs


def _shares(answers: Sequence[records.Answer]) -> dict[int, float]:
    counts = Counter(answer.samples for answer in answers)
    return {size: 100.0 * count / len(answers) for size, count in counts.items()}
