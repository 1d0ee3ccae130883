"""What sizes a number of samples is run in, and where."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from batchwright_server.core.cover import Cover
from batchwright_server.runtime.inference_pool import InferencePool

MeasureSize = Callable[[InferencePool, int], Awaitable[float]]  # seconds of an inference


class Sizing(Protocol):
    """Compiled models for certain sizes."""

    def pieces(self, samples: int) -> tuple[int, ...]:
        """Sizes that are at least `samples` in sum; only the last may be more than is left."""

    def pool(self, size: int) -> InferencePool:
        """Where batches of `size` run."""


@dataclass(frozen=True)
class AnySize:
    """One compiled model for all sizes."""

    compiled: InferencePool

    def pieces(self, samples: int) -> tuple[int, ...]:
        return (samples,)

    def pool(self, size: int) -> InferencePool:
        return self.compiled


@dataclass(frozen=True)
class SomeSizes:
    """A compiled model for each of a few sizes."""

    pools: Mapping[int, InferencePool]
    cover: Cover

    def pieces(self, samples: int) -> tuple[int, ...]:
        return self.cover.pieces(samples)

    def pool(self, size: int) -> InferencePool:
        return self.pools[size]
