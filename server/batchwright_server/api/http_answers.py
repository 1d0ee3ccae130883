"""JSON answers, and failures as JSON: `{"error": …}` with the status of their kind."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import orjson
from aiohttp import web

from batchwright_server.api import codes
from batchwright_server.errors import ServerError

JSON = "application/json"

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
_log = logging.getLogger(__name__)


def json_response(body: object, status: int = 200) -> web.Response:
    """`body` as JSON."""
    return web.Response(body=orjson.dumps(body), content_type=JSON, status=status)


@web.middleware
async def tell_failures(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """The handler's answer, or what went wrong; nothing escapes as a page of HTML."""
    try:
        return await handler(request)
    except ServerError as error:
        return _error(str(error), codes.HTTP_STATUS[error.kind])
    except web.HTTPException as error:
        answer = _error(f"{request.method} {request.path}: {error.reason}", error.status)
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer
    except Exception:  # noqa: BLE001  the process's edge: a fault here must not end the connection
        _log.exception("unexpected failure in %s", request.path)
        return _error("unexpected failure; the server's log says more", 500)


def _error(message: str, status: int) -> web.Response:
    return json_response({"error": message}, status)
