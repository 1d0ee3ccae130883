"""The edge that a call of any protocol passes, in and out: its id, its trace, its line in the log."""

import asyncio
import itertools
import secrets
import time
from collections.abc import Mapping
from contextvars import Token
from types import TracebackType
from typing import Self, TypeGuard

import grpc
from aiohttp import web

from batchwright_server.api.request_log import RequestLog
from batchwright_server.errors import ServerError
from batchwright_server.runtime import scopes, tracing
from batchwright_server.runtime.scopes import Scope

REQUEST_ID = "x-request-id"  # in gRPC metadata and HTTP headers, both ways
LONGEST_ID = 128

_REFUSALS = (grpc.aio.AbortError, web.HTTPException)


class Call:
    """One call, from entering to leaving."""

    def __init__(self, scope: Scope, method: str, root: tracing.Stage, log: RequestLog) -> None:
        self._scope = scope
        self._method = method
        self._root = root
        self._log = log
        self._began = 0.0
        self._token: Token[Scope | None] | None = None

    @property
    def id(self) -> str:
        """What the client named it, or the server."""
        return self._scope.id

    def __enter__(self) -> Self:
        self._token = scopes.enter(self._scope)
        self._began = time.perf_counter()
        self._root.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        code = _code_of(error)
        if self._root is not tracing.NOTHING:
            self._root.note(_facts(self._scope, code))
        self._root.__exit__(kind, error, traceback)
        if isinstance(error, Exception) and not _is_refusal(error):
            self._log.tell_failure(self._method, error)
        self._log.tell_answer(self._scope, self._method, code, time.perf_counter() - self._began)
        if self._token is not None:
            scopes.leave(self._token)


class Edge:
    """Makes calls of what comes in, for one tracer and one log."""

    def __init__(self, tracer: tracing.Tracer | None = None) -> None:
        self._tracer = tracer or tracing.NoTracer()
        self._log = RequestLog()
        self._process = secrets.token_hex(8)
        self._calls = itertools.count(1)

    def call(self, method: str, headers: Mapping[str, str | bytes]) -> Call:
        """The call of `method` that came with `headers` (or metadata)."""
        given = headers.get(REQUEST_ID)
        request_id = given if _is_fit(given) else f"{self._process}{next(self._calls):016x}"
        root = self._tracer.request(method, headers)
        return Call(Scope(request_id, self._tracer), method, root, self._log)


def _is_fit(given: str | bytes | None) -> TypeGuard[str]:
    """Whether a client's id can stand in a log and in a header."""
    if not isinstance(given, str) or not 0 < len(given) <= LONGEST_ID:
        return False
    return given.isascii() and given.isprintable()


def _code_of(error: BaseException | None) -> str:
    if error is None:
        return "OK"
    if isinstance(error, ServerError):
        return error.kind.value
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return "CANCELLED"
    if isinstance(error, web.HTTPException):
        return str(error.status)
    return "REFUSED" if _is_refusal(error) else "INTERNAL"


def _is_refusal(error: BaseException) -> bool:
    """Whether the protocol's own library says no: a path that does not exist, an aborted call."""
    return isinstance(error, _REFUSALS)


def _facts(scope: Scope, code: str) -> dict[str, tracing.Fact]:
    facts: dict[str, tracing.Fact] = {"request_id": scope.id, "code": code}
    if scope.model:
        facts |= {"protocol": scope.protocol, "model": scope.model, "version": scope.version}
    if scope.batch_size is not None:
        facts["batch_size"] = scope.batch_size
    return facts
