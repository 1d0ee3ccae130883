"""JSON answers, and failures as JSON: `{"error": …}` with the status of their kind."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import orjson
from aiohttp import web
from aiohttp.typedefs import Middleware

from batchwright_server.api import codes
from batchwright_server.api.calls import REQUEST_ID, Edge
from batchwright_server.errors import ServerError

JSON = "application/json"
_TOLD_HEADERS = frozenset({"Allow", "WWW-Authenticate"})  # part of what 405 and 401 mean

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


def json_response(body: object, status: int = 200) -> web.Response:
    """`body` as JSON."""
    return web.Response(body=orjson.dumps(body), content_type=JSON, status=status)


def calls_over(edge: Edge) -> Middleware:
    """What passes every request over `edge`, and gives its answer the request's id."""

    @web.middleware
    async def pass_over(request: web.Request, handler: _Handler) -> web.StreamResponse:
        call = edge.call(f"{request.method} {_route(request)}", request.headers)

        async def handle(request: web.Request) -> web.StreamResponse:
            with call:
                return await handler(request)

        answer = await _tell_failures(request, handle)
        answer.headers[REQUEST_ID] = call.id
        return answer

    return pass_over


def _route(request: web.Request) -> str:
    """The path with names for what varies: few different ones, whatever clients send."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


async def _tell_failures(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """The handler's answer, or what went wrong; nothing escapes as a page of HTML."""
    try:
        return await handler(request)
    except ServerError as error:
        return _error(str(error), codes.HTTP_STATUS[error.kind])
    except web.HTTPException as error:
        answer = _error(f"{request.method} {request.path}: {error.reason}", error.status)
        for name in _TOLD_HEADERS & error.headers.keys():
            answer.headers[name] = error.headers[name]
        return answer
    except Exception:  # noqa: BLE001  the process's edge: a fault here must not end the connection
        return _error("unexpected failure; the server's log says more", 500)


def _error(message: str, status: int) -> web.Response:
    return json_response({"error": message}, status)
