"""Counting a request from its receipt to its answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from batchwright_server import errors
from batchwright_server.runtime import reload_queue
from batchwright_server.runtime.meters import ModelMeters, RequestLabels


@contextmanager
def metered(meter: ModelMeters, protocol: str) -> Iterator[None]:
    """Counts what runs inside as one request that came by `protocol`, by how it ends.

    Where it is handed on to another servable, that one counts it.
    """
    began = time.perf_counter()
    code: str | None = "CANCELLED"
    meter.enter()
    try:
        yield
        code = "OK"
    except reload_queue.Retired:
        code = None
        raise
    except Exception as error:
        code = error.kind.value if isinstance(error, errors.ServerError) else errors.Kind.INTERNAL.value
        raise
    finally:
        labels = RequestLabels(protocol, "Predict", code) if code else None
        meter.leave(labels, time.perf_counter() - began)
