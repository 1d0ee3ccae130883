"""Where the pods of a ModelServer are asked, and how they and the operator know each other."""

from batchwright_operator.cluster.port import Cluster
from batchwright_operator.pods.target import Target
from batchwright_operator.reconcile.observed import Observed, Phase
from batchwright_operator.render import admin
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer


async def find_targets(
    cluster: Cluster, server: ModelServer, settings: Settings, observed: Observed
) -> dict[str, Target]:
    """The target of each pod that runs and is meant to stay, by its name."""
    running = [pod for pod in observed.current_pods if pod.phase is Phase.RUNNING and pod.ip]
    has_tls = server.spec.tls is not None
    authority = await _read_authority(cluster, server) if running else None
    return {
        pod.name: Target(
            address=pod.address,
            tokens=admin.derive_tokens(settings, server),
            ca=authority,
            server_name=admin.server_name(server) if has_tls else "",
        )
        for pod in running
    }


async def _read_authority(cluster: Cluster, server: ModelServer) -> str | None:
    """Who vouches for the pods' certificates; None: whom this machine trusts; empty: nobody, yet."""
    tls = server.spec.tls
    if tls is None or tls.ca_config_map is None:
        return None
    return await cluster.read_ca(server) or ""
