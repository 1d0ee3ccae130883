"""Every answer of the API server is one of the cluster's errors."""

import json

import pytest

from batchwright_operator.cluster.errors import ClusterError, Outdated, Refused, Unavailable
from batchwright_operator.cluster.kubernetes.failures import AlreadyThere, Missing, UnknownKind, to_error


def _body(reason: str = "", message: str = "words", **details: object) -> bytes:
    return json.dumps(
        {"kind": "Status", "reason": reason, "message": message, "details": details}
    ).encode()


@pytest.mark.parametrize("status", [*range(100, 200), *range(300, 600)])
def test_every_status_is_mapped(status: int) -> None:
    """Whatever the status, what to do about it is known, and the server's words are kept."""
    error = to_error(status, _body())
    assert isinstance(error, Refused | Outdated | Unavailable)
    assert "words" in str(error)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, _body("BadRequest", 'strict decoding error: unknown field "x"'), Refused),
        (401, _body("Unauthorized"), Unavailable),
        (403, _body("Forbidden"), Refused),
        (403, _body("Forbidden", "cannot find RESTMapping for APIVersion x Kind Y"), Unavailable),
        (404, _body("NotFound", name="x"), Missing),
        (404, b"404 page not found\n", UnknownKind),
        (409, _body("Conflict"), Outdated),
        (409, _body("AlreadyExists"), AlreadyThere),
        (410, _body("Expired"), Outdated),
        (413, _body("RequestEntityTooLarge"), Refused),
        (422, _body("Invalid"), Refused),
        (422, _body("Invalid", 'metadata.uid: Invalid value: "u": field is immutable'), Outdated),
        (429, _body("TooManyRequests"), Unavailable),
        (500, _body("InternalError"), Unavailable),
        (500, _body("", ".spec.x: field not declared in schema"), Refused),
        (503, b"", Unavailable),
        (504, _body("Timeout"), Unavailable),
    ],
)
def test_the_reason_decides_what_is_to_be_done(
    status: int, body: bytes, expected: type[ClusterError]
) -> None:
    """The user's mistakes are not tried again, others' changes are read, troubles are waited out."""
    assert type(to_error(status, body)) is expected


def test_the_server_says_when_to_ask_again() -> None:
    """Retry-After counts before the seconds in the body; a date or nothing is left to our back-off."""
    told = [
        to_error(429, _body(retryAfterSeconds=3), "7"),
        to_error(429, _body(retryAfterSeconds=3)),
        to_error(429, _body(), "Wed, 21 Oct 2026 07:28:00 GMT"),
        to_error(503, b"no JSON"),
    ]
    assert [error.retry_after_seconds for error in told if isinstance(error, Unavailable)] == [
        7.0,
        3.0,
        None,
        None,
    ]
