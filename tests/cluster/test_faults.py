"""What an API server and its network do to an operator: it converges, and asks at a bounded rate."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.cluster.apiclient import ApiClient
from tests.support.cluster.controlplane import ControlPlane
from tests.support.cluster.operatorprocess import Operators
from tests.support.faultproxy import ANY, WATCH, WRITES, Fault, FaultProxy
from tests.support.modelservers import server_document
from tests.support.operator_process import OperatorProcess
from tests.support.polling import eventually

pytestmark = pytest.mark.slow

NAME = "vision"
TROUBLE_SECONDS = 3.0
CONVERGED_SECONDS = 60.0
CALLS_PER_SECOND = 40.0  # with eleven kinds to be watched
_OURS = r"^(?!.*(leases|batchwright-heartbeat))"
LOST = ("The process ends at once", "The lease is lost")
KOPF = ("Watcher for", "Multidimensional multitasker", "The watch ended")


@dataclass
class Trouble:
    """What strikes, and what befalls the watches that are open when it begins."""

    name: str
    faults: tuple[Fault, ...] = ()
    begin: Callable[[FaultProxy], None] = field(default=lambda _: None)
    end: Callable[[FaultProxy], None] = field(default=FaultProxy.mend)


def troubles() -> Iterator[Trouble]:
    """One after the other."""
    yield Trouble("conflicts", (Fault(frozenset({"PATCH"}), _OURS, status=409),))
    yield Trouble("too many requests", (Fault(WRITES, _OURS, status=429, retry_after=1),))
    yield Trouble("internal errors", (Fault(WRITES, _OURS, status=500),))
    yield Trouble("unavailable", (Fault(ANY - WATCH, _OURS, status=503),))
    yield Trouble("dropped connections", (Fault(WRITES, _OURS, is_dropped=True),))
    yield Trouble("latency", (Fault(ANY - WATCH, seconds=0.5),))
    yield Trouble("dropped watches", (Fault(WATCH, is_dropped=True),), FaultProxy.drop_watches)
    yield Trouble("refused watches", (Fault(WATCH, status=503),), FaultProxy.drop_watches)
    yield Trouble(
        "throttled watches", (Fault(WATCH, status=429, retry_after=1),), FaultProxy.drop_watches
    )
    yield Trouble("expired watches", (Fault(WATCH, status=410),), FaultProxy.expire_watches)
    yield Trouble("slow watches", begin=FaultProxy.stall_watches)


async def test_it_converges_whatever_befalls_its_calls(
    api: ApiClient, namespace: str, operators: Operators, network: tuple[FaultProxy, Path]
) -> None:
    """Edits and deletions during each trouble are made good afterwards; calls are bounded throughout."""
    operators.announce(*KOPF)
    proxy, kubeconfig = network
    operator = operators.start(kubeconfig=kubeconfig)
    await api.create(server_document(name=NAME, replicas=0), namespace=namespace)
    await is_converged(api, namespace)
    for number, trouble in enumerate(troubles()):
        proxy.faults[:] = trouble.faults
        trouble.begin(proxy)
        rate = await suffer(api, namespace, proxy, port=9100 + number)
        proxy.faults.clear()
        trouble.end(proxy)
        began = time.monotonic()
        await is_converged(api, namespace)
        _print(f"{trouble.name}: {rate:.0f} calls/s, as wanted {time.monotonic() - began:.1f} s after")
        assert rate <= CALLS_PER_SECOND
        assert operator.is_running


async def suffer(api: ApiClient, namespace: str, proxy: FaultProxy, *, port: int) -> float:
    """Work in the middle of a trouble; how many calls there were in a second."""
    count, began = len(proxy.calls), time.monotonic()
    await disturb(api, namespace, port)
    await asyncio.sleep(TROUBLE_SECONDS)
    return (len(proxy.calls) - count) / (time.monotonic() - began)


async def disturb(api: ApiClient, namespace: str, port: int) -> None:
    """Remove what is owned, and edit what is wanted."""
    await api.delete_if_there("PodDisruptionBudget", NAME, namespace)
    edit = {"spec": {"service": {"grpcPort": port}}}
    await api.patch("ModelServer", NAME, namespace, patch=edit)


async def test_an_api_server_that_restarts_is_waited_for(
    api: ApiClient, namespace: str, operators: Operators, own_control_plane: ControlPlane
) -> None:
    """Down for a few seconds, it is asked until it is back; what was removed meanwhile comes again."""
    operators.announce(*KOPF, *LOST)
    operator = operators.start()
    await api.create(server_document(name=NAME, replicas=0), namespace=namespace)
    await is_converged(api, namespace)
    async with restarting(operator):  # where the API server takes longer than a lease does
        own_control_plane.restart_api_server(down_seconds=2.0)
        began = time.monotonic()
        await disturb(api, namespace, 9001)
        await is_converged(api, namespace)

    _print(f"as wanted {time.monotonic() - began:.1f} s after the API server was back")


async def test_a_network_that_is_lost_for_half_a_minute_is_survived(
    api: ApiClient, namespace: str, operators: Operators, network: tuple[FaultProxy, Path]
) -> None:
    """The leader ends, as it must; started again it finds nobody, waits, and goes on afterwards."""
    operators.announce(*KOPF, *LOST)
    proxy, kubeconfig = network
    operator = operators.start(kubeconfig=kubeconfig)
    await api.create(server_document(name=NAME, replicas=0), namespace=namespace)
    await is_converged(api, namespace)
    async with restarting(operator):
        proxy.cut()
        await disturb(api, namespace, 9001)
        await asyncio.sleep(30)
        proxy.mend()
        began = time.monotonic()
        await is_converged(api, namespace)

    _print(f"as wanted {time.monotonic() - began:.1f} s after the network was back")


@asynccontextmanager
async def restarting(operator: OperatorProcess) -> AsyncIterator[None]:
    """Within it an operator that ends is started again, as a kubelet does."""

    async def restart() -> None:
        while True:
            await asyncio.sleep(0.5)
            if not operator.is_running:
                operator.start()

    task = asyncio.create_task(restart())
    try:
        yield
    finally:
        task.cancel()


async def is_converged(api: ApiClient, namespace: str) -> None:
    """Return once all objects are there as the newest edit wants them, and the status is about it."""

    async def check() -> bool:
        server = await api.get("ModelServer", NAME, namespace)
        budget = await api.find("PodDisruptionBudget", NAME, namespace)
        service = await api.find("Service", NAME, namespace)
        if budget is None or service is None:
            return False
        served = {port["name"]: port["port"] for port in service["spec"]["ports"]}
        is_told = server.get("status", {}).get("observedGeneration") == server["metadata"]["generation"]
        return bool(is_told and served["grpc"] == server["spec"]["service"]["grpcPort"])

    await eventually(check, seconds=CONVERGED_SECONDS, interval=0.1)


def _print(line: str) -> None:
    print(line)  # noqa: T201  a figure that the run is asked for
