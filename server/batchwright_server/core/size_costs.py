"""What an inference costs by its batch size: seen for some sizes, guessed for the others."""

from collections.abc import Mapping

from batchwright_server.core.cover import Cover

# How much of a longer time counts: a single slow inference says little, all of them say it in the end.
_RISE = 0.05


class SizeCosts:
    """Seconds of an inference alone, by batch size.

    A shorter time than known counts at once, as whatever else runs can only add to it.
    """

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}

    @property
    def known(self) -> Mapping[int, float]:
        """What was seen."""
        return self._seconds

    def observe(self, size: int, seconds: float) -> None:
        """Learn that an inference over `size` samples took `seconds`."""
        before = self._seconds.get(size, seconds)
        self._seconds[size] = min(seconds, before + _RISE * (seconds - before))

    def estimate(self, size: int) -> float:
        """Seconds of one inference over `size` samples; 0 where nothing is known.

        On the line through the two known sizes around it, or next to it. From one alone, as if half of
        its seconds were for the inference and half for its samples: that errs on the side of trying.
        """
        if size in self._seconds or not self._seconds:
            return self._seconds.get(size, 0.0)
        known = sorted(self._seconds)
        if len(known) == 1:
            return self._seconds[known[0]] * (1 + size / known[0]) / 2
        above = next((index for index, other in enumerate(known) if other > size), len(known) - 1)
        low, high = known[max(1, above) - 1], known[max(1, above)]
        slope = max(0.0, (self._seconds[high] - self._seconds[low]) / (high - low))
        return max(0.0, self._seconds[low] + slope * (size - low))

    def surcharge(self, cover: Cover, size: int) -> float:
        """How much more the pieces of `cover` cost than one inference over `size` samples would."""
        pieces = sum(map(self.estimate, cover.pieces(size)))
        return max(0.0, pieces - self.estimate(size))
