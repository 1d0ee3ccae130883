"""Logs: one event a line, as text for people or as JSON for collectors.

They go to standard error, and to a file too where one is asked for. A record may carry `fields`
(`extra={"fields": {...}}`). What is said while a request is worked on carries its id. All times are UTC.
"""

import logging
from collections.abc import Mapping
from logging.handlers import WatchedFileHandler
from pathlib import Path

from batchwright_server.config.logline import LogLine
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
    """Lines for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of `record`."""
        return _line(self, record).to_text()


class JsonFormatter(logging.Formatter):
    """Lines for collectors."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of `record`."""
        return _line(self, record).to_json()


def _line(formatter: logging.Formatter, record: logging.LogRecord) -> LogLine:
    return LogLine(
        at=record.created,
        level=record.levelname,
        logger=record.name,
        message=record.getMessage(),
        fields=_fields(record),
        traceback=formatter.formatException(record.exc_info) if record.exc_info else "",
    )


def _fields(record: logging.LogRecord) -> dict[str, object]:
    given = getattr(record, "fields", None)
    fields: dict[str, object] = dict(given) if isinstance(given, Mapping) else {}
    if (scope := scopes.current()) is not None:
        fields["request_id"] = scope.id
    return fields
