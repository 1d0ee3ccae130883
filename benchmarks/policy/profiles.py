"""What a model really costs, from `costs.yaml`: the truth that the simulated server obeys."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from batchwright_server.config.plan import Plan, Strategy, Streams

FILE = Path(__file__).with_name("costs.yaml")
LARGEST = 512  # samples in one request


@dataclass(frozen=True)
class Curve:
    """Seconds by batch size: measured points, straight between them and beyond the last."""

    points: tuple[tuple[float, float], ...]

    def at(self, size: int) -> float:
        """Seconds for `size`."""
        return self._table[size]

    @cached_property
    def _table(self) -> tuple[float, ...]:
        return tuple(self._between(size) for size in range(LARGEST + 1))

    def _between(self, size: int) -> float:
        sizes = [point[0] for point in self.points]
        place = min(max(bisect_left(sizes, size), 1), len(self.points) - 1)
        (left, low), (right, high) = self.points[place - 1 : place + 1]
        return max(low + (high - low) * (size - left) / (right - left), 1e-7)


@dataclass(frozen=True)
class Costs:
    """Work (core-seconds) and span (seconds alone) by batch size."""

    work: Curve
    span: Curve


@dataclass(frozen=True)
class PlanProfile:
    """One plan's true costs."""

    run: Costs
    prepare_work: float
    prepare_span: float


@dataclass(frozen=True)
class Profile:
    """One model on one machine."""

    name: str
    cores: int
    plans: Mapping[Plan, PlanProfile]
    reload: Mapping[Streams, Costs]

    def compiled(self, streams: Streams) -> Costs:
        """The costs of a model that is compiled for exactly the size it runs."""
        return self.plans[Plan(Strategy.RELOAD, streams)].run


def load_profiles(file: Path = FILE) -> dict[str, Profile]:
    """Every model that was measured, by name."""
    document = yaml.safe_load(file.read_text())
    cores = document["cores"]
    return {name: _profile(name, cores, item) for name, item in document["models"].items()}


def _profile(name: str, cores: int, item: Mapping[str, Mapping[str, Any]]) -> Profile:
    return Profile(
        name=name,
        cores=cores,
        plans={Plan.parse(plan): _plan(found) for plan, found in item["plans"].items()},
        reload={Streams(streams): _costs(points) for streams, points in item["reload"].items()},
    )


def _plan(found: Any) -> PlanProfile:
    work, span = found["prepare"]
    return PlanProfile(_costs(found["points"]), work, span)


def _costs(points: Any) -> Costs:
    rising = sorted(points)
    return Costs(
        work=Curve(tuple((size, work) for size, work, _ in rising)),
        span=Curve(tuple((size, span) for size, _, span in rising)),
    )
