"""Which compiled sizes stay: bounded by entries and bytes, admitted by frequency.

A newcomer goes to a small window, where the least recently used gives way. Who has to leave the window
stays only if it is asked for more often than the least frequent of the others, which then goes in its
place. So a client that cycles through sizes empties the window and nothing else, while a size that is
new and in use is compiled once. With room for one entry there is the window alone: least recently used.

The idea is W-TinyLFU's (Einziger, Friedman, Manes 2017); sizes are few, so their counts are exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from batchwright_server.core.frequency import Frequencies
from batchwright_server.core.tensors import Size

_WINDOW = 1  # entries; compiled models are few and large, a hundredth of them would be none
_LEAST_PERIOD = 16
_PERIOD_PER_ENTRY = 4  # requests, after which what was frequent counts half


@dataclass(frozen=True)
class Bounds:
    """How much may stay; None: bounded by entries alone."""

    entries: int
    size_bytes: int | None = None


class Residency:
    """The sizes that are compiled, within bounds."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._window: dict[Size, int] = {}  # with their bytes; least recently used first, in both
        self._main: dict[Size, int] = {}
        self._frequencies = Frequencies(max(_LEAST_PERIOD, _PERIOD_PER_ENTRY * bounds.entries))

    def __contains__(self, size: Size) -> bool:
        return size in self._window or size in self._main

    def __len__(self) -> int:
        return len(self._window) + len(self._main)

    def __iter__(self) -> Iterator[Size]:
        """Those that would go first, first."""
        yield from self._window
        yield from sorted(self._main, key=self._frequencies.__getitem__)

    @property
    def size_bytes(self) -> int:
        """What all that stays takes."""
        return sum(self._window.values()) + sum(self._main.values())

    def note(self, size: Size) -> None:
        """Count one request of `size`, whether it is here or not."""
        self._frequencies.note(size)
        for segment in (self._window, self._main):
            if size in segment:
                segment[size] = segment.pop(size)

    def admit(self, size: Size, size_bytes: int = 0) -> list[Size]:
        """Take in `size`, and give the sizes that must go; it may be among them."""
        self.remove(size)
        most = self._bounds.size_bytes
        if most is not None and size_bytes > most:
            return [size]  # all others would have to go for it, in vain
        self._window[size] = size_bytes
        return self._evict()

    def remove(self, size: Size) -> None:
        """Let go of `size`, if it is here."""
        self._window.pop(size, None)
        self._main.pop(size, None)

    def resize(self, bounds: Bounds) -> list[Size]:
        """Keep to `bounds` from now on, and give the sizes that must go."""
        self._bounds = bounds
        return self._evict()

    def _evict(self) -> list[Size]:
        evicted = []
        while len(self._window) > _WINDOW:
            candidate = next(iter(self._window))
            self._main[candidate] = self._window.pop(candidate)
            if self._is_too_much():
                evicted.append(self._drop_least_frequent(candidate))
        while self._main and self._is_too_much():
            evicted.append(self._drop(self._main, min(self._main, key=self._frequencies.__getitem__)))
        while self._window and self._is_too_much():
            evicted.append(self._drop(self._window, next(iter(self._window))))
        return evicted

    def _is_too_much(self) -> bool:
        most = self._bounds.size_bytes
        return len(self) > self._bounds.entries or (most is not None and self.size_bytes > most)

    def _drop_least_frequent(self, candidate: Size) -> Size:
        """Drop the least frequent of the main part; `candidate` where it is no more frequent."""
        others = [size for size in self._main if size != candidate]
        victim = min(others, key=self._frequencies.__getitem__, default=candidate)
        if self._frequencies[candidate] <= self._frequencies[victim]:
            victim = candidate
        return self._drop(self._main, victim)

    def _drop(self, segment: dict[Size, int], size: Size) -> Size:
        del segment[size]
        return size
