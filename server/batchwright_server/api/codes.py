"""What each kind of failure is in gRPC and in HTTP."""

from http import HTTPStatus

import grpc

from batchwright_server.errors import Kind

GRPC_CODES = {
    Kind.INVALID_ARGUMENT: grpc.StatusCode.INVALID_ARGUMENT,
    Kind.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Kind.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Kind.RESOURCE_EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Kind.DEADLINE_EXCEEDED: grpc.StatusCode.DEADLINE_EXCEEDED,
    Kind.FAILED_PRECONDITION: grpc.StatusCode.FAILED_PRECONDITION,
    Kind.INTERNAL: grpc.StatusCode.INTERNAL,
    Kind.ABORTED: grpc.StatusCode.ABORTED,
    Kind.PERMISSION_DENIED: grpc.StatusCode.PERMISSION_DENIED,
}
HTTP_STATUS = {
    Kind.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    Kind.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Kind.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Kind.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    Kind.DEADLINE_EXCEEDED: HTTPStatus.GATEWAY_TIMEOUT,
    Kind.FAILED_PRECONDITION: HTTPStatus.PRECONDITION_FAILED,  # as OVMS
    Kind.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
    Kind.ABORTED: HTTPStatus.CONFLICT,  # OVMS's 204 allows no body, and so no reason
    Kind.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
}
