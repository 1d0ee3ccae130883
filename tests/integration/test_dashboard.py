"""The dashboard and the alerts against a real Prometheus, which scrapes a real server."""

import asyncio
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from batchwright_operator.manager.health import HealthServer
from batchwright_operator.manager.metrics import Metrics
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.workqueue.keyed import Stats
from tests.support import models, polling, prometheus, serving
from tests.support.helm import CHART
from tests.support.prometheus import Prometheus, needs_prometheus
from tools import metrics_reference

SILENT = {
    "Configuration refused",
    "Turned away",
    "Decisions",
    "Error of predictions",
    "Workers ready",
    "Workers started anew",
}
"""Panels that show nothing while all is well, and where a server has one process."""


def expressions() -> list[tuple[str, str]]:
    """Each query of the dashboard with its panel's title, as Grafana asks it."""
    board = json.loads((CHART / "dashboards" / "batchwright.json").read_text())
    found = [
        (panel["title"], target["expr"])
        for panel in board["panels"]
        for target in panel.get("targets", ())
    ]
    found += [("Decisions", item["expr"]) for item in board["annotations"]["list"]]
    return [(title, _as_asked(text)) for title, text in found]


def _as_asked(text: str) -> str:
    return re.sub(r"\$(namespace|server|model|operator)\b", ".*", text).replace("$__rate_interval", "5s")


def operator_metrics() -> Metrics:
    """Those of an operator that has done a little of everything."""
    metrics = Metrics()
    metrics.watch_queue(lambda: Stats(0, 1, 0, 0, 0.0, 0.0, 1))
    metrics.watch_leader(lambda: True)
    metrics.watch_heartbeat(lambda: 0.0)
    metrics.observe_call("get", "Pod", "200", 0.01)
    metrics.observe_end("done", 0.1)
    metrics.show_ready(ObjectKey("tests", "vision"), is_ready=True)
    return metrics


@needs_prometheus
async def test_every_panel_shows_something(tmp_path: Path) -> None:
    """Each query of the dashboard is understood, and has an answer while a server takes its requests."""
    folder = models.save(models.affine(), tmp_path / "m")
    batching = {"strategy": "reload", "calibration": {"enabled": True}}
    config = serving.document(serving.model_config("m", folder, batching=batching))
    metrics = operator_metrics()
    health = HealthServer(("127.0.0.1", 0), live=(), ready=(), metrics=metrics.exposition)
    port = await health.start()
    try:
        async with serving.serve(tmp_path, config) as server:
            targets = {"vision": server.server.http_port, "operator": port}
            with prometheus.scraping(tmp_path, targets) as scraping:
                await _ask_until_scraped(server, scraping)
                empty = await _find_empty(scraping)
    finally:
        await health.close()

    assert empty <= SILENT


async def _find_empty(scraping: Prometheus) -> set[str]:
    """The panels that had nothing to show, asked again for a while: a busy machine misses scrapes."""
    left = dict(enumerate(expressions()))

    async def all_have_shown() -> bool:
        for number, (_, text) in tuple(left.items()):
            if await _answer(scraping, text):
                del left[number]
        return {title for title, _ in left.values()} <= SILENT

    with suppress(AssertionError):  # told by what is left
        await polling.eventually(all_have_shown, seconds=30.0, interval=0.5)
    return {title for title, _ in left.values()}


async def _ask_until_scraped(server: serving.Serving, scraping: Prometheus) -> None:
    text = "rate(batchwright_reload_seconds_count[5s]) > 0 and on () batchwright_operator_leader"
    sizes = iter(range(1, 10_000))

    async def is_scraped() -> bool:
        await server.client.predict("m", x=np.ones((next(sizes), 4), np.float32))
        try:
            return bool(await _answer(scraping, text))
        except OSError:  # it has only just begun
            return False

    await polling.eventually(is_scraped, seconds=40.0, interval=0.1)


async def _answer(scraping: Prometheus, text: str) -> list[dict[str, Any]]:
    return await asyncio.to_thread(scraping.query, text)


@needs_prometheus
def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    """By Prometheus' own judgement: each alert on its symptom, and none while all is well."""
    (tmp_path / "alerts.yaml").write_text((CHART / "alerts.yaml").read_text())
    (tmp_path / "cases.yaml").write_text(yaml.safe_dump(_cases()))

    prometheus.promtool("check", "rules", "alerts.yaml", folder=tmp_path)
    prometheus.promtool("test", "rules", "cases.yaml", folder=tmp_path)


