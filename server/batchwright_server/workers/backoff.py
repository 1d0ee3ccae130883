"""How long to wait before a worker that ended is started again."""

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0
STEADY_SECONDS = 60.0  # a worker that lived so long is no part of a series


class BackOff:
    """Twice as long after each end of a series."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def after(self, lived_seconds: float) -> float:
        """The wait after a worker that lived for so long."""
        if lived_seconds >= STEADY_SECONDS:
            self._next = FIRST_SECONDS
        wait, self._next = self._next, min(LONGEST_SECONDS, 2 * self._next)
        return wait
