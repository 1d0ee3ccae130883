"""What pods answer, read as from a stranger: in bounds, and nothing taken on trust."""

import orjson
from aiohttp import StreamReader
from pydantic import ValidationError

from batchwright_operator.pods.target import Configured, Outcome
from batchwright_operator.reconcile.observed import Report, Unreachable
from batchwright_server.config.problems import problems_of
from batchwright_server.config.signals import FORMAT, Signals

MAX_BYTES = 1024 * 1024
LONGEST_REASON = 4096  # characters of a pod's words that are passed on

_SERVES, _REFUSED = (200, 201), 400


async def read_capped(content: StreamReader) -> bytes:
    """The body, or no more than a little over MAX_BYTES of it."""
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > MAX_BYTES:
            break
    return bytes(body)


def parse_signals(body: bytes) -> Report:
    """The signals in an answer; what cannot be understood counts as no answer."""
    if len(body) > MAX_BYTES:
        return Unreachable(f"signals of more than {MAX_BYTES} bytes")
    try:
        signals = Signals.model_validate_json(body)
    except ValidationError as error:
        return Unreachable(f"signals not understood: {_shorten(str(problems_of(error)[0]))}")
    if signals.format != FORMAT:
        return Unreachable(f"signals of format {signals.format}; expected {FORMAT}")
    return signals


def parse_configured(status: int, body: bytes) -> Configured | Unreachable:
    """What became of a document, from the answer to `PUT /v1/config`."""
    if status not in (*_SERVES, _REFUSED):
        return parse_refusal(_SERVES[0], status, body)
    fields = _object(body)
    found, error = fields.get("hash"), fields.get("error")
    if not isinstance(found, str) or not isinstance(error, str):
        return Unreachable(f"answered {status} to a document, with nothing that is understood")
    if status in _SERVES:
        return Configured(Outcome.APPLIED, hash=_shorten(found))
    return Configured(Outcome.REFUSED, hash=_shorten(found), error=_shorten(error))


def parse_refusal(expected: int, status: int, body: bytes) -> Unreachable:
    """That a pod gave no answer to the point, with its own words where there are any."""
    error = _object(body).get("error")
    words = f": {_shorten(error)}" if isinstance(error, str) else ""
    return Unreachable(f"expected status {expected}, got {status}{words}")


def _object(body: bytes) -> dict[str, object]:
    if len(body) > MAX_BYTES:
        return {}
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"
