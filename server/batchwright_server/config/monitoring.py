"""The `monitoring` block: accepted as in OVMS. Metrics are always on here, and all of them."""

from collections.abc import Iterable, Iterator

from pydantic import StrictBool

from batchwright_server.config.frozen import Frozen

# docs/metrics.md of OpenVINO Model Server
OVMS_METRICS = frozenset(
    f"ovms_{name}"
    for name in (
        "current_graphs",
        "current_requests",
        "graph_error",
        "graph_processing_time_us",
        "graph_request_latency_us",
        "infer_req_active",
        "infer_req_queue_size",
        "inference_time_us",
        "request_time_us",
        "requests_accepted",
        "requests_fail",
        "requests_rejected",
        "requests_success",
        "responses",
        "streams",
        "wait_for_infer_req_time_us",
    )
)


class Metrics(Frozen):
    """Which metrics were asked for."""

    enable: StrictBool
    metrics_list: tuple[str, ...] = ()


class Monitoring(Frozen):
    """What the server tells of itself."""

    metrics: Metrics

    @property
    def warnings(self) -> Iterator[str]:
        """What of this has another effect than in OVMS."""
        if not self.metrics.enable:
            yield "metrics.enable: metrics are served at /metrics all the same"
        yield from metrics_warnings(self.metrics.metrics_list)


def metrics_warnings(names: Iterable[str]) -> Iterator[str]:
    """A sentence for each name that OVMS does not know either."""
    for name in names:
        if name not in OVMS_METRICS:
            yield f"metrics_list: there is no metric {name!r}; all that there are are served"
