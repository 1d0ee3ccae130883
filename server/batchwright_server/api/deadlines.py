"""Until when a client waits, on the event loop's clock."""

import asyncio
import math
from collections.abc import Mapping
from typing import Any

import grpc

from batchwright_server.errors import InvalidInput
from batchwright_server.protos import grpc_predict_v2_pb2
from batchwright_server.runtime.strategies.port import FOREVER

HEADER = "X-Request-Timeout"  # over HTTP, in seconds
PARAMETER = "timeout"  # of a KServe request, as Triton's clients send it: in microseconds, 0 for none

_LONGEST_NUMBER = 20  # characters
_MICROSECONDS = 1e6


def of_call(context: "grpc.aio.ServicerContext[Any, Any]") -> float:
    """The deadline of a gRPC call; FOREVER where the client set none."""
    remaining: float | None = context.time_remaining()
    return _after(remaining)


def of_headers(headers: Mapping[str, str]) -> float:
    """The deadline of an HTTP request; FOREVER where its header is not there. Raises InvalidInput."""
    text = headers.get(HEADER)
    return _after(None if text is None else _parse_seconds(text))


def of_parameter(value: object) -> float:
    """The deadline that `timeout` sets; FOREVER where there is none. Raises InvalidInput."""
    if value is None:
        return FOREVER
    if type(value) is not int or value < 0:
        raise InvalidInput(PARAMETER, "a number of microseconds, 0 for no limit", repr(value)[:60])
    return _after(value / _MICROSECONDS) if value else FOREVER


def of_parameters(parameters: Mapping[str, grpc_predict_v2_pb2.InferParameter]) -> float:
    """The deadline that the parameters of a gRPC message set. Raises InvalidInput."""
    if PARAMETER not in parameters:
        return FOREVER
    choice = parameters[PARAMETER].WhichOneof("parameter_choice")
    return of_parameter(getattr(parameters[PARAMETER], choice) if choice else "nothing")


def _after(seconds: float | None) -> float:
    return FOREVER if seconds is None else asyncio.get_running_loop().time() + seconds


def _parse_seconds(text: str) -> float:
    try:
        seconds = float(text) if len(text) <= _LONGEST_NUMBER else math.nan
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise InvalidInput(HEADER, "seconds, more than 0", repr(text[:60]))
    return seconds
