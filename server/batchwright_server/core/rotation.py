"""Requests that wait with their samples, from which batches are filled in turn.

A request of many samples gives as many as a batch has room for and goes to the end, so that small ones
wait for a batch or two, not for all of it.
"""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Owner = TypeVar("Owner", bound=Hashable)


@dataclass(eq=False)
class Entry(Generic[Owner]):
    """One request's samples; only those of one `key` may share a batch."""

    owner: Owner
    key: Hashable
    samples: int
    since: float
    taken: int = 0

    @property
    def left(self) -> int:
        """How many samples wait."""
        return self.samples - self.taken


@dataclass(frozen=True)
class Share(Generic[Owner]):
    """Samples `start` to `stop` of `owner`."""

    owner: Owner
    start: int
    stop: int


class Rotation(Generic[Owner]):
    """The waiting samples; `is_splitting`: whether those of one request may go to several batches."""

    def __init__(self, *, is_splitting: bool) -> None:
        self._is_splitting = is_splitting
        self._entries: deque[Entry[Owner]] = deque()
        self.samples = 0  # that wait, of all keys

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def oldest(self) -> float | None:
        """Since when the longest waiting request waits; None if none does."""
        return min((entry.since for entry in self._entries), default=None)

    def add(self, entry: Entry[Owner]) -> None:
        """Let a request wait."""
        self._entries.append(entry)
        self.samples += entry.left

    def discard(self, entry: Entry[Owner]) -> None:
        """Let a request go that waits no longer, if it is here."""
        if entry.left and entry in self._entries:
            self._entries.remove(entry)
            self.samples -= entry.left

    def take(self, room: int) -> list[Share[Owner]]:
        """The next batch: up to `room` samples, or one whole request where that must not be split."""
        taken: list[Share[Owner]] = []
        passed: deque[Entry[Owner]] = deque()
        begun: list[Entry[Owner]] = []
        key = self._entries[0].key if self._entries else None
        while self._entries and room > 0:
            entry = self._entries.popleft()
            count = min(entry.left, room) if self._is_splitting else entry.left
            if entry.key != key or (taken and count > room):
                passed.append(entry)
                continue
            taken.append(Share(entry.owner, entry.taken, entry.taken + count))
            entry.taken += count
            self.samples -= count
            room -= count
            if entry.left:
                begun.append(entry)
        self._entries.extendleft(reversed(passed))
        self._entries.extend(begun)
        return taken
