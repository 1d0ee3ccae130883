"""Two replicas on a real API server: who leads, how soon another does, and that only one writes."""

import signal
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.cluster.apiclient import ApiClient
from tests.support.cluster.operatorprocess import Operators
from tests.support.faultproxy import WRITES, Call, FaultProxy
from tests.support.modelservers import server_document
from tests.support.operator_process import OperatorProcess
from tests.support.polling import eventually

pytestmark = pytest.mark.slow

LEASE = "batchwright-operator"
TAKEOVER_SECONDS = 20.0
RELEASED_SECONDS = 3.0
ENDED = "The process ends at once"
LOST = "The lease is lost"

Record = Callable[[str, object], None]


async def holder(api: ApiClient, namespace: str) -> str:
    """Who leads by the record, without the part that tells processes apart."""
    lease = await api.find("Lease", LEASE, namespace)
    return "" if lease is None else str(lease["spec"].get("holderIdentity", "")).partition("_")[0]


async def until_leads(api: ApiClient, namespace: str, name: str, *, seconds: float = 30.0) -> float:
    """How long it took until the record named a replica."""
    begun = time.monotonic()

    async def leads() -> bool:
        return await holder(api, namespace) == name

    await eventually(leads, seconds=seconds)
    return time.monotonic() - begun


class Pair:
    """Two replicas: the first leads, the second is ready to."""

    def __init__(self, api: ApiClient, namespace: str, operators: Operators) -> None:
        self._api = api
        self._namespace = namespace
        self._operators = operators

    async def start(
        self, *, kubeconfig: Path | None = None, zones: tuple[str, str] = ("UTC", "UTC")
    ) -> tuple[OperatorProcess, OperatorProcess]:
        """Both; the first one by `kubeconfig`."""
        first = self._one("first", {"TZ": zones[0]}, kubeconfig)
        await until_leads(self._api, self._namespace, "first")
        second = self._one("second", {"TZ": zones[1]})
        await eventually(lambda: is_ready(second))
        return first, second

    def _one(
        self, name: str, environment: Mapping[str, str], kubeconfig: Path | None = None
    ) -> OperatorProcess:
        options = f"--identity={name}"
        return self._operators.start(options, kubeconfig=kubeconfig, environment=environment)


@pytest.fixture
def pair(api: ApiClient, namespace: str, operators: Operators) -> Pair:
    """Two replicas in the test's namespace; not started."""
    return Pair(api, namespace, operators)


