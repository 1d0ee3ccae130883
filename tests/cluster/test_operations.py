"""The operator as a process on a real API server: what it writes, notices, shows, and leaves behind."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster.apiclient import ApiClient
from tests.support.cluster.controlplane import ControlPlane
from tests.support.cluster.operatorprocess import Operators
from tests.support.faultproxy import WATCH, Fault, FaultProxy
from tests.support.modelservers import server_document
from tests.support.operator_process import OperatorProcess
from tests.support.pipelines import pipeline_document
from tests.support.polling import eventually

pytestmark = pytest.mark.slow

NAME = "vision"
READY = 'batchwright_operator_modelserver_ready{name="vision",namespace="%s"}'
_READS = {"get", "list", "watch"}


async def create(api: ApiClient, namespace: str, **spec: Any) -> None:
    """A ModelServer, and the Deployment that comes of it."""
    await api.create(server_document(name=NAME, **spec), namespace=namespace)
    await api.wait_for("Deployment", NAME, namespace, until=bool)


def agent_of(event: dict[str, Any]) -> str:
    """Who asked, of the two clients in an operator."""
    return str(event.get("userAgent", "")).partition("/")[0]


async def test_the_watch_writes_nothing(
    api: ApiClient, namespace: str, operators: Operators, own_control_plane: ControlPlane
) -> None:
    """By the API server's audit: kopf only reads, and no object gets a finalizer or an annotation."""
    operators.start()
    user = operators.user
    await create(api, namespace)
    foreign = {"finalizers": ["kopf.zalando.org/KopfFinalizerMarker"]}
    await api.patch("ModelServer", NAME, namespace, patch={"metadata": foreign})
    await api.patch("ModelServer", NAME, namespace, patch={"spec": {"replicas": 2}})
    await api.wait_for("Deployment", NAME, namespace, until=lambda it: it["spec"]["replicas"] == 2)

    found = await api.get("ModelServer", NAME, namespace)
    assert found["metadata"]["finalizers"] == foreign["finalizers"]
    assert found["metadata"].get("annotations", {}) == {}
    events = own_control_plane.audit_events(user)
    by_kopf = {event["verb"] for event in events if agent_of(event) != "batchwright"}
    assert "watch" in by_kopf
    assert by_kopf <= _READS
    await api.patch("ModelServer", NAME, namespace, patch={"metadata": {"finalizers": None}})


async def test_changes_are_noticed_whatever_befalls_the_watches(
    api: ApiClient, namespace: str, operators: Operators, network: tuple[FaultProxy, Path]
) -> None:
    """After dropped and expired watches and refused ones, an owned object that went is put back."""
    proxy, kubeconfig = network
    operator = operators.start(kubeconfig=kubeconfig)
    await create(api, namespace)
    for befall, fault in (
        (proxy.drop_watches, None),
        (proxy.expire_watches, None),
        (proxy.drop_watches, Fault(WATCH, status=503, times=5)),
        (proxy.drop_watches, Fault(WATCH, status=429, retry_after=1, times=5)),
    ):
        if fault is not None:
            proxy.add(fault)
        befall()
        old = await api.get("Service", NAME, namespace)
        await api.delete("Service", NAME, namespace)
        await api.wait_for("Service", NAME, namespace, until=_other_than(old), seconds=30)
    assert operator.is_running


async def test_what_goes_while_nobody_watches_is_noticed(
    api: ApiClient, namespace: str, operators: Operators, network: tuple[FaultProxy, Path]
) -> None:
    """No watch ever tells of a deletion between two lists: the count after the second one does."""
    operators.announce("Watcher for services", "Multidimensional multitasker", "The watch ended")
    proxy, kubeconfig = network
    operators.start(kubeconfig=kubeconfig)
    await create(api, namespace)
    await eventually(lambda: _watches(proxy, 1))
    blocked = proxy.add(Fault(WATCH, "/services", status=410))
    proxy.drop_watches()
    old = await api.get("Service", NAME, namespace)
    await api.delete("Service", NAME, namespace)
    await eventually(lambda: _hit(blocked))
    blocked.times = 0

    await api.wait_for("Service", NAME, namespace, until=_other_than(old), seconds=40)


