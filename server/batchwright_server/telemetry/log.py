"""Logs: one event a line, as text for people or as JSON for collectors.

They go to standard error, and to a file too where one is asked for. A record may carry `fields`
(`extra={"fields": {...}}`). What is said while a request is worked on carries its id. All times are UTC.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path

import orjson

from batchwright_server.runtime import scopes


def configure(level: str, form: str = "text", path: Path | None = None) -> None:
    """Log from `level` (DEBUG, INFO, WARNING, ERROR) upward, in a form: text or json.

    Into the file `path` too, which may be moved away, as those do who rotate logs. Raises OSError.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if path is not None:
        handlers.append(WatchedFileHandler(path, encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=handlers, force=True)


class TextFormatter(logging.Formatter):
    """`time LEVEL logger message key=value …`; a traceback follows on lines that begin with a tab."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of `record`."""
        said = f"{_time(record)} {record.levelname} {record.name} {_one_line(record.getMessage())}"
        said += "".join(f" {_one_line(key)}={_value(value)}" for key, value in _fields(record).items())
        if record.exc_info:
            said += "".join(f"\n\t{line}" for line in self.formatException(record.exc_info).splitlines())
        return said


class JsonFormatter(logging.Formatter):
    """One JSON object: `time`, `level`, `logger`, `message`, the fields, and an `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of `record`."""
        event: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        event = _fields(record) | event
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return _json(event)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(record: logging.LogRecord) -> dict[str, object]:
    given = getattr(record, "fields", None)
    fields: dict[str, object] = dict(given) if isinstance(given, Mapping) else {}
    if (scope := scopes.current()) is not None:
        fields["request_id"] = scope.id
    return fields


def _json(value: object) -> str:
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # half of a surrogate pair, a whole number beyond 64 bits
        return orjson.dumps(_replaced(value), default=str).decode()


def _replaced(value: object) -> object:
    """`value` with question marks for what has no place in Unicode, and large numbers as text."""
    if isinstance(value, dict):
        return {str(_replaced(str(key))): _replaced(item) for key, item in value.items()}
    plain = value is None or isinstance(value, bool | float)
    return value if plain else str(value).encode("utf-8", "replace").decode()


def _value(value: object) -> str:
    text = str(value)
    plain = text.isprintable() and text and not any(char in text for char in ' "=')
    return text if plain else _one_line(_json(text))


def _one_line(text: str) -> str:
    """`text` with what would break the line, or steer a terminal, written out."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
