"""Which strategy to take, of what was measured, and the words and blocks that say so. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from batchwright_bench.figures import outcomes
from batchwright_bench.figures.intervals import Interval
from batchwright_bench.figures.outcomes import Result
from batchwright_server.config.plan import Strategy

_MOST_BUCKETS = 4


class Objective(StrEnum):
    """What is best."""

    THROUGHPUT = "throughput"  # samples per second
    LATENCY = "latency"  # the 99th percentile


@dataclass(frozen=True)
class Trial:
    """One strategy under the load; without a result it could not be had, for the reason."""

    strategy: Strategy
    result: Result | None = None
    reason: str = ""
    reloads: int = 0
    cpu_seconds: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether all requests were answered."""
        return self.result is not None and not self.result.failures and self.result.requests > 0


@dataclass(frozen=True)
class Choice:
    """The best trial, and a sentence with its numbers; none if every strategy failed."""

    best: Trial | None
    sentence: str


def join(rounds: Sequence[Trial]) -> Trial:
    """The trials of one strategy as one; its first reason if it could not be had in every round."""
    results = [one.result for one in rounds if one.result is not None]
    if len(results) < len(rounds):
        return next(one for one in rounds if one.result is None)
    return Trial(
        rounds[0].strategy,
        outcomes.join(results),
        reloads=sum(one.reloads for one in rounds),
        cpu_seconds=sum(one.cpu_seconds for one in rounds),
    )


def plan_trials(sizes: Sequence[int]) -> tuple[Strategy, ...]:
    """The strategies that can take these batch sizes; `fixed` only if there is one."""
    varying = (Strategy.RELOAD, Strategy.DEMULTIPLEX, Strategy.DYNAMIC, Strategy.BUCKETS)
    return (*varying, Strategy.FIXED) if len(set(sizes)) == 1 else varying


def to_batching(strategy: Strategy, sizes: Sequence[int]) -> dict[str, Any]:
    """The `batching` of a server's configuration document, for these batch sizes."""
    found: dict[str, Any] = {"strategy": strategy.value}
    if strategy is Strategy.FIXED:
        found["fixed"] = {"batch_size": max(sizes)}
    if strategy is Strategy.BUCKETS:
        found["buckets"] = {"sizes": buckets(sizes)}
    return found


def to_manifest(strategy: Strategy, sizes: Sequence[int]) -> dict[str, Any]:
    """The same as the `batching:` of a ModelServer."""
    found: dict[str, Any] = {"strategy": strategy.value.capitalize()}
    if strategy is Strategy.FIXED:
        found["fixed"] = {"batchSize": max(sizes)}
    if strategy is Strategy.BUCKETS:
        found["buckets"] = {"sizes": buckets(sizes)}
    return {"batching": found}


def buckets(sizes: Sequence[int]) -> list[int]:
    """A few of the sizes, the largest among them, evenly spread over their order."""
    known = sorted(set(sizes))
    if len(known) <= _MOST_BUCKETS:
        return known
    steps = (round(number * (len(known) - 1) / (_MOST_BUCKETS - 1)) for number in range(_MOST_BUCKETS))
    return [known[step] for step in steps]


def figure(trial: Trial, objective: Objective) -> Interval:
    """What the objective compares; more is better."""
    assert trial.result is not None  # noqa: S101 (asked of whole trials alone)
    if objective is Objective.THROUGHPUT:
        return trial.result.samples_per_second
    histogram = trial.result.histogram
    low, high = histogram.interval(99.0)
    latency = Interval(histogram.percentile(99.0), low, high)
    return Interval(1000.0, 1000.0, 1000.0).over(latency)


def choose(trials: Sequence[Trial], objective: Objective) -> Choice:
    """The best of those that answered everything."""
    whole = [trial for trial in trials if trial.is_whole]
    if not whole:
        return Choice(None, "No strategy answered every request.")
    ranked = sorted(whole, key=lambda trial: figure(trial, objective).value, reverse=True)
    best = ranked[0]
    assert best.result is not None  # noqa: S101 (it is whole)
    speed, tail = best.result.samples_per_second.value, best.result.histogram.percentile(99.0)
    told = f"{best.strategy.value.capitalize()}: {speed:.1f} samples/s, 99 % within {tail:.1f} ms"
    if len(ranked) == 1:
        return Choice(best, f"{told}; no other strategy answered every request.")
    second = ranked[1]
    factor = figure(best, objective).over(figure(second, objective))
    name = second.strategy.value
    if factor.low > 1.0:
        return Choice(best, f"{told}; {factor.value:.2f} times {name}, the next.")
    sure = "" if math.isnan(factor.value) else f" ({factor.value:.2f} times)"
    return Choice(
        best, f"{told}; not surely better than {name}{sure}: measure longer to tell them apart."
    )