async def test_a_watch_that_went_silent_fails_the_probe(
    api: ApiClient, namespace: str, operators: Operators, network: tuple[FaultProxy, Path]
) -> None:
    """Watches that say nothing any more, and are not closed: within 90 s a kubelet would know."""
    proxy, kubeconfig = network
    operator = operators.start(kubeconfig=kubeconfig)
    await create(api, namespace)
    assert operator.get("/healthz") == (200, "ok")
    proxy.stall_watches()
    began = time.monotonic()
    await eventually(lambda: _is_unhealthy(operator), seconds=90, interval=0.5)

    print(f"silent watch: unhealthy after {time.monotonic() - began:.0f} s")  # noqa: T201  a figure
    told = operator.get("/healthz")[1]
    assert "no heartbeat was seen" in told or "the watch did not bring" in told
    assert operator.metric("batchwright_operator_leader") == 1.0


async def test_metrics_of_an_object_go_with_it(
    api: ApiClient, namespace: str, operators: Operators
) -> None:
    """Series of the queue, the API calls, the leader and each object; the object's vanish with it."""
    operator = operators.start()
    await create(api, namespace)
    series = READY % namespace
    await eventually(lambda: _shows(operator, series, 0.0))
    assert operator.get("/healthz") == (200, "ok")
    assert operator.get("/readyz") == (200, "ok")
    assert operator.metric("batchwright_operator_leader") == 1.0
    assert (operator.metric('batchwright_operator_runs_total{result="done"}') or 0) >= 1
    _, text = operator.get("/metrics")
    assert 'batchwright_operator_api_calls_total{code="201",kind="Deployment",verb="post"} 1.0' in text
    await api.delete("ModelServer", NAME, namespace)

    await eventually(lambda: _shows(operator, series, None))


async def test_a_pipeline_without_its_server_is_told(
    api: ApiClient, namespace: str, operators: Operators
) -> None:
    """Its conditions say what is missing, and once it is there it is no longer so."""
    operators.start()
    await api.create(pipeline_document("p", server=NAME), namespace=namespace)
    told = await api.wait_for("Pipeline", "p", namespace, until=_has_reason("ModelServerNotFound"))
    assert {item["status"] for item in told["status"]["conditions"]} == {"False"}
    await create(api, namespace)

    await api.wait_for(
        "Pipeline", "p", namespace, until=lambda it: not _has_reason("ModelServerNotFound")(it)
    )


async def test_a_stop_is_orderly(api: ApiClient, namespace: str, operators: Operators) -> None:
    """SIGTERM ends it within seconds, with exit code 0, no traceback and no holder of the lease."""
    operator = operators.start()
    await create(api, namespace)
    operator.signal(signal.SIGTERM)

    assert operator.wait(12) == 0
    lease = await api.get("Lease", "batchwright-operator", namespace)
    assert not lease["spec"].get("holderIdentity")


def _other_than(old: dict[str, Any]) -> Callable[[dict[str, Any]], bool]:
    return lambda found: bool(found["metadata"]["uid"] != old["metadata"]["uid"])


def _has_reason(reason: str) -> Callable[[dict[str, Any]], bool]:
    def has(found: dict[str, Any]) -> bool:
        conditions = found.get("status", {}).get("conditions", [])
        return any(item["reason"] == reason for item in conditions)

    return has


async def _shows(operator: OperatorProcess, series: str, value: float | None) -> bool:
    return operator.metric(series) == value


async def _is_unhealthy(operator: OperatorProcess) -> bool:
    return operator.get("/healthz")[0] == 503


async def _watches(proxy: FaultProxy, count: int) -> bool:
    return proxy.open_watches >= count


async def _hit(fault: Fault) -> bool:
    return fault.hits > 0
