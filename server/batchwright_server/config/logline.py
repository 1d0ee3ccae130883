"""One line of a log, of the server and of the operator alike: text for people, JSON for collectors."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson


@dataclass(frozen=True)
class LogLine:
    """What is told; `at` is Unix time in seconds, `traceback` has lines of its own or is empty."""

    at: float
    level: str
    logger: str
    message: str
    fields: Mapping[str, object]
    traceback: str = ""

    def to_text(self) -> str:
        """`time LEVEL logger message key=value …`; a traceback follows, each line after a tab."""
        said = f"{self._time} {self.level} {self.logger} {_one_line(self.message)}"
        said += "".join(f" {_one_line(key)}={_value(value)}" for key, value in self.fields.items())
        return said + "".join(f"\n\t{line}" for line in self.traceback.splitlines())

    def to_json(self) -> str:
        """One object: the fields, then `time`, `level`, `logger`, `message`, and an `exception`."""
        event = dict(self.fields) | {
            "time": self._time,
            "level": self.level,
            "logger": self.logger,
            "message": self.message,
        }
        return _json(event | {"exception": self.traceback} if self.traceback else event)

    @property
    def _time(self) -> str:
        moment = datetime.fromtimestamp(self.at, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
