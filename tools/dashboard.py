"""The Grafana dashboard of the chart, from a list of its panels: `python -m tools.dashboard FILE`."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH = 24
_HEIGHT = 8
_LEGEND = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
_SERVERS = 'namespace=~"$namespace", job=~"$server", model=~"$model"'
_BY = "job, model"


@dataclass(frozen=True)
class Panel:
    """One panel: its queries by legend. `form` is Grafana's name for its kind."""

    title: str
    queries: dict[str, str]
    text: str
    unit: str = "short"
    form: str = "timeseries"
    width: int = 8
    options: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A row of panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


def _rate(metric: str, by: str = _BY) -> str:
    return f"sum by ({by}) (rate({metric}{{{_SERVERS}}}[$__rate_interval]))"


def _sum(metric: str, by: str = _BY) -> str:
    return f"sum by ({by}) ({metric}{{{_SERVERS}}})"


def _quantile(share: float, metric: str) -> str:
    return f"histogram_quantile({share}, {_rate(f'{metric}_bucket', f'{_BY}, le')})"


def _heatmap(title: str, metric: str, text: str) -> Panel:
    query = f"sum by (le) (increase({metric}_bucket{{{_SERVERS}}}[$__rate_interval]))"
    options = {
        "calculate": False,
        "yAxis": {"unit": "short"},
        "color": {"scheme": "Oranges", "mode": "scheme"},
    }
    return Panel(title, {"{{le}}": query}, text, form="heatmap", options=options)


def _operator(metric: str, more: str = "") -> str:
    return f'batchwright_operator_{metric}{{job=~"$operator"{more}}}'


