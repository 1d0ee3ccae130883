"""The sizes that could not be compiled, so that the next request for one fails at once.

A size is remembered until the configuration changes; one that memory did not suffice for is tried again
after a while, which doubles each time that fails.
"""

from collections import OrderedDict
from dataclasses import dataclass

from batchwright_server import errors
from batchwright_server.core.tensors import Size
from batchwright_server.runtime import ports

FIRST_RETRY_SECONDS = 2.0
LAST_RETRY_SECONDS = 300.0
MOST_SIZES = 10_000  # as many batch sizes as there may be; of shapes there is no end


@dataclass(frozen=True)
class _Failure:
    error: errors.CompilationFailed
    delay: float  # until it is tried again
    retry_at: float


class FailedSizes:
    """Failures by size, the latest ones."""

    def __init__(self, clock: ports.Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[Size, _Failure] = OrderedDict()

    def add(self, size: Size, error: errors.CompilationFailed) -> None:
        """Remember that `size` cannot be compiled."""
        before = self._failures.pop(size, None)
        delay = float("inf")
        if error.is_transient:
            longer = 2 * before.delay if before else FIRST_RETRY_SECONDS
            delay = min(longer, LAST_RETRY_SECONDS)
        self._failures[size] = _Failure(error, delay, self._clock() + delay)
        if len(self._failures) > MOST_SIZES:
            self._failures.popitem(last=False)

    def find(self, size: Size) -> errors.CompilationFailed | None:
        """The failure to answer with, a new one each time; None if the size may be tried."""
        failure = self._failures.get(size)
        if failure is None or failure.retry_at <= self._clock():
            return None
        return failure.error.again()

    def forget(self, size: Size) -> None:
        """Note that `size` was compiled."""
        self._failures.pop(size, None)
