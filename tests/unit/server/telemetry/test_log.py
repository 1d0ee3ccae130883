import json
import logging
import sys

from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.runtime import scopes
from batchwright_server.telemetry import log

FIELDS = st.dictionaries(
    st.text(), st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())
)


def record(message: str, fields: dict[str, object] | None = None) -> logging.LogRecord:
    made = logging.LogRecord("a.b", logging.WARNING, "f.py", 1, message, (), None)
    made.created = 1_700_000_000.25
    made.__dict__["fields"] = fields or {}
    return made


def test_a_text_line_has_time_level_logger_message_and_fields() -> None:
    """In this order; a value with spaces is quoted."""
    line = log.TextFormatter().format(record("it rains", {"model": "m", "why": "a cloud", "empty": ""}))

    assert line == '2023-11-14T22:13:20.250Z WARNING a.b it rains model=m why="a cloud" empty=""'


def test_a_json_line_has_the_same() -> None:
    """As an object; a field cannot pass itself off as the message."""
    event = json.loads(log.JsonFormatter().format(record("it rains", {"message": "no", "code": 3})))

    assert event == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "WARNING",
        "logger": "a.b",
        "message": "it rains",
        "code": 3,
    }


@given(st.text(st.characters()), FIELDS)
def test_every_event_is_one_line(message: str, fields: dict[str, object]) -> None:
    """Whatever a client put into it: no line break, no control character; and JSON stays JSON."""
    text = log.TextFormatter().format(record(message.replace("%", ""), fields))
    written = log.JsonFormatter().format(record(message.replace("%", ""), fields))

    assert len(text.splitlines()) == 1
    assert all(char.isprintable() for char in written if ord(char) < 32)
    assert json.loads(written)["level"] == "WARNING"
    assert "\n" not in written


def test_a_request_in_progress_is_named() -> None:
    """What is said while a request is worked on carries its id, and nothing said after it does."""
    token = scopes.enter(scopes.Scope("abc"))
    inside = log.TextFormatter().format(record("x"))
    scopes.leave(token)

    assert inside.endswith(" request_id=abc")
    assert "request_id" not in log.TextFormatter().format(record("x"))


def test_a_traceback_is_told() -> None:
    """In JSON as a field; in text on lines of its own that begin with a tab."""
    made = record("broken")
    try:
        int("why")
    except ValueError:
        made.exc_info = sys.exc_info()
    text = log.TextFormatter().format(made).splitlines()

    assert text[-1].startswith("\tValueError: ")
    assert all(line.startswith("\t") for line in text[1:])
    assert "ValueError: " in json.loads(log.JsonFormatter().format(made))["exception"]
