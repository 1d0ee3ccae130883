"""The compiled sizes that a simulated server keeps, and reload's shadow of them."""

from collections import deque


class Kept:
    """At most `entries` sizes; the least recently used goes first."""

    def __init__(self, entries: int, *sizes: int) -> None:
        self._entries = entries
        self._sizes = dict.fromkeys(sizes)  # least recently used first

    @property
    def rising(self) -> tuple[int, ...]:
        """The sizes in their order."""
        return tuple(sorted(self._sizes))

    def has(self, size: int) -> bool:
        """Whether the size is here, which is then the latest used."""
        if size not in self._sizes:
            return False
        self.add(size)
        return True

    def add(self, size: int) -> None:
        """Take in a size, and let the oldest go."""
        self._sizes.pop(size, None)
        self._sizes[size] = None
        while len(self._sizes) > self._entries:
            del self._sizes[next(iter(self._sizes))]


class Shadow:
    """Counts the reloads that reload would make: one at a time, and requests of one size join one."""

    def __init__(self, entries: int, reload_seconds: float) -> None:
        self._kept = Kept(entries)
        self._reload_seconds = reload_seconds
        self._compiling: deque[tuple[float, int]] = deque()  # when it is finished, and which size
        self._free_at = 0.0

    def misses(self, size: int, now: float) -> bool:
        """Whether a request of `size` at `now` would make a reload."""
        while self._compiling and self._compiling[0][0] <= now:
            self._kept.add(self._compiling.popleft()[1])
        if self._kept.has(size) or any(size == it for _, it in self._compiling):
            return False
        self._free_at = max(now, self._free_at) + self._reload_seconds
        self._compiling.append((self._free_at, size))
        return True
