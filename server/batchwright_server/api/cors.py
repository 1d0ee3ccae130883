"""Requests from web pages of other origins, where the command line allows them.

What asks models may be allowed; what manages the server never is.
"""

import argparse
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from batchwright_server.api.calls import REQUEST_ID

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

ANY = "*"
_PATHS = ("/v1/models/", "/v2")
_METHODS = "GET, POST"  # all that these paths have
_TOLD = f"{REQUEST_ID}, Inference-Header-Content-Length"  # headers of answers that pages may read
_REMEMBERED_SECONDS = "600"  # of an answer about what is allowed


@dataclass(frozen=True)
class CrossOrigin:
    """Whose pages may ask, and how; `*` is any."""

    origins: tuple[str, ...]
    methods: str = ANY
    headers: str = ANY
    credentials: bool = False

    @property
    def sends_credentials(self) -> bool:
        """Whether cookies and the like may come along: never from pages of any origin."""
        return self.credentials and ANY not in self.origins

    def answer(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers of an answer to a request with `headers`; none where its origin may not ask."""
        origin = headers.get(hdrs.ORIGIN, "")
        if not origin or not (ANY in self.origins or origin in self.origins):
            return {}
        told = ANY if ANY in self.origins else origin
        allowed: dict[str, str] = {
            hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: told,
            hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: _TOLD,
            hdrs.VARY: hdrs.ORIGIN,
        }
        if self.sends_credentials:
            allowed[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
        return allowed

    def answer_preflight(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers of an answer to the question what may be asked."""
        allowed = self.answer(headers)
        if not allowed:
            return {}
        wished = headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "")
        allowed[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = _METHODS if self.methods == ANY else self.methods
        if told := wished if self.headers == ANY else self.headers:
            allowed[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = told
        allowed[hdrs.ACCESS_CONTROL_MAX_AGE] = _REMEMBERED_SECONDS
        return allowed


def parse(flags: argparse.Namespace) -> CrossOrigin | None:
    """The rules in the command line's flags; None where no origin is allowed."""
    origins = tuple(text.strip() for text in flags.allowed_origins.split(",") if text.strip())
    if not origins:
        return None
    return CrossOrigin(origins, flags.allowed_methods, flags.allowed_headers, flags.allow_credentials)


def make_cors(rules: CrossOrigin) -> Middleware:
    """Answers browsers that ask what they may, without a token, and marks every other answer."""

    @web.middleware
    async def cors(request: web.Request, handler: _Handler) -> web.StreamResponse:
        if not request.path.startswith(_PATHS) or hdrs.ORIGIN not in request.headers:
            return await handler(request)
        if request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
            return web.Response(status=204, headers=rules.answer_preflight(request.headers))
        answer = await handler(request)
        answer.headers.update(rules.answer(request.headers))
        return answer

    return cors