_TRAFFIC = Row(
    "Traffic",
    (
        Panel(
            "Requests",
            {"{{job}} {{model}} {{code}}": _rate("batchwright_requests_total", f"{_BY}, code")},
            "Requests answered in a second, by status.",
            "reqps",
        ),
        Panel(
            "Samples",
            {"{{job}} {{model}}": _rate("batchwright_samples_total")},
            "Samples in successful requests in a second.",
            "short",
        ),
        Panel(
            "Time in the server",
            {
                "{{job}} {{model}} p50": _quantile(0.5, "batchwright_request_seconds"),
                "{{job}} {{model}} p99": _quantile(0.99, "batchwright_request_seconds"),
            },
            "From receipt to answer.",
            "s",
        ),
        _heatmap(
            "Batch sizes of requests",
            "batchwright_request_batch_size",
            "Samples in each successful request.",
        ),
        _heatmap(
            "Batch sizes of inferences", "batchwright_executed_batch_size", "Samples in each inference."
        ),
        Panel(
            "In flight",
            {"{{job}} {{model}}": _sum("batchwright_in_flight")},
            "Requests in the servers now.",
        ),
    ),
)
_WORK = f"avg by (model, strategy, streams, batch_size) (batchwright_plan_work_seconds{{{_SERVERS}}})"
_RELOADING = f"avg by ({_BY}) (rate(batchwright_reload_seconds_sum{{{_SERVERS}}}[$__rate_interval]))"
_PODS = 'namespace=~"$namespace", job=~"$server"'
_PADDING = (
    f"{_rate('batchwright_padding_samples_total')} / {_rate('batchwright_executed_batch_size_sum')}"
)
_REFUSED = f'batchwright_config_info{{{_PODS}, rejected_hash!=""}}'
_READ = f"sum by (job, result) (increase(batchwright_config_reloads_total{{{_PODS}}}[$__rate_interval]))"
_CALLS = f"sum by (verb, kind, code) (rate({_operator('api_calls_total')}[$__rate_interval]))"
_PREDICTED = (
    f"avg by (model, strategy, batch_size) (batchwright_plan_span_seconds{{{_SERVERS}}}"
    " * on (job, instance, model, version, strategy) group_left () (batchwright_strategy == 1))"
)
_MEASURED = (
    f"{_rate('batchwright_inference_seconds_sum')} / {_rate('batchwright_inference_seconds_count')}"
)
_ERROR = 'batchwright_operator_prediction_error_ratio{namespace=~"$namespace", model=~"$model"}'
_STRATEGIES = Row(
    "Strategies and their cost",
    (
        Panel(
            "Strategy",
            {
                "{{job}} {{model}} {{strategy}}": _sum("batchwright_strategy", f"{_BY}, strategy")
                + " > 0"
            },
            "Pods by the strategy that serves; more than one while a switch is on its way.",
            options={"lineInterpolation": "stepAfter", "fillOpacity": 20},
        ),
        Panel(
            "Decisions",
            {
                "{{action}} {{reason}}": "sum by (action, reason) (increase("
                + _operator("decisions_total", ', action!="Hold"')
                + "[$__rate_interval]))"
            },
            "Answers of the policy other than Hold. Return: the prediction was wrong.",
        ),
        Panel(
            "Switches",
            {
                "{{job}} {{model}}": f"sum by ({_BY}) "
                f"(increase(batchwright_switches_total{{{_SERVERS}}}[$__rate_interval]))"
            },
            "Pods that changed their strategy.",
        ),
        Panel(
            "Error of predictions",
            {"{{namespace}}/{{name}} {{model}}": _ERROR},
            "Of the last switch that was checked: how far its gain was from the one predicted.",
            "percentunit",
        ),
        Panel(
            "Work of a request, by plan",
            {"{{model}} {{strategy}} {{streams}} of {{batch_size}}": _WORK},
            "Core-seconds of one request of so many samples, measured alone.",
            "s",
        ),
        Panel(
            "Inference, predicted and measured",
            {
                "{{model}} {{strategy}} predicted for {{batch_size}}": _PREDICTED,
                "{{job}} {{model}} measured": _MEASURED,
            },
            "Predicted: of a request that is alone, by its samples. Measured: of all, waiting included.",
            "s",
        ),
    ),
)
_RELOADS = Row(
    "Reloads",
    (
        Panel(
            "Reloads",
            {
                "{{job}} {{model}} {{reason}}": _rate("batchwright_reloads_total", f"{_BY}, reason"),
                "{{job}} {{model}} would have been": _rate("batchwright_would_reload_total"),
            },
            "In a second; and those that the reload strategy would have made, whatever serves.",
            "ops",
        ),
        Panel(
            "Share of time spent on reloads",
            {"{{job}} {{model}}": _RELOADING},
            "Of a pod, on average.",
            "percentunit",
        ),
        Panel(
            "Length of a reload",
            {
                "{{job}} {{model}} p50": _quantile(0.5, "batchwright_reload_seconds"),
                "{{job}} {{model}} p99": _quantile(0.99, "batchwright_reload_seconds"),
            },
            "Elapsed.",
            "s",
        ),
        Panel(
            "Reload queue",
            {"{{job}} {{model}}": _sum("batchwright_reload_queue_depth")},
            "Requests that wait for a reload now.",
        ),
        Panel(
            "Wait for a reload",
            {
                "{{job}} {{model}} p50": _quantile(0.5, "batchwright_reload_queue_wait_seconds"),
                "{{job}} {{model}} p99": _quantile(0.99, "batchwright_reload_queue_wait_seconds"),
            },
            "By request.",
            "s",
        ),
        Panel(
            "Turned away",
            {
                "{{job}} {{model}} {{reason}}": _rate(
                    "batchwright_reload_queue_rejected_total", f"{_BY}, reason"
                )
            },
            "Requests that left the reload queue unserved, in a second.",
            "reqps",
        ),
        Panel(
            "Compiled batch sizes",
            {"{{job}} {{model}}": _sum("batchwright_compiled_models")},
            "Each has a copy of the weights in memory.",
        ),
        Panel(
            "Memory of compiled models",
            {"{{job}} {{model}}": _sum("batchwright_compiled_bytes")},
            "As measured.",
            "bytes",
        ),
        Panel(
            "Memory of waiting requests",
            {"{{job}} {{model}}": _sum("batchwright_waiting_bytes")},
            "Data of requests that wait for their last inference to begin.",
            "bytes",
        ),
    ),
)
_INFERENCES = Row(
    "Inferences",
    (
        Panel(
            "Shards",
            {"{{job}} {{model}}": _rate("batchwright_shards_total")},
            "Single samples split from batches, in a second.",
            width=6,
        ),
        Panel(
            "Padding",
            {"{{job}} {{model}}": _PADDING},
            "Of the samples inferred, those that only filled up a compiled batch size.",
            "percentunit",
            width=6,
        ),
        Panel(
            "Workers ready",
            {"{{job}}": f"sum by (job) (batchwright_workers_ready{{{_PODS}}})"},
            "Processes that take requests, of servers with --workers.",
            width=6,
        ),
        Panel(
            "Workers started anew",
            {
                "{{job}}": "sum by (job) "
                f"(increase(batchwright_worker_restarts_total{{{_PODS}}}[$__rate_interval]))"
            },
            "In place of others that ended.",
            width=6,
        ),
    ),
)
_OPERATOR = Row(
    "Operator",
    (
        Panel(
            "ModelServers not ready",
            {
                "": "count(batchwright_operator_modelserver_ready"
                '{namespace=~"$namespace"} == 0) or vector(0)'
            },
            "",
            form="stat",
            width=4,
        ),
        Panel(
            "Leader",
            {"{{instance}}": _operator("leader")},
            "1 for the replica that leads.",
            width=5,
            options={"lineInterpolation": "stepAfter"},
        ),
        Panel(
            "Age of the heartbeat",
            {"{{instance}}": _operator("heartbeat_age_seconds")},
            "Since the watch brought one; above 60 s the replica is not live.",
            "s",
            width=5,
        ),
        Panel(
            "Configuration refused",
            {"{{job}} {{pod}}": _REFUSED},
            "Pods that refuse a document and go on with the one before.",
            width=5,
        ),
        Panel(
            "Configurations read",
            {"{{job}} {{result}}": _READ},
            "By all pods.",
            width=5,
        ),
        Panel(
            "Runs",
            {"{{result}}": f"sum by (result) (rate({_operator('runs_total')}[$__rate_interval]))"},
            "Of the controller, in a second, by how they ended.",
            "ops",
        ),
        Panel(
            "Length of a run",
            {
                "p50": "histogram_quantile(0.5, sum by (le) (rate("
                f"{_operator('run_seconds_bucket')}[$__rate_interval])))",
                "p99": "histogram_quantile(0.99, sum by (le) (rate("
                f"{_operator('run_seconds_bucket')}[$__rate_interval])))",
            },
            "",
            "s",
        ),
        Panel(
            "Work queue",
            {
                name: f"sum({_operator(f'queue_{name}')})"
                for name in ("due", "running", "failing", "scheduled")
            },
            "ModelServers.",
        ),
        Panel(
            "Calls to the API server",
            {"{{verb}} {{kind}} {{code}}": _CALLS},
            "In a second.",
            "ops",
        ),
        Panel(
            "Length of a call",
            {
                "{{verb}} p99": "histogram_quantile(0.99, sum by (le, verb) (rate("
                f"{_operator('api_call_seconds_bucket')}[$__rate_interval])))"
            },
            "",
            "s",
        ),
        Panel(
            "Memory",
            {"{{instance}} memory": 'process_resident_memory_bytes{job=~"$operator"}'},
            "",
            "bytes",
        ),
    ),
)
_ROWS = (_TRAFFIC, _STRATEGIES, _RELOADS, _INFERENCES, _OPERATOR)