async def test_a_killed_leader_is_replaced(
    api: ApiClient, namespace: str, pair: Pair, record_property: Record
) -> None:
    """After kill -9 the other leads within 20 s, however wrong time zones and the record's clock are."""
    first, _ = await pair.start(zones=("Pacific/Kiritimati", "Pacific/Pago_Pago"))
    first.signal(signal.SIGKILL)
    begun = time.monotonic()
    ahead = (datetime.now(UTC) + timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    await api.patch("Lease", LEASE, namespace, patch={"spec": {"renewTime": ahead}})

    await until_leads(api, namespace, "second")
    took = time.monotonic() - begun
    assert 8.0 <= took <= TAKEOVER_SECONDS
    lease = await api.get("Lease", LEASE, namespace)
    renewed = datetime.fromisoformat(lease["spec"]["renewTime"])
    assert abs(renewed - datetime.now(UTC)) < timedelta(seconds=30)
    assert lease["spec"]["leaseTransitions"] == 1
    _tell(record_property, "killed leader: taken over", took)


async def test_a_stopped_leader_cannot_go_on(
    api: ApiClient,
    namespace: str,
    operators: Operators,
    pair: Pair,
    network: tuple[FaultProxy, Path],
    record_property: Record,
) -> None:
    """After SIGSTOP the other leads within 20 s; going on, the first one ends and writes nothing."""
    operators.announce(ENDED, LOST)
    proxy, kubeconfig = network
    first, _ = await pair.start(kubeconfig=kubeconfig)
    first.signal(signal.SIGSTOP)
    begun = time.monotonic()
    await until_leads(api, namespace, "second")
    took = time.monotonic() - begun
    await api.create(server_document(name="vision", replicas=0), namespace=namespace)
    await api.wait_for("Deployment", "vision", namespace, until=bool)
    await api.delete("Service", "vision", namespace)
    before = writes_of(proxy)
    first.signal(signal.SIGCONT)

    assert first.wait(5) == 1
    assert took <= TAKEOVER_SECONDS
    assert await holder(api, namespace) == "second"
    assert first.said(ENDED)
    assert [call for call in writes_of(proxy)[len(before) :] if 200 <= call.status < 300] == []
    _tell(record_property, "stopped leader: taken over", took)


async def test_a_leader_without_network_gives_up(
    api: ApiClient,
    namespace: str,
    operators: Operators,
    pair: Pair,
    network: tuple[FaultProxy, Path],
    record_property: Record,
) -> None:
    """A leader that is cut off ends before the other leads, which is within 20 s; it writes no more."""
    operators.announce(ENDED, LOST)
    proxy, kubeconfig = network
    first, _ = await pair.start(kubeconfig=kubeconfig)
    proxy.cut()
    begun = time.monotonic()
    await api.create(server_document(name="vision", replicas=0), namespace=namespace)
    await eventually(lambda: _has_ended(first), seconds=13)
    gave_up = time.monotonic() - begun
    assert await holder(api, namespace) == "first"
    await until_leads(api, namespace, "second")
    took = time.monotonic() - begun
    before = writes_of(proxy)
    proxy.mend()
    await api.wait_for("Service", "vision", namespace, until=bool)

    assert first.wait(1) == 1
    assert gave_up <= 11.0
    assert took <= TAKEOVER_SECONDS
    assert writes_of(proxy) == before
    _tell(record_property, "leader without network: gave up", gave_up)
    _tell(record_property, "leader without network: taken over", took)


async def test_a_leader_that_is_told_to_stop_leaves_at_once(
    api: ApiClient, namespace: str, pair: Pair, record_property: Record
) -> None:
    """SIGTERM releases the lease: the other leads within 3 s, and the exit code is 0."""
    first, second = await pair.start()
    first.signal(signal.SIGTERM)
    took = await until_leads(api, namespace, "second")

    assert took <= RELEASED_SECONDS
    assert first.wait(5) == 0
    assert second.is_running
    _tell(record_property, "leader told to stop: taken over", took)


async def test_a_standby_writes_nothing(
    api: ApiClient, namespace: str, operators: Operators, network: tuple[FaultProxy, Path]
) -> None:
    """The replica that waits reads only, and is ready to lead."""
    proxy, kubeconfig = network
    first = operators.start("--identity=first")
    await until_leads(api, namespace, "first")
    second = operators.start("--identity=second", kubeconfig=kubeconfig)
    await api.create(server_document(name="vision", replicas=0), namespace=namespace)
    await api.wait_for("Deployment", "vision", namespace, until=bool)
    await eventually(lambda: is_ready(second))
    await eventually(lambda: _saw_leases(proxy, 3))

    assert writes_of(proxy) == []
    assert second.metric("batchwright_operator_leader") == 0.0
    assert first.metric("batchwright_operator_leader") == 1.0


async def is_ready(operator: OperatorProcess) -> bool:
    return operator.get("/readyz")[0] == 200


def writes_of(proxy: FaultProxy) -> list[Call]:
    return [call for call in proxy.calls if call.verb in WRITES]


async def _has_ended(operator: OperatorProcess) -> bool:
    return not operator.is_running


async def _saw_leases(proxy: FaultProxy, count: int) -> bool:
    return sum("/leases" in call.path for call in proxy.calls) >= count


def _tell(record_property: Record, what: str, seconds: float) -> None:
    record_property(what.replace(": ", "_").replace(" ", "_"), seconds)
    print(f"{what} after {seconds:.1f} s")  # noqa: T201  a figure that the run is asked for
