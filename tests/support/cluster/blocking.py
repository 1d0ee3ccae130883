"""Requests to an API server outside any event loop, for what is set up before tests run."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from tests.support.cluster.kubeconfig import Access


def request(
    access: Access, method: str, path: str, body: Any = None, *, seconds: float = 10.0
) -> tuple[int, Any]:
    """The status and the document (or text) of the answer; (0, the error) if there is none."""
    address = urlsplit(access.url)
    connection = http.client.HTTPSConnection(
        address.hostname or "", address.port, timeout=seconds, context=access.context
    )
    data = None if body is None else json.dumps(body)
    try:
        connection.request(method, path, data, {"Content-Type": "application/json", **access.headers})
        response = connection.getresponse()
        text = response.read()
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)
    finally:
        connection.close()
    try:
        return response.status, json.loads(text)
    except ValueError:
        return response.status, text.decode(errors="replace")
