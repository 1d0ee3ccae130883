"""Writes docs/metrics.md from what server and operator expose: `python -m tools.metrics_reference docs`.

Names, kinds, labels and meanings come from the collectors themselves.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from prometheus_client import Metric
from prometheus_client.metrics import MetricWrapperBase

from batchwright_operator.manager.metrics import Metrics
from batchwright_operator.workqueue.keyed import Stats
from batchwright_server.runtime.configuration import Configuration
from batchwright_server.runtime.dataplane import Protocol
from batchwright_server.runtime.registry import Registry
from batchwright_server.telemetry.exposition import MetricsCollector
from batchwright_server.workers import metric_sums

_INTRODUCTION = """\
# Metrics

Every metric of the server and of the operator, from the code. Both answer `/metrics` in Prometheus'
text format: the server at its HTTP port and at its admin port ([server](server.md)), the operator at
port 8080 ([operator](operator.md#metrics)). A histogram `x` is `x_bucket`, `x_sum` and `x_count`.
Dashboard and alerts over them are in the chart (`charts/batchwright`), what to do about each alert is in
the [runbooks](runbooks.md).
"""
_SUFFIXES = {"counter": "_total", "info": "_info"}
_VALUES = """\
| label | values |
|---|---|
| `model`, `version` | as in the configuration; a pipeline counts as a model |
| `protocol`, `method` | {protocols}; `Predict` for all inference |
| `code` | gRPC's name of the status, whatever the protocol |
| `strategy`, `streams` | the plan: [strategies](strategies.md) |
| `batch_size` | samples of the one request that was measured |
| `source` | `calibration`: nothing else ran; `probe`: requests held up; `traffic`: lone requests |
| `reason` of reloads | `new_size`; `evicted`: it was compiled before |
| `reason` of rejections | `full`, `max_wait`, `deadline`, `cancelled`, `compilation` |
| `result` | of documents `applied`, `unchanged`, `rejected`; of runs how they ended |
"""


@dataclass(frozen=True)
class Row:
    """One metric, by the name that queries use."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


def render_reference() -> str:
    """The whole of docs/metrics.md."""
    parts = (
        _INTRODUCTION,
        "## The server\n",
        _table(server_metrics()),
        "With `--workers` also:\n",
        _table(map(_to_row, metric_sums.worker_metrics(ready=0, restarts=0))),
        "### Labels\n",
        _VALUES.format(protocols=", ".join(f"`{protocol.value}`" for protocol in Protocol)),
        "## The operator\n",
        _table(operator_metrics()),
    )
    return "\n".join(parts)


def server_metrics() -> Iterator[Row]:
    """Those of a server's process."""
    state = SimpleNamespace(hash="", rejected_hash="")
    configuration = SimpleNamespace(state=state, results=Counter())
    collector = MetricsCollector(Registry(), cast("Configuration", configuration))
    yield from map(_to_row, collector.collect())


def operator_metrics() -> Iterator[Row]:
    """Those of an operator's process, without those of its process as such (`process_...`)."""
    metrics = Metrics()
    metrics.watch_queue(lambda: Stats(0, 0, 0, 0, 0.0, 0.0, 0))
    metrics.watch_leader(lambda: True)
    metrics.watch_heartbeat(lambda: 0.0)
    found = list(metrics.registry._collector_to_names)  # noqa: SLF001  # it has no list of its own
    for collector in found:
        if isinstance(collector, MetricWrapperBase):
            (family,) = collector.describe()
            yield _row(family, tuple(collector._labelnames))  # noqa: SLF001  # nor have these


def _to_row(family: Metric) -> Row:
    seen = {label: None for sample in family.samples for label in sample.labels}
    return _row(family, tuple(seen) or tuple(family._labelnames))  # type: ignore[attr-defined]  # noqa: SLF001


def _row(family: Metric, labels: tuple[str, ...]) -> Row:
    suffix = _SUFFIXES.get(family.type, "")
    return Row(family.name + suffix, family.type, labels, family.documentation)


def _table(rows: Iterable[Row]) -> str:
    lines = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
    for row in rows:
        labels = ", ".join(f"`{label}`" for label in row.labels)
        lines.append(f"| `{row.name}` | {row.kind} | {labels} | {row.meaning} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) / "metrics.md").write_text(render_reference())
