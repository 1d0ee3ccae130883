import pytest

from batchwright_server import errors
from batchwright_server.api.request_log import RequestLog


def test_failures_of_a_kind_are_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """The next line says how many there were in between."""
    now = [0.0]
    log = RequestLog(lambda: now[0])
    for second in (0, 1, 59.9, 60, 61):
        now[0] = second
        log.tell_failure("/Predict", errors.QueueFull(8))

    told = [record.__dict__["fields"] for record in caplog.records]
    assert [fields.get("more_since_last") for fields in told] == [None, 2]


def test_an_unexpected_failure_is_told_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """At ERROR, and as rarely."""
    log = RequestLog(lambda: 0.0)
    for _ in range(3):
        log.tell_failure("/Predict", ZeroDivisionError("x"))

    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.exc_info is not None
