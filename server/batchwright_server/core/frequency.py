"""How often each compiled size was asked for lately: counts that are halved again and again.

After each `period` requests every count is halved, and what falls to nothing is forgotten. So there are
never more than `period` counts, and old fame fades: after three periods an eighth is left of it.
"""

from collections import Counter

from batchwright_server.core.tensors import Size


class Frequencies:
    """Counts of the sizes that were asked for, the latest weighing most."""

    def __init__(self, period: int) -> None:
        self._period = period
        self._counts: Counter[Size] = Counter()
        self._until_halving = period

    def __getitem__(self, size: Size) -> int:
        return self._counts[size]

    def __len__(self) -> int:
        return len(self._counts)

    def note(self, size: Size) -> None:
        """Count one request of `size`."""
        self._counts[size] += 1
        self._until_halving -= 1
        if self._until_halving == 0:
            halved = {known: count // 2 for known, count in self._counts.items() if count > 1}
            self._counts = Counter(halved)
            self._until_halving = self._period
