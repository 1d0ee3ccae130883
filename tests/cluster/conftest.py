"""A control plane for the tests in this folder, a namespace for each, and a node that runs servers."""

import os
import secrets
import shutil
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest

from tests.support.cluster import access, binaries
from tests.support.cluster import network as networks
from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import ApiClient
from tests.support.cluster.binaries import Binaries
from tests.support.cluster.controlplane import ControlPlane
from tests.support.cluster.kinds import find_kind
from tests.support.cluster.node import Kubelet, alone
from tests.support.cluster.operatorprocess import Operators
from tests.support.cluster.stage import Stage
from tests.support.faultproxy import FaultProxy

_HERE = Path(__file__).parent
_FOUND = pytest.StashKey[Binaries]()
_MISSING = pytest.StashKey[str]()
_SKIPPED = "no control plane; `python -m tests.support.cluster build` makes one, or says what to install"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Build the control plane's programs before any test's time begins to count."""
    wanted = any(_HERE in item.path.parents for item in items)
    if not wanted or config.option.collectonly:
        return
    if given := os.environ.get(access.KUBECONFIG):
        _check_disposable(Path(given))
        return
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    say: binaries.Say = reporter.write_line if reporter is not None else print
    try:
        config.stash[_FOUND] = binaries.find_or_build(say)
    except binaries.BinariesMissing as error:
        config.stash[_MISSING] = str(error)
        for item in items:
            if _HERE in item.path.parents and "control_plane" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason=_SKIPPED))


@pytest.hookimpl(wrapper=True, tryfirst=True)  # so that it is the last of all lines
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, None, None]:
    """Say once, and loudly, why the tests of this folder were skipped."""
    yield
    if message := config.stash.get(_MISSING, ""):
        terminalreporter.write_line(message, red=True, bold=True)


def _check_disposable(kubeconfig: Path) -> None:
    try:
        access.check_disposable(kubeconfig)
    except access.NotDisposable as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture(scope="session")
def control_plane(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """A cluster: a control plane of our own, or the disposable one of BATCHWRIGHT_TEST_KUBECONFIG."""
    directory = tmp_path_factory.mktemp("control-plane")
    if given := os.environ.get(access.KUBECONFIG):
        found = Cluster(directory, Path(given), Path(shutil.which("kubectl") or "kubectl"))
        found.apply_custom_resources()
        yield found
        return
    ours = ControlPlane(directory, pytestconfig.stash[_FOUND])
    try:
        ours.start()
        yield ours
    finally:
        ours.stop()


@pytest.fixture
def own_control_plane(control_plane: Cluster) -> ControlPlane:
    """The control plane, where it is one that a test may stop, restart and pause."""
    if not isinstance(control_plane, ControlPlane):
        pytest.skip(f"{access.KUBECONFIG} is set: its control plane is not the tests' to stop")
    return control_plane


@pytest.fixture
async def api(control_plane: Cluster) -> AsyncIterator[ApiClient]:
    """A client with all rights."""
    async with control_plane.client() as client:
        yield client


@pytest.fixture
async def namespace(api: ApiClient) -> AsyncIterator[str]:
    """A namespace of the test's own; what is left in it goes, pods at once."""
    name = f"test-{secrets.token_hex(4)}"
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await api.create(manifest)
    await api.wait_for("ServiceAccount", "default", name, until=bool)
    yield name
    await api.delete("Namespace", name)
    for pod in await api.list("Pod", name):
        await api.delete_if_there("Pod", pod["metadata"]["name"], name, grace_seconds=0)


@pytest.fixture(scope="session")
def session_node(control_plane: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubelet]:
    """A node for all tests; each uses it through `kubelet`."""
    node = Kubelet(control_plane, tmp_path_factory.mktemp("node"))
    try:
        node.start()
        with alone(control_plane, node.name):
            yield node
    finally:
        node.stop()
        control_plane.request("DELETE", find_kind("Node").path(name=node.name))


@pytest.fixture
def kubelet(session_node: Kubelet) -> Kubelet:
    """The node that runs servers, with no orders yet."""
    session_node.reset()
    return session_node


@pytest.fixture
def operators(control_plane: Cluster, namespace: str, tmp_path: Path) -> Iterator[Operators]:
    """Replicas of the operator for the test's namespace, to be started; they end before it does."""
    replicas = Operators(control_plane, namespace, tmp_path)
    try:
        yield replicas
    finally:
        replicas.end()


@pytest.fixture
def stage(
    control_plane: Cluster,
    api: ApiClient,
    namespace: str,
    kubelet: Kubelet,
    operators: Operators,
    tmp_path: Path,
) -> Stage:
    """A namespace for scenes of a ModelServer's life, not yet open."""
    return Stage(control_plane, api, namespace, kubelet, operators, tmp_path)


@pytest.fixture
async def network(
    control_plane: Cluster, operators: Operators, tmp_path: Path
) -> AsyncIterator[tuple[FaultProxy, Path]]:
    """A network that can be cut, before the API server, and the kubeconfig of operators behind it."""
    async with networks.network(control_plane, operators, tmp_path) as found:
        yield found
