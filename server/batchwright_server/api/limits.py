"""How much a client may ask for: message sizes, tensors, connections."""

import itertools
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass

from batchwright_server.errors import InvalidInput

MAX_RANK = 32  # dimensions of a tensor
MAX_TENSORS = 1024  # inputs, or outputs, of a request
MAX_REPEATED_BYTES = 64 << 20  # of a tensor written as one value that stands for all elements

LARGEST_INT = 2**31 - 1  # of gRPC's arguments
_LARGEST_SIZE = 2**63 - 1

HANDSHAKE_SECONDS = 20  # until a connection that says nothing is closed
LONGEST_AWAITED_AGE_SECONDS = 60.0  # when the server ends
_AGE_JITTER = 1.1  # by how much gRPC lets connections differ in age
_CLIENT_PING_SECONDS = 10  # clients may not ask more often than this whether the server is there


@dataclass(frozen=True)
class Limits:
    """The bounds of messages and connections; 0 is no bound, but for bytes. Times in seconds."""

    max_message_bytes: int = 1 << 30  # as OVMS
    max_waiting_bytes: int = 0  # 0: by the memory
    max_connections: int = 0
    max_concurrent_streams: int = 0
    max_connection_age_seconds: float = 0
    max_connection_age_grace_seconds: float = 300
    max_connection_idle_seconds: float = 0
    keepalive_time_seconds: float = 60
    keepalive_timeout_seconds: float = 20

    def to_grpc(self) -> dict[str, str | int]:
        """The gRPC channel arguments that say this."""
        seconds = {
            "grpc.max_connection_age_ms": self.max_connection_age_seconds,
            "grpc.max_connection_age_grace_ms": self.max_connection_age_grace_seconds,
            "grpc.max_connection_idle_ms": self.max_connection_idle_seconds,
            "grpc.keepalive_time_ms": self.keepalive_time_seconds,
            "grpc.keepalive_timeout_ms": self.keepalive_timeout_seconds,
            "grpc.http2.ping_timeout_ms": self.keepalive_timeout_seconds,  # the pings of keepalive too
            "grpc.server_handshake_timeout_ms": HANDSHAKE_SECONDS,
            "grpc.http2.min_ping_interval_without_data_ms": _CLIENT_PING_SECONDS,
        }
        counts = {
            "grpc.max_allowed_incoming_connections": self.max_connections,
            "grpc.max_concurrent_streams": self.max_concurrent_streams,
        }
        milliseconds = {name: round(value * 1000) for name, value in seconds.items()}
        bounds = {name: value for name, value in (milliseconds | counts).items() if value}
        return {
            "grpc.max_receive_message_length": self.max_message_bytes,
            "grpc.keepalive_permit_without_calls": 1,  # a peer that is gone has no calls
            **bounds,
        }


def range_of(name: str, value: float) -> tuple[int, float]:
    """From which to which number a limit may be."""
    if name == "max_waiting_bytes":
        return 0, _LARGEST_SIZE
    most = LARGEST_INT if isinstance(value, int) else LARGEST_INT / 1000  # gRPC counts milliseconds
    return int(name == "max_message_bytes"), most


def leaving_seconds(arguments: Mapping[str, str | int]) -> float:
    """How long a server that ends waits until every client has connected anew, elsewhere.

    0 where connections have no age, or one that is too long to be waited for.
    """
    age = int(arguments.get("grpc.max_connection_age_ms", 0)) / 1000
    return age * _AGE_JITTER if age <= LONGEST_AWAITED_AGE_SECONDS else 0.0


def check_count(field: str, items: Sized) -> None:
    """Raise InvalidInput for more `items` than a request may have."""
    if len(items) > MAX_TENSORS:
        raise InvalidInput(field, f"at most {MAX_TENSORS}", str(len(items)))


def check_rank(field: str, sizes: Iterable[int]) -> tuple[int, ...]:
    """The sizes of a shape, no more of them read than a tensor may have. Raises InvalidInput."""
    shape = tuple(itertools.islice(sizes, MAX_RANK + 1))
    if len(shape) > MAX_RANK:
        raise InvalidInput(f"{field}: shape", f"at most {MAX_RANK} dimensions", "more")
    return shape
