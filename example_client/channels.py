"""gRPC channels to a model server, and calls over them."""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import grpc

from batchwright_server.protos import prediction_service_pb2 as messages
from batchwright_server.protos import prediction_service_pb2_grpc as services
from example_client import faults

DEADLINE_SECONDS = 10.0

_UNBOUNDED = -1
Options = Sequence[tuple[str, str | int]]
OPTIONS: Options = (
    ("grpc.max_send_message_length", _UNBOUNDED),  # batches of images are larger than gRPC's 4 MB
    ("grpc.max_receive_message_length", _UNBOUNDED),
)
# Nobody here cancels a call: CANCELLED comes of a server that ended before it took the call up.
_AWAY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Call = Callable[[Request, float], Answer]
"""One RPC method of a generated stub: the request and the seconds allowed, to the answer."""


class PredictionService(Protocol):
    """What the generated stub of TensorFlow Serving's PredictionService offers."""

    Predict: Call[messages.PredictRequest, messages.PredictResponse]
    GetModelMetadata: Call[messages.GetModelMetadataRequest, messages.GetModelMetadataResponse]


@dataclass(frozen=True)
class Target:
    """Where the server is, and the files for TLS (none: plain text)."""

    address: str
    port: int
    tls: bool = False
    server_cert: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds OVMS's flags for reaching a server."""
    parser.add_argument("--grpc_address", default="localhost", help="host of the gRPC service")
    parser.add_argument("--grpc_port", default=9000, type=int, help="port of the gRPC service")
    parser.add_argument("--tls", action="store_true", help="use TLS with the certificates below")
    parser.add_argument("--server_cert", type=Path, help="certificate that the server's is signed by")
    parser.add_argument("--client_cert", type=Path, help="this client's certificate, for mutual TLS")
    parser.add_argument("--client_key", type=Path, help="the key of this client's certificate")


def parse_target(flags: argparse.Namespace) -> Target:
    """The target in the values of the flags."""
    return Target(
        flags.grpc_address,
        flags.grpc_port,
        flags.tls,
        flags.server_cert,
        flags.client_cert,
        flags.client_key,
    )


def connect(target: Target, more: Options = ()) -> grpc.Channel:
    """A channel, which connects with its first call; `more`: options of gRPC.

    Raises ClientError for unreadable certificates.
    """
    options = [*OPTIONS, *more]
    if not target.tls:
        return grpc.insecure_channel(str(target), options=options)
    credentials = grpc.ssl_channel_credentials(
        _read(target.server_cert), _read(target.client_key), _read(target.client_cert)
    )
    return grpc.secure_channel(str(target), credentials, options=options)


def predictions(channel: grpc.Channel) -> PredictionService:
    """The service's methods over `channel`."""
    generated: Callable[[grpc.Channel], PredictionService] = services.PredictionServiceStub
    return generated(channel)


def call(method: Call[Request, Answer], request: Request, target: Target) -> Answer:
    """The answer, asked for again while the server is away, all within the deadline.

    Raises ClientError with the server's own words for everything else.
    """
    end = time.monotonic() + DEADLINE_SECONDS
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return method(request, max(end - time.monotonic(), 0.001))
        except grpc.RpcError as error:
            is_last = time.monotonic() + pause >= end
            if error.code() not in _AWAY or is_last:
                raise faults.ClientError(_sentence(error, target)) from error
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _sentence(error: grpc.RpcError, target: Target) -> str:
    explain: dict[grpc.StatusCode, Callable[[], str]] = {
        grpc.StatusCode.UNAVAILABLE: lambda: f"no server answers at {target}",
        grpc.StatusCode.DEADLINE_EXCEEDED: lambda: (
            f"{target} gave no answer within {DEADLINE_SECONDS:.0f} seconds"
        ),
    }
    told = explain.get(error.code(), lambda: f"{target} answered {error.code().name}")()
    return f"{told}: {' '.join(str(error.details()).split())}"


def _read(path: Path | None) -> bytes | None:
    try:
        return path.read_bytes() if path else None
    except OSError as error:
        raise faults.ClientError(f"cannot read the certificate file {path}: {error.strerror}") from error
