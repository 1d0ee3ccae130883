"""The edge of every RPC: failures become status codes, and nothing escapes as a bare exception."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import grpc

from batchwright_server.api import codes
from batchwright_server.api.admission import Admission
from batchwright_server.api.calls import REQUEST_ID, Edge
from batchwright_server.errors import ServerError

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
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
        if handler is None or handler.unary_unary is None:
            return handler  # type: ignore[return-value]  # None, an unknown method, is gRPC's to answer
        return grpc.unary_unary_rpc_method_handler(
            _guard(handler.unary_unary, handler_call_details.method, self._edge),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def _guard(behaviour: Any, method: str, edge: Edge) -> Any:
    async def guarded(request: Any, context: "grpc.aio.ServicerContext[Any, Any]") -> Any:
        try:
            with edge.call(method, dict(context.invocation_metadata() or ())) as call:
                context.set_trailing_metadata(((REQUEST_ID, call.id),))
                return await behaviour(request, context)
        except ServerError as error:
            await context.abort(codes.GRPC_CODES[error.kind], str(error))
        except grpc.aio.AbortError:
            raise
        except Exception:  # noqa: BLE001  the process's edge: a fault here must not end the connection
            await context.abort(
                grpc.StatusCode.INTERNAL, "unexpected failure; the server's log says more"
            )

    return guarded
