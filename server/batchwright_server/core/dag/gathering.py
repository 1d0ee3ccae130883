"""Putting shards back in order: each is written into its own place of one array."""

import numpy as np

from batchwright_server.core.tensors import Tensor, format_shape

Index = tuple[int, ...]


class DifferentShard(ValueError):
    """A shard unlike the first one; they cannot be one tensor."""


class Gathering:
    """One tensor made of shards; `counts` are the dimensions put in front of them.

    The array is made when the first shard comes, because only then its shape is known for sure. A
    single shard that is all of it is not copied.
    """

    def __init__(self, counts: tuple[int, ...]) -> None:
        self._counts = counts
        self._array: Tensor | None = None

    def put(self, index: Index, shard: Tensor) -> None:
        """Take the shard at `index`, or all shards below it. Raises DifferentShard."""
        if not index:
            self._array = shard
            return
        if self._array is None:
            inner = shard.shape[len(self._counts) - len(index) :]
            self._array = np.empty((*self._counts, *inner), shard.dtype)
        place = self._array[index]
        if place.shape != shard.shape or self._array.dtype != shard.dtype:
            raise DifferentShard(
                f"shard {format_shape(index)} has shape {format_shape(shard.shape)}, others have "
                f"{format_shape(place.shape)}; shards of different shapes cannot be gathered"
            )
        self._array[index] = shard

    @property
    def tensor(self) -> Tensor:
        """The whole, once every shard came."""
        if self._array is None:
            raise LookupError("no shard came yet")
        return self._array
