"""Which compiled sizes stay: least recently used goes first."""

from batchwright_server.core.tensors import Size


class Residency:
    """The sizes that are compiled, at most `max_entries`, ordered by their last use."""

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._sizes: dict[Size, None] = {}  # least recently used first

    def __contains__(self, size: Size) -> bool:
        return size in self._sizes

    def __len__(self) -> int:
        return len(self._sizes)

    def touch(self, size: Size) -> None:
        """Note a use of a size that is here."""
        del self._sizes[size]
        self._sizes[size] = None

    def admit(self, size: Size) -> list[Size]:
        """Take in `size` as the latest used, and give the sizes that must go."""
        self._sizes[size] = None
        return self._evict()

    def resize(self, max_entries: int) -> list[Size]:
        """Hold `max_entries` from now on, and give the sizes that must go."""
        self._max_entries = max_entries
        return self._evict()

    def _evict(self) -> list[Size]:
        surplus = max(0, len(self._sizes) - self._max_entries)
        evicted = list(self._sizes)[:surplus]
        for old in evicted:
            del self._sizes[old]
        return evicted
