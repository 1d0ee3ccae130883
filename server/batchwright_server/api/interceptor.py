"""The edge of every RPC: failures become status codes, and nothing escapes as a bare exception."""

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import grpc

from batchwright_server.api import codes
from batchwright_server.api.admission import Admission
from batchwright_server.api.calls import REQUEST_ID, Call, Edge
from batchwright_server.errors import ServerError

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_Continue: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[_Handler]]"


class StatusInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Ends a failed call with the code of its kind and its message; lets calls in by a door."""

    def __init__(self, admission: Admission, edge: Edge) -> None:
        self._admission = admission
        self._edge = edge

    async def intercept_service(
        self, continuation: _Continue, handler_call_details: grpc.HandlerCallDetails
    ) -> _Handler:
        await self._admission.enter()
        handler: _Handler | None = await continuation(handler_call_details)
        if handler is None:
            return handler  # type: ignore[return-value]  # an unknown method is gRPC's to answer
        method, codecs = handler_call_details.method, _codecs(handler)
        if handler.unary_unary:
            guarded = _guard(handler.unary_unary, method, self._edge)
            return grpc.unary_unary_rpc_method_handler(guarded, **codecs)
        if handler.unary_stream:
            guarded = _guard_stream(handler.unary_stream, method, self._edge)
            return grpc.unary_stream_rpc_method_handler(guarded, **codecs)
        if handler.stream_stream and inspect.isasyncgenfunction(handler.stream_stream):
            guarded = _guard_stream(handler.stream_stream, method, self._edge)
            return grpc.stream_stream_rpc_method_handler(guarded, **codecs)
        return handler


def _codecs(handler: _Handler) -> dict[str, Any]:
    return {
        "request_deserializer": handler.request_deserializer,
        "response_serializer": handler.response_serializer,
    }


def _guard(behaviour: Any, method: str, edge: Edge) -> Any:
    async def guarded(request: Any, context: _Context) -> Any:
        try:
            with _enter(edge, method, context):
                return await behaviour(request, context)
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001  the process's edge: no fault ends the connection
            await _abort(context, error)

    return guarded


def _guard_stream(behaviour: Any, method: str, edge: Edge) -> Any:
    """Likewise for a method that answers with a stream, which is one call."""

    # It writes its answers: a generator may be ended by anybody, in a context that is not the call's.
    async def guarded(request: Any, context: _Context) -> None:
        try:
            with _enter(edge, method, context):
                async with contextlib.aclosing(behaviour(request, context)) as answers:
                    async for answer in answers:
                        await _write(context, answer)
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001  the process's edge: no fault ends the connection
            await _abort(context, error)

    return guarded


async def _write(context: _Context, answer: Any) -> None:
    try:
        await context.write(answer)
    except Exception as error:
        if context.done():
            raise asyncio.CancelledError from error  # nobody is there any more
        raise


def _enter(edge: Edge, method: str, context: _Context) -> Call:
    call = edge.call(method, dict(context.invocation_metadata() or ()))
    context.set_trailing_metadata(((REQUEST_ID, call.id),))
    return call


async def _abort(context: _Context, error: Exception) -> None:
    if isinstance(error, ServerError):
        await context.abort(codes.GRPC_CODES[error.kind], str(error))
    await context.abort(grpc.StatusCode.INTERNAL, "unexpected failure; the server's log says more")
