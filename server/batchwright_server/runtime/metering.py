"""Counting a request from its receipt to its answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from batchwright_server import errors
from batchwright_server.runtime.meters import ModelMeters, RequestLabels


@contextmanager
def metered(meter: ModelMeters, protocol: str) -> Iterator[None]:
    """Counts what runs inside as one request that came by `protocol`, by how it ends."""
    began = time.perf_counter()
    code = "CANCELLED"
    meter.enter()
    try:
        yield
        code = "OK"
    except errors.ServerError as error:
        code = error.kind.value
        raise
    finally:
        meter.leave(RequestLabels(protocol, "Predict", code), time.perf_counter() - began)
