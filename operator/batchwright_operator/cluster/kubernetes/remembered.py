"""What is worth remembering and harmless to forget: bounded, the longest unused goes first."""

from collections import OrderedDict
from typing import Generic, TypeVar

MOST = 65_536

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Values by keys, at most so many."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, if it is still remembered."""
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        """Remember a value in place of the one before."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)

    def pop(self, key: K) -> V | None:
        """The value, forgotten."""
        return self._values.pop(key, None)
