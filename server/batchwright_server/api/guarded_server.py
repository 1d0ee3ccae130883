"""The edge of every RPC: failures become status codes, and nothing escapes as a bare exception.

Methods are guarded once, when they are added; what an interceptor does again for each call costs more
than a small model.
"""

import asyncio
import contextlib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import grpc

from batchwright_server.api import codes
from batchwright_server.api.admission import Admission
from batchwright_server.api.calls import REQUEST_ID, Call, Edge
from batchwright_server.errors import ServerError

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class _Methods(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs only
    """The methods by their names. gRPC asks for one as soon as it has taken up a call."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.handlers: dict[str, _Handler] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "_Handler | None":
        self._admission.note()
        return self.handlers.get(handler_call_details.method)


class GuardedServer:
    """Takes what is added to a server, and adds it so that failed calls end with the code of their kind.

    Calls come in by a door.
    """

    def __init__(self, server: Any, admission: Admission, edge: Edge) -> None:
        self._admission = admission
        self._edge = edge
        self._methods = _Methods(admission)
        server.add_generic_rpc_handlers((self._methods,))

    def add_generic_rpc_handlers(self, handlers: Sequence[object]) -> None:
        """Leave out what generated code adds a second time, by name: those are the ones that count."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, _Handler]) -> None:
        """Add the methods of `service`, guarded."""
        for name, handler in handlers.items():
            method = f"/{service}/{name}"
            self._methods.handlers[method] = self._guard(handler, method)

    def _guard(self, handler: _Handler, method: str) -> _Handler:
        codecs = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            behaviour = self._guard_unary(handler.unary_unary, method)
            return grpc.unary_unary_rpc_method_handler(behaviour, **codecs)
        if handler.unary_stream:
            behaviour = self._guard_stream(handler.unary_stream, method)
            return grpc.unary_stream_rpc_method_handler(behaviour, **codecs)
        if handler.stream_stream and inspect.isasyncgenfunction(handler.stream_stream):
            behaviour = self._guard_stream(handler.stream_stream, method)
            return grpc.stream_stream_rpc_method_handler(behaviour, **codecs)
        return handler

    def _guard_unary(self, behaviour: Any, method: str) -> Any:
        async def guarded(request: Any, context: _Context) -> Any:
            if not self._admission.is_open:
                await self._admission.wait()
            try:
                with self._enter(method, context):
                    return await behaviour(request, context)
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001  the process's edge: no fault ends the connection
                await _abort(context, error)

        return guarded

    def _guard_stream(self, behaviour: Any, method: str) -> Any:
        """Likewise for a method that answers with a stream, which is one call."""

        # It writes its answers: a generator may be ended by anybody, in a context not the call's own.
        async def guarded(request: Any, context: _Context) -> None:
            if not self._admission.is_open:
                await self._admission.wait()
            try:
                with self._enter(method, context):
                    async with contextlib.aclosing(behaviour(request, context)) as answers:
                        async for answer in answers:
                            await _write(context, answer)
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001  the process's edge: no fault ends the connection
                await _abort(context, error)

        return guarded

    def _enter(self, method: str, context: _Context) -> Call:
        call = self._edge.call(method, dict(context.invocation_metadata() or ()))
        context.set_trailing_metadata(((REQUEST_ID, call.id),))
        return call


async def _write(context: _Context, answer: Any) -> None:
    try:
        await context.write(answer)
    except Exception as error:
        if context.done():
            raise asyncio.CancelledError from error  # nobody is there any more
        raise


async def _abort(context: _Context, error: Exception) -> None:
    if isinstance(error, ServerError):
        await context.abort(codes.GRPC_CODES[error.kind], str(error))
    await context.abort(grpc.StatusCode.INTERNAL, "unexpected failure; the server's log says more")
