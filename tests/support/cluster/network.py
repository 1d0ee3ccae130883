"""A network between operators and the API server, where things go wrong when they are told to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.cluster.access import Cluster
from tests.support.cluster.kubeconfig import load_access
from tests.support.cluster.operatorprocess import Operators
from tests.support.faultproxy import FaultProxy, fault_proxy


@asynccontextmanager
async def network(
    cluster: Cluster, operators: Operators, directory: Path
) -> AsyncIterator[tuple[FaultProxy, Path]]:
    """The proxy, and the kubeconfig of operators behind it, who have their chart's rights there too."""
    access = load_access(operators.kubeconfig)  # whose context shows no certificate: it would go first
    assert access.token is not None
    async with fault_proxy(access.url, access.context) as proxy:
        yield proxy, proxy.kubeconfig(directory / "proxy.yaml", access.token)