_WELL = {
    'batchwright_operator_leader{job="o",instance="1",namespace="s"}': "1x120",
    'batchwright_operator_leader{job="o",instance="2",namespace="s"}': "0x120",
    'process_start_time_seconds{job="o",instance="1",namespace="s"}': "5x120",
    'batchwright_operator_runs_total{job="o",result="done"}': "0+6x120",
    'batchwright_operator_modelserver_ready{namespace="n",name="a"}': "1x120",
    'batchwright_operator_queue_failing{job="o"}': "0x120",
    'batchwright_operator_queue_oldest_seconds{job="o"}': "0x120",
    'batchwright_operator_api_calls_total{job="o",verb="get",kind="Pod",code="200"}': "0+60x120",
    'batchwright_operator_decisions_total{job="o",action="Hold",reason="AlreadyBest"}': "0+6x120",
    'batchwright_config_info{job="a",namespace="n",pod="p",hash="1",rejected_hash=""}': "1x120",
    'batchwright_reload_seconds_sum{job="a",namespace="n",model="m"}': "0+3x120",
    'batchwright_switches_total{job="a",namespace="n",model="m"}': "0x60 1x60",
    'batchwright_requests_total{job="a",namespace="n",model="m",code="OK"}': "0+600x120",
}
_LEADER, _OTHER, _START, _RUNS, _READY, _FAILING, _OLDEST, _CALLS, *_REST = _WELL
_MODEL = 'job="a",namespace="n",model="m"'
_ILL: dict[str, dict[str, str | None]] = {
    "BatchwrightOperatorWithoutLeader": {_LEADER: "0x120"},
    "BatchwrightOperatorTwoLeaders": {_OTHER: "1x120"},
    "BatchwrightOperatorLeaderFlapping": {_LEADER: "1 0 1 0 1 0 1 0 1 1 " * 12},
    "BatchwrightOperatorRestarting": {_START: "5x59 6x20 7x20 8x20"},
    "BatchwrightOperatorStalled": {_RUNS: "5x120"},
    "BatchwrightOperatorRunsFailing": {_FAILING: "2x120"},
    "BatchwrightOperatorForbidden": {_CALLS.replace("200", "403"): "0+1x120"},
    "BatchwrightOperatorApiErrors": {_CALLS.replace("200", "503"): "0+30x120"},
    "BatchwrightOperatorQueueSlow": {_OLDEST: "100x120"},
    "BatchwrightPredictionWrong": {_REST[0].replace("Hold", "Return"): "0x60 3x60"},
    "BatchwrightStrategyFlapping": {_REST[3]: "0+0.2x120"},
    "BatchwrightReloadStorm": {_REST[2]: "0+30x120"},
    "BatchwrightModelServerNotReady": {_READY: "0x120"},
    "BatchwrightConfigRejected": {_REST[1].replace('rejected_hash=""', 'rejected_hash="2"'): "1x120"},
    "BatchwrightQueueRejects": {
        f'batchwright_reload_queue_rejected_total{{{_MODEL},reason="full"}}': "0+6x120"
    },
    "BatchwrightRequestsFailing": {_REST[4].replace("OK", "INTERNAL"): "0+60x120"},
}


def _cases() -> dict[str, Any]:
    cases = [_case(_WELL, ())]
    cases += [_case({**_WELL, **changes}, (name,)) for name, changes in _ILL.items()]
    return {"rule_files": ["alerts.yaml"], "evaluation_interval": "1m", "tests": cases}


def _case(series: dict[str, Any], firing: tuple[str, ...]) -> dict[str, Any]:
    """Which alerts fire after two hours; only their names are compared."""
    names = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in firing]
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"}) > bool 0',
                "eval_time": "118m",
                "exp_samples": names,
            }
        ],
    }


def test_every_alert_has_a_case() -> None:
    """No alert is added without its symptom."""
    groups = yaml.safe_load((CHART / "alerts.yaml").read_text())["groups"]

    assert list(_ILL) == [rule["alert"] for group in groups for rule in group["rules"]]


def test_every_metric_of_the_server_is_on_the_dashboard() -> None:
    """What is counted is shown."""
    shown = " ".join(text for _, text in expressions())
    left = [row.name for row in metrics_reference.server_metrics() if row.name not in shown]

    assert left == []
