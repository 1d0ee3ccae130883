"""The tokens of gRPC calls."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import grpc
from grpc_health.v1 import health_pb2

from batchwright_server.api.auth_tokens import Tokens

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Continue: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[_Handler]]"

_OPEN = f"/{health_pb2.DESCRIPTOR.services_by_name['Health'].full_name}/"


class TokenInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Ends calls without a token as UNAUTHENTICATED; health checks need none."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def intercept_service(
        self, continuation: _Continue, handler_call_details: grpc.HandlerCallDetails
    ) -> _Handler:
        if handler_call_details.method.startswith(_OPEN):
            return await continuation(handler_call_details)
        fault = self._tokens.find_fault(_authorization(handler_call_details))
        return _refusal(fault) if fault else await continuation(handler_call_details)


def _authorization(details: grpc.HandlerCallDetails) -> str | None:
    for key, value in details.invocation_metadata or ():
        if key == "authorization":
            return value if isinstance(value, str) else None
    return None


def _refusal(fault: str) -> _Handler:
    async def refuse(
        _requests: AsyncIterator[bytes], context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> None:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, fault)

    # A stream for every method: only of a stream is no message read before it is refused.
    return grpc.stream_stream_rpc_method_handler(refuse)