def render_dashboard() -> str:
    """The dashboard as JSON."""
    document = {
        "uid": "batchwright",
        "title": "Batchwright",
        "description": "Models, their batching strategies and the operator that chooses them.",
        "tags": ["batchwright", "openvino"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": list(_variables())},
        "annotations": {"list": [_switches()]},
        "panels": list(_panels()),
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _variables() -> Iterator[Json]:
    yield {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    yield _variable("namespace", "Namespace", "label_values(batchwright_config_info, namespace)")
    chosen = 'batchwright_config_info{namespace=~"$namespace"}'
    yield _variable("server", "ModelServer", f"label_values({chosen}, job)")
    chosen = 'batchwright_strategy{namespace=~"$namespace", job=~"$server"}'
    yield _variable("model", "Model", f"label_values({chosen}, model)")
    yield _variable("operator", "Operator", "label_values(batchwright_operator_leader, job)")


def _variable(name: str, label: str, query: str) -> Json:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _switches() -> Json:
    return {
        "name": "Switches",
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": "orange",
        "expr": f"sum by (job, model) (increase(batchwright_switches_total{{{_SERVERS}}}[1m])) > 0",
        "step": "60s",
        "titleFormat": "Switch of strategy",
        "textFormat": "{{job}} {{model}}",
        "tagKeys": "job,model",
    }


def _panels() -> Iterator[Json]:
    top, number = 0, 1
    for row in _ROWS:
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "panels": [],
               "gridPos": {"h": 1, "w": _WIDTH, "x": 0, "y": top}}  # fmt: skip
        top, left, number = top + 1, 0, number + 1
        for panel in row.panels:
            if left + panel.width > _WIDTH:
                top, left = top + _HEIGHT, 0
            yield _panel(panel, number, {"h": _HEIGHT, "w": panel.width, "x": left, "y": top})
            left, number = left + panel.width, number + 1
        top += _HEIGHT


def _panel(panel: Panel, number: int, place: dict[str, int]) -> Json:
    targets = [
        {"refId": chr(ord("A") + index), "datasource": _SOURCE, "expr": query, "legendFormat": legend,
         "format": "heatmap" if panel.form == "heatmap" else "time_series"}
        for index, (legend, query) in enumerate(panel.queries.items())
    ]  # fmt: skip
    is_line = panel.form == "timeseries"
    return {
        "id": number,
        "type": panel.form,
        "title": panel.title,
        "description": panel.text,
        "datasource": _SOURCE,
        "gridPos": place,
        "targets": targets,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "custom": panel.options if is_line else {}},
            "overrides": [],
        },
        "options": _LEGEND if is_line else panel.options,
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render_dashboard())
