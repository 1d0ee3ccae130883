"""Requests one by one, as they went, and all of them together as a result that fits a file."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from batchwright_bench.figures.histogram import Histogram, bucket_of
from batchwright_bench.figures.intervals import Interval, mean_of

OK = "OK"
PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)
_WINDOWS = 10  # that a run has at least, where it is shorter than as many seconds


@dataclass(frozen=True)
class Outcome:
    """One request; seconds since the run began. Without `is_timed` it was to warm up."""

    intended: float
    sent: float
    done: float
    batch_size: int
    code: str = OK
    is_timed: bool = True

    @property
    def nanoseconds(self) -> int:
        """From the moment at which it was meant to be sent, so that a wait to be sent counts too."""
        return max(round((self.done - self.intended) * 1e9), 0)


# So much as a computation in floating point has exactly, and more than any run has.
_Count = Annotated[int, Field(ge=0, le=2**53)]
_Seconds = Annotated[float, Field(ge=0, le=1e9)]
_Bucket = Annotated[int, Field(ge=0, le=bucket_of(10**18))]
_Buckets = Mapping[_Bucket, _Count]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Window(_Document):
    """What was answered in a stretch of time."""

    seconds: Annotated[float, Field(ge=1e-9, le=1e9)]
    requests: _Count
    samples: _Count


class Result(_Document):
    """One run. Latencies are of successful requests, in buckets of nanoseconds."""

    format: Literal[1] = 1
    title: str
    load: str  # in words: what was asked, and how
    seconds: _Seconds
    requests: _Count
    samples: _Count
    failures: Mapping[str, _Count]
    latencies: _Buckets
    latencies_by_batch_size: Mapping[_Count, _Buckets]
    windows: tuple[Window, ...]

    @model_validator(mode="after")
    def _counts_agree(self) -> Self:
        if self.histogram.total != self.requests:
            raise ValueError(
                f"latencies: expected those of {self.requests} requests, found {self.histogram.total}"
            )
        return self

    @property
    def histogram(self) -> Histogram:
        """All latencies."""
        return Histogram(self.latencies)

    @property
    def samples_per_second(self) -> Interval:
        """How many samples were answered in a second, and how sure that is by its change over time."""
        if self.seconds <= 0:
            return Interval(0.0, 0.0, math.inf)
        spread = mean_of([window.samples / window.seconds for window in self.windows])
        value = self.samples / self.seconds
        shift = value - spread.value
        return Interval(value, max(spread.low + shift, 0.0), spread.high + shift)

    @property
    def requests_per_second(self) -> float:
        """How many requests were answered in a second."""
        return self.requests / self.seconds if self.seconds > 0 else 0.0


def sum_up(title: str, load: str, outcomes: Iterable[Outcome]) -> Result:
    """The result of those requests that are timed."""
    timed = sorted((one for one in outcomes if one.is_timed), key=lambda one: one.done)
    answered = [one for one in timed if one.code == OK]
    begin = min((one.intended for one in timed), default=0.0)
    seconds = max((one.done for one in timed), default=0.0) - begin
    sizes = sorted({one.batch_size for one in answered})
    return Result(
        title=title,
        load=load,
        seconds=seconds,
        requests=len(answered),
        samples=sum(one.batch_size for one in answered),
        failures=dict(Counter(one.code for one in timed if one.code != OK)),
        latencies=_counts(answered),
        latencies_by_batch_size={
            size: _counts([one for one in answered if one.batch_size == size]) for size in sizes
        },
        windows=_windows(answered, begin, seconds),
    )


def join(results: Sequence[Result]) -> Result:
    """Several runs, at least one, of the same load as one."""
    sizes = sorted({size for one in results for size in one.latencies_by_batch_size})
    failures = Counter[str]()
    for one in results:
        failures.update(one.failures)
    return Result(
        title=results[0].title,
        load=results[0].load,
        seconds=sum(one.seconds for one in results),
        requests=sum(one.requests for one in results),
        samples=sum(one.samples for one in results),
        failures=dict(failures),
        latencies=_together(one.latencies for one in results),
        latencies_by_batch_size={
            size: _together(one.latencies_by_batch_size.get(size, {}) for one in results)
            for size in sizes
        },
        windows=tuple(window for one in results for window in one.windows),
    )


def _together(counts: Iterable[Mapping[int, int]]) -> Mapping[int, int]:
    return sum(map(Histogram, counts), Histogram({})).counts


def _counts(outcomes: Sequence[Outcome]) -> Mapping[int, int]:
    return Histogram.of(one.nanoseconds for one in outcomes).counts


def _windows(answered: Sequence[Outcome], begin: float, seconds: float) -> tuple[Window, ...]:
    """Stretches of a second each, or shorter ones of a short run; the last ends with the run."""
    if seconds <= 0:
        return ()
    count = max(math.floor(seconds), _WINDOWS)
    width = seconds / count
    requests, samples = [0] * count, [0] * count
    for one in answered:
        place = min(int((one.done - begin) / width), count - 1)
        requests[place] += 1
        samples[place] += one.batch_size
    pairs = zip(requests, samples, strict=True)
    return tuple(Window(seconds=width, requests=asked, samples=had) for asked, had in pairs)
