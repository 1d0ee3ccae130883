"""The operator's log."""

import json
import logging

import pytest

from batchwright_operator.manager import logs


def record(message: str, *, name: str = "x", **fields: object) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.WARNING, "", 0, message, None, None)
    made.created = 0.5
    made.__dict__["fields"] = fields
    return made


def test_a_line_is_one_line_and_carries_the_object() -> None:
    """What is said in a run has the object's key; line breaks and quotes are written out."""
    token = logs.current_object.set("ns/name")
    try:
        text = logs.TextFormatter().format(record("it\nfailed", error='no "way"'))
        event = json.loads(logs.JsonFormatter().format(record("it failed", error="no")))
    finally:
        logs.current_object.reset(token)

    assert text == ('1970-01-01T00:00:00.500Z WARNING x it\\nfailed object=ns/name error="no \\"way\\""')
    assert event["object"] == "ns/name"
    assert (event["time"], event["level"], event["message"]) == (
        "1970-01-01T00:00:00.500Z",
        "WARNING",
        "it failed",
    )


@pytest.mark.parametrize("form", ["text", "json"])
def test_faults_of_ours_have_a_traceback_and_those_that_kopf_tells_have_none(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A traceback in the log is a fault of the operator's own."""
    before = logging.root.handlers[:], logging.root.level
    try:
        logs.configure(form)
        for name in ("kopf.reactor", "batchwright_operator.x"):
            logging.getLogger(name).error("it failed", exc_info=ZeroDivisionError())
    finally:
        logging.root.handlers[:], level = before
        logging.root.setLevel(level)

    told = capsys.readouterr().err
    assert told.count("it failed") == 2
    assert told.count("ZeroDivisionError") == 1


def test_what_kopf_tries_again_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A call that the API server refused for a moment is a warning, since nobody has to act."""
    before = logging.root.handlers[:], logging.root.level
    try:
        logs.configure("text")
        logging.getLogger("kopf._cogs.clients.watching").error("will retry")
        logging.getLogger("asyncio").error("Exception in callback at /x/kopf/y.py")
    finally:
        logging.root.handlers[:], level = before
        logging.root.setLevel(level)

    told = capsys.readouterr().err
    assert " WARNING kopf._cogs.clients.watching will retry" in told
    assert " WARNING asyncio Exception in callback" in told
