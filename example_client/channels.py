"""gRPC channels to a model server, and calls over them, whatever the stubs were generated from."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import grpc

from example_client import faults, patience, targets

_UNBOUNDED = -1
Options = Sequence[tuple[str, str | int]]
OPTIONS: Options = (
    ("grpc.max_send_message_length", _UNBOUNDED),  # batches of images are larger than gRPC's 4 MB
    ("grpc.max_receive_message_length", _UNBOUNDED),
)
# Nobody here cancels a call: CANCELLED comes of a server that ended before it took the call up.
_AWAY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Call = Callable[[Request, float], Answer]
"""One RPC method of a generated stub: the request and the seconds allowed, to the answer."""


def connect(target: targets.Target, more: Options = ()) -> grpc.Channel:
    """A channel, which connects with its first call; `more`: options of gRPC.

    Raises ClientError for unreadable certificates.
    """
    options = [*OPTIONS, *more]
    if target.tls is None:
        return grpc.insecure_channel(str(target), options=options)
    credentials = grpc.ssl_channel_credentials(
        targets.read(target.tls.server_cert),
        targets.read(target.tls.client_key),
        targets.read(target.tls.client_cert),
    )
    return grpc.secure_channel(str(target), credentials, options=options)


def call(method: Call[Request, Answer], request: Request, target: targets.Target) -> Answer:
    """The answer, asked for again while the server is away, all within the deadline.

    Raises ClientError with the server's own words for everything else.
    """

    def attempt(seconds: float) -> Answer:
        try:
            return method(request, seconds)
        except grpc.RpcError as error:
            told = _sentence(error, target)
            kind = patience.Away if error.code() in _AWAY else faults.ClientError
            raise kind(told) from error

    return patience.persist(attempt)


def _sentence(error: grpc.RpcError, target: targets.Target) -> str:
    explain: dict[grpc.StatusCode, Callable[[], str]] = {
        grpc.StatusCode.UNAVAILABLE: lambda: f"no server answers at {target}",
        grpc.StatusCode.DEADLINE_EXCEEDED: lambda: (
            f"{target} gave no answer within {patience.DEADLINE_SECONDS:.0f} seconds"
        ),
    }
    told = explain.get(error.code(), lambda: f"{target} answered {error.code().name}")()
    return f"{told}: {' '.join(str(error.details()).split())}"
