"""What the server itself says of the model, read from its signals."""

import http.client
import json

from example_client.demo import records

_SECONDS = 2.0


def read(port: int, model: str, at: float) -> records.Reading | None:
    """The newest reading of `model`; None when the server does not answer or has no such model."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request("GET", "/v1/signals")
        response = connection.getresponse()
        document = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    for one in document.get("models", []):
        if one["name"] == model and one.get("plan"):
            reloads = int(one["counters"]["reloads"])
            return records.Reading(at, document["process"], one["plan"]["strategy"], reloads)
    return None
