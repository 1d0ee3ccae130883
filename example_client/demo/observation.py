"""What the server itself says of the model, read from its signals."""

import http.client
import json
import time
from typing import Any

from example_client.demo import records

_SECONDS = 2.0
_POLL_SECONDS = 0.2


def read(port: int, model: str, at: float) -> records.Reading | None:
    """The newest reading of `model`; None when the server does not answer or has no such model."""
    document = _read_signals(port)
    found = _find(document, model)
    if not found.get("plan"):
        return None
    reloads = int(found["counters"]["reloads"])
    return records.Reading(at, document["process"], found["plan"]["strategy"], reloads)


def wait_until_measured(port: int, model: str, strategies: int, *, seconds: float) -> bool:
    """Whether the costs of so many strategies are known, after waiting for them at most `seconds`."""
    end = time.monotonic() + seconds
    while True:
        costs = _find(_read_signals(port), model).get("costs", [])
        if len({cost["plan"]["strategy"] for cost in costs}) >= strategies:
            return True
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_SECONDS)


def _read_signals(port: int) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request("GET", "/v1/signals")
        response = connection.getresponse()
        document: dict[str, Any] = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()
    return document


def _find(document: dict[str, Any], model: str) -> dict[str, Any]:
    return next((one for one in document.get("models", []) if one["name"] == model), {})
