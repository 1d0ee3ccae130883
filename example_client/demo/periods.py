"""Figures of a stretch of a run: pure functions of the records."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from example_client.demo import records

STALL_MARGIN_SECONDS = 5.0


@dataclass(frozen=True)
class Period:
    """One stretch of the traffic, from `start` to `end` seconds after it began."""

    strategy: str
    start: float
    end: float
    requests: int  # answered in this stretch, well or not
    samples_per_s: float  # of the requests answered well
    p50_ms: float
    p99_ms: float
    reloads: int


def observe(run: records.Run, strategy: str, start: float, end: float) -> Period:
    """The figures of the requests whose answers came in [start, end)."""
    answers = answered(run.answers, start, end)
    well = [answer for answer in answers if answer.is_ok]
    p50, p99 = percentiles(well)
    return Period(
        strategy=strategy,
        start=start,
        end=end,
        requests=len(answers),
        samples_per_s=sum(answer.samples for answer in well) / max(end - start, 1e-9),
        p50_ms=p50,
        p99_ms=p99,
        reloads=reloads(run.readings, start, end),
    )


def before_and_after(run: records.Run) -> tuple[Period, Period] | None:
    """The two stretches around the first switch; None when nothing switched, or it never settled.

    Before: from the first request to the decision. After: from the first answer that came when the new
    plan served, to the moment in which the clients were told to stop (or the policy switched again).
    """
    if not run.switches or run.settled is None:
        return None
    switch, *others = run.switches
    ended = min([run.ended, *(other.at for other in others)])
    later = [answer.end for answer in run.answers if answer.end >= run.settled]
    source, target = switch.strategies
    before = observe(run, source, 0.0, switch.at)
    return before, observe(run, target, min(later, default=run.settled), ended)


def longest_stall(run: records.Run, start: float, end: float) -> float:
    """The longest time, in milliseconds, in which no client got an answer.

    Counted are all pauses between two answers, to whichever client, that touch [start, end].
    """
    ends = sorted([0.0, *(answer.end for answer in run.answers if answer.is_ok)])
    pauses = [
        later - earlier
        for earlier, later in itertools.pairwise(ends)
        if later >= start and earlier <= end
    ]
    return 1000.0 * max(pauses, default=0.0)


def stall_around_switch(run: records.Run) -> float:
    """The longest stall from the decision to some seconds after the new plan served."""
    if not run.switches or run.settled is None:
        return 0.0
    return longest_stall(run, run.switches[0].at, run.settled + STALL_MARGIN_SECONDS)


def answered(answers: Sequence[records.Answer], start: float, end: float) -> list[records.Answer]:
    """The requests whose answers came in [start, end)."""
    return [answer for answer in answers if start <= answer.end < end]


def percentiles(answers: Sequence[records.Answer]) -> tuple[float, float]:
    """The median and the 99th percentile of the waiting times, in milliseconds; zeros for none."""
    if not answers:
        return 0.0, 0.0
    median, high = np.percentile([answer.milliseconds for answer in answers], [50, 99])
    return float(median), float(high)


def reloads(readings: Sequence[records.Reading], start: float, end: float) -> int:
    """The reloads that the server counted in [start, end), over all its processes."""
    total = 0
    for earlier, later in itertools.pairwise(readings):
        if start < later.at < end:
            is_same = earlier.process == later.process
            total += later.reloads - earlier.reloads if is_same else later.reloads
    return total
