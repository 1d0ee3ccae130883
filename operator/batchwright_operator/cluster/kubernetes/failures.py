"""What the API server says, as one of the cluster's errors: by HTTP status, then by reason."""

import orjson

from batchwright_operator.cluster.errors import ClusterError, Outdated, Refused, Unavailable

_UNKNOWN_FIELD = "field not declared in schema"  # server-side apply answers 500 for the user's mistake
_OTHER_UID = "metadata.uid: Invalid value"  # an object of that name was made anew in between
# Where owning needs a right, that check knows a new definition half a minute later than all else does.
_OWNER_UNKNOWN_YET = "cannot find RESTMapping"
_LONGEST = 1024


class Missing(Outdated):
    """There is no such object."""


class UnknownKind(Refused):
    """There is no such kind of object: a definition has to be installed."""


class AlreadyThere(Outdated):
    """There is an object of that name."""


_REFUSED = frozenset({400, 402, 403, 405, 406, 411, 412, 413, 414, 415, 422, 426, 431, 451, 501, 505})
_UNAVAILABLE = frozenset({401, 407, 408, 421, 425, 429})  # 401: the token is read again, and then tried
_OUTDATED = frozenset({409, 410})
_NOT_FOUND = 404
_CLIENT_ERRORS = range(400, 500)


def to_error(status: int, body: bytes, retry_after: str | None = None) -> ClusterError:
    """The error for an answer of any status that is no success. `body` is a Status object or text."""
    answer = _parse(body)
    message = str(answer.get("message") or _text(body) or f"HTTP status {status}")[:_LONGEST]
    if status == _NOT_FOUND:
        return _not_found(answer, message)
    if status in _OUTDATED or _OTHER_UID in message:
        is_there = answer.get("reason") == "AlreadyExists"
        return AlreadyThere(message) if is_there else Outdated(message)
    if _OWNER_UNKNOWN_YET in message:
        return Unavailable(message, _seconds(retry_after, answer))
    if status in _REFUSED or _UNKNOWN_FIELD in message:
        return Refused(message)
    if status in _CLIENT_ERRORS and status not in _UNAVAILABLE:
        return Refused(message)
    return Unavailable(message, _seconds(retry_after, answer))


def _not_found(answer: dict[str, object], message: str) -> ClusterError:
    details = answer.get("details")
    if isinstance(details, dict) and details.get("name"):
        return Missing(message)
    return UnknownKind(f"the API server does not know this kind of object: {message}")


def _seconds(retry_after: str | None, answer: dict[str, object]) -> float | None:
    details = answer.get("details")
    told = details.get("retryAfterSeconds") if isinstance(details, dict) else None
    try:
        return max(0.0, float(retry_after if retry_after is not None else str(told)))
    except ValueError:  # not told, or as a date
        return None


def _parse(body: bytes) -> dict[str, object]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _text(body: bytes) -> str:
    return " ".join(body.decode(errors="replace").split())
