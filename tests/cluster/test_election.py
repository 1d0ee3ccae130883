"""Two replicas on a real API server: who leads, and how soon another does."""

import signal
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import ApiClient
from tests.support.faultproxy import WRITES, FaultProxy, fault_proxy
from tests.support.operator_process import OperatorProcess, ended
from tests.support.polling import eventually

pytestmark = pytest.mark.slow

LEASE = "batchwright-operator"
TAKEOVER_SECONDS = 20.0
RELEASED_SECONDS = 3.0

Make = Callable[..., OperatorProcess]
Record = Callable[[str, object], None]


@pytest.fixture
def make(tmp_path: Path, namespace: str, control_plane: Cluster) -> Make:
    """Make a replica that lives in the test's namespace; not started."""

    def make_one(name: str, kubeconfig: Path | None = None) -> OperatorProcess:
        directory = tmp_path / name
        directory.mkdir()
        where = (f"--operator-namespace={namespace}", f"--namespace={namespace}")
        return OperatorProcess(
            directory, kubeconfig or control_plane.kubeconfig, *where, f"--identity={name}"
        )

    return make_one


@pytest.fixture
async def network(control_plane: Cluster, tmp_path: Path) -> AsyncIterator[tuple[FaultProxy, Path]]:
    """A network that can be cut, before the API server, and the kubeconfig of those behind it."""
    async with fault_proxy(control_plane.access.url, control_plane.access.context) as proxy:
        yield proxy, proxy.kubeconfig(tmp_path / "proxy.yaml", control_plane.access.token or "none")


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


async def test_a_killed_leader_is_replaced(
    api: ApiClient, namespace: str, make: Make, record_property: Record
) -> None:
    """After kill -9 the other leads within 20 s, however wrong the time zones are."""
    first, second = make("first"), make("second")
    with ended(first, second):
        first.start({"TZ": "Pacific/Kiritimati"})
        await until_leads(api, namespace, "first")
        second.start({"TZ": "Pacific/Pago_Pago"})
        await eventually(lambda: _is_ready(second))
        first.signal(signal.SIGKILL)

        took = await until_leads(api, namespace, "second")
        assert 8.0 <= took <= TAKEOVER_SECONDS
        lease = await api.get("Lease", LEASE, namespace)
        renewed = datetime.fromisoformat(lease["spec"]["renewTime"])
        assert abs(renewed - datetime.now(UTC)) < timedelta(seconds=30)
        assert lease["spec"]["leaseTransitions"] == 1
        record_property("takeover_seconds", took)


async def test_a_stopped_leader_cannot_go_on(
    api: ApiClient, namespace: str, make: Make, record_property: Record
) -> None:
    """After SIGSTOP the other leads within 20 s; the first one ends as soon as it goes on."""
    first, second = make("first"), make("second")
    with ended(first, second):
        first.start()
        await until_leads(api, namespace, "first")
        second.start()
        await eventually(lambda: _is_ready(second))
        first.signal(signal.SIGSTOP)
        took = await until_leads(api, namespace, "second")
        first.signal(signal.SIGCONT)

        assert first.wait(5) == 1
        assert took <= TAKEOVER_SECONDS
        assert await holder(api, namespace) == "second"
        assert first.said("The process ends at once")
        record_property("takeover_seconds", took)


async def test_a_leader_without_network_gives_up(
    api: ApiClient,
    namespace: str,
    make: Make,
    network: tuple[FaultProxy, Path],
    record_property: Record,
) -> None:
    """A leader that is cut off ends before the other leads, which is within 20 s."""
    proxy, kubeconfig = network
    first, second = make("first", kubeconfig), make("second")
    with ended(first, second):
        first.start()
        await until_leads(api, namespace, "first")
        second.start()
        await eventually(lambda: _is_ready(second))
        proxy.cut()
        begun = time.monotonic()
        await eventually(lambda: _has_ended(first), seconds=13)
        gave_up = time.monotonic() - begun
        assert await holder(api, namespace) == "first"
        took = gave_up + await until_leads(api, namespace, "second")

        assert gave_up <= 11.0
        assert took <= TAKEOVER_SECONDS
        record_property("gave_up_seconds", gave_up)
        record_property("takeover_seconds", took)


async def test_a_leader_that_is_told_to_stop_leaves_at_once(
    api: ApiClient, namespace: str, make: Make, record_property: Record
) -> None:
    """SIGTERM releases the lease: the other leads within 3 s, and the exit code is 0."""
    first, second = make("first"), make("second")
    with ended(first, second):
        first.start()
        await until_leads(api, namespace, "first")
        second.start()
        await eventually(lambda: _is_ready(second))
        first.signal(signal.SIGTERM)
        took = await until_leads(api, namespace, "second")

        assert took <= RELEASED_SECONDS
        assert first.wait(5) == 0
        assert second.is_running
        record_property("takeover_seconds", took)


async def test_a_standby_writes_nothing(
    api: ApiClient, namespace: str, make: Make, network: tuple[FaultProxy, Path]
) -> None:
    """The replica that waits reads only, and is ready to lead."""
    proxy, kubeconfig = network
    first, second = make("first"), make("second", kubeconfig)
    with ended(first, second):
        first.start()
        await until_leads(api, namespace, "first")
        second.start()
        await eventually(lambda: _is_ready(second))
        await eventually(lambda: _saw_leases(proxy, 3))

        assert [call for call in proxy.calls if call.verb in WRITES] == []
        assert second.metric("batchwright_operator_leader") == 0.0
        assert first.metric("batchwright_operator_leader") == 1.0


async def _is_ready(operator: OperatorProcess) -> bool:
    return bool(operator.said("The operator begins")) and operator.get("/readyz")[0] == 200


async def _has_ended(operator: OperatorProcess) -> bool:
    return not operator.is_running


async def _saw_leases(proxy: FaultProxy, count: int) -> bool:
    return sum("/leases" in call.path for call in proxy.calls) >= count
