"""What the log says of requests: each in a line at DEBUG, failures at WARNING, never a flood of them."""

import logging
import time

from batchwright_server.errors import ServerError
from batchwright_server.runtime import ports
from batchwright_server.runtime.scopes import Scope

QUIET_SECONDS = 60.0  # between two lines about failures of a kind

_log = logging.getLogger(__name__)


class RequestLog:
    """Writes the lines of all protocols."""

    def __init__(self, clock: ports.Clock = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}  # by kind of failure: when it was in the log last
        self._untold: dict[str, int] = {}

    def tell_answer(self, scope: Scope, method: str, code: str, seconds: float) -> None:
        """The access line of a request."""
        if not _log.isEnabledFor(logging.DEBUG):
            return
        fields: dict[str, object] = {"method": method, "code": code}
        if scope.model:
            fields |= {"protocol": scope.protocol, "model": scope.model, "version": scope.version}
        if scope.batch_size is not None:
            fields["batch_size"] = scope.batch_size
        fields["milliseconds"] = round(seconds * 1e3, 3)
        fields["queue_milliseconds"] = round(scope.queue_seconds * 1e3, 3)
        _log.debug("request answered", extra={"fields": fields})

    def tell_failure(self, method: str, error: Exception) -> None:
        """That a request failed: the first of its kind in a while, with how many there were since."""
        expected = isinstance(error, ServerError)
        kind = error.kind.value if isinstance(error, ServerError) else type(error).__name__
        now = self._clock()
        if now - self._told.get(kind, -QUIET_SECONDS) < QUIET_SECONDS:
            self._untold[kind] = self._untold.get(kind, 0) + 1
            return
        self._told[kind] = now
        fields: dict[str, object] = {"method": method, "kind": kind}
        if untold := self._untold.pop(kind, 0):
            fields["more_since_last"] = untold
        if expected:
            _log.warning("request failed: %s", error, extra={"fields": fields})
        else:
            _log.error("unexpected failure in %s", method, exc_info=error, extra={"fields": fields})
