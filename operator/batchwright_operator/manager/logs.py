"""The operator's log: a line an event on standard error, as text or as JSON, in UTC.

A record may carry `fields` (`extra={"fields": {...}}`); `object` is the key of whose run it is.
"""

import logging
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime

import orjson

current_object: ContextVar[str] = ContextVar("current_object", default="")
"""The key of the object that is run; set by the worker, so that all that is logged in a run has it."""

_KOPF_CALLS = "kopf._cogs.clients"  # its logger of calls to the API server


def configure(form: str) -> None:
    """Log from INFO upward in a form: text or json."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    handler.addFilter(_temper_kopf)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("kopf").setLevel(logging.WARNING)  # it tells of each event otherwise
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def _temper_kopf(record: logging.LogRecord) -> bool:
    """Its faults are the API server's, its messages say what they were, and it tries again by itself.

    When it is ended, a callback of its own may fail, which asyncio tells of.
    """
    is_callback = record.name == "asyncio" and "/kopf/" in record.getMessage()
    if record.name.startswith("kopf") or is_callback:
        record.exc_info = record.exc_text = None
    if record.levelno == logging.ERROR and (record.name.startswith(_KOPF_CALLS) or is_callback):
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
    return True


class TextFormatter(logging.Formatter):
    """`time LEVEL logger message key=value …`; a traceback follows on lines that begin with a tab."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of `record`."""
        said = f"{_time(record)} {record.levelname} {record.name} {_text(record.getMessage())}"
        said += "".join(f" {key}={_value(value)}" for key, value in _fields(record).items())
        if record.exc_info:
            said += "".join(f"\n\t{line}" for line in self.formatException(record.exc_info).splitlines())
        return said


class JsonFormatter(logging.Formatter):
    """One JSON object: the fields, then `time`, `level`, `logger`, `message`, and an `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of `record`."""
        event = _fields(record) | {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(record: logging.LogRecord) -> dict[str, object]:
    given = getattr(record, "fields", None)
    fields: dict[str, object] = dict(given) if isinstance(given, Mapping) else {}
    key = current_object.get()
    return {"object": key, **fields} if key else fields


def _value(value: object) -> str:
    text = _text(str(value))
    plain = text and not any(char in text for char in ' "=')
    return text if plain else orjson.dumps(text).decode()


def _text(text: str) -> str:
    """`text` with what would break the line, or steer a terminal, written out."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
