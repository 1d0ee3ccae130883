"""A real node (or a disposable cluster), the chart installed on it, and a namespace for each story.

Nothing here is collected without `--e2e`.
"""

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.support.cluster import access
from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import ApiClient
from tests.support.cluster.binaries import Binaries, BinariesMissing
from tests.support.node import images, programs, provision, requirements
from tests.support.node.buildah import BuildFailed
from tests.support.node.onenode import OneNode
from tests.support.stories.installation import Installation
from tests.support.stories.story import SAMPLES, Story

_HERE = Path(__file__).parent
_BINARIES = pytest.StashKey[Binaries]()
_LINES = pytest.StashKey[dict[str, list[str]]]()
_STORY_SECONDS = 900
Say = Callable[[str], None]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the stories out unless they are asked for."""
    return None if config.getoption("--e2e") else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Build all that stories need before any story's time begins to count."""
    ours = [item for item in items if _HERE in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.timeout(_STORY_SECONDS))
    if not ours or config.option.collectonly:
        return
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    say: Say = reporter.write_line if reporter is not None else print
    try:
        wanted = {name for item in ours for name in getattr(item, "fixturenames", ())}
        given = os.environ.get(access.KUBECONFIG)
        if given:
            access.check_disposable(Path(given))
        else:
            images.make(say)
        if "cluster" in wanted:
            _prepare_cluster(config, say, has_own=not given)
    except (requirements.Unfit, BinariesMissing, BuildFailed, access.NotDisposable) as error:
        raise pytest.UsageError(str(error)) from error


def _prepare_cluster(config: pytest.Config, say: Say, *, has_own: bool) -> None:
    if has_own:
        requirements.check_node()
        config.stash[_BINARIES] = programs.find_or_build(say)
    command = [sys.executable, "-m", "example_client.sample_models", "--out", str(SAMPLES)]
    subprocess.run(command, cwd=images.ROOT, check=True)


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, None, None]:
    """What the stories told, seconds above all."""
    yield
    for name, lines in config.stash.get(_LINES, {}).items():
        terminalreporter.write_line(f"{name}", bold=True)
        for line in lines:
            terminalreporter.write_line(f"  {line}")


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster of BATCHWRIGHT_TEST_KUBECONFIG, or a node of our own."""
    if given := os.environ.get(access.KUBECONFIG):
        directory = tmp_path_factory.mktemp("cluster")
        yield Cluster(directory, Path(given), Path(shutil.which("kubectl") or "kubectl"))
        return
    told = pytestconfig.stash.setdefault(_LINES, {}).setdefault("node", [])
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended from outside, it goes all the same
    node = OneNode(pytestconfig.stash[_BINARIES], told.append)
    try:
        provision.start(node, SAMPLES)
        yield node
    finally:
        shutil.copytree(node.layout.logs, tmp_path_factory.mktemp("node") / "logs")
        node.stop()


@pytest.fixture
def own_node(cluster: Cluster) -> OneNode:
    """The node, where it is one whose parts a story may kill."""
    if not isinstance(cluster, OneNode):
        pytest.skip(f"{access.KUBECONFIG} is set: that cluster's parts are not the tests' to kill")
    return cluster


@pytest.fixture(scope="session")
def installation(pytestconfig: pytest.Config, cluster: Cluster) -> Installation:
    """The chart, installed."""
    found = pytestconfig.stash.get(_BINARIES, None)
    helm = found["helm"] if found is not None else Path(shutil.which("helm") or "helm")
    release = Installation(cluster, helm)
    release.install()
    return release


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[ApiClient]:
    """A client with all rights."""
    async with cluster.client() as client:
        yield client


@pytest.fixture
async def story(
    request: pytest.FixtureRequest, cluster: Cluster, installation: Installation, api: ApiClient
) -> AsyncIterator[Story]:
    """A namespace of the story's own; afterwards no log may have a traceback."""
    lines = request.config.stash.setdefault(_LINES, {}).setdefault(request.node.name, [])
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[:30].strip("-")
    found = Story(cluster, installation, api, f"{name}-{secrets.token_hex(2)}", lines)
    with found.within(_STORY_SECONDS, "the whole story"):
        await found.open()
        yield found
        faults = await found.close()
    assert faults == [], "\n\n".join(faults)
