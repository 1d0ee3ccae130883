"""The operator's log: a line an event on standard error, as text or as JSON, in UTC.

A record may carry `fields` (`extra={"fields": {...}}`); `object` is the key of whose run it is.
"""

import logging
from collections.abc import Mapping
from contextvars import ContextVar

from batchwright_server.config.logline import LogLine

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
    key = current_object.get()
    return {"object": key, **fields} if key else fields
