"""The NetworkPolicy: who reaches the pods. Their node does always, so probes need no rule."""

from batchwright_operator.render import admin, names
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.security import LabelSelector, NetworkPolicy, NetworkPolicyPeer

KIND = "NetworkPolicy"


def render_network_policy(
    server: ModelServer, settings: Settings, policy: NetworkPolicy
) -> names.Manifest:
    """The NetworkPolicy: clients as the user says, and the operator's namespace at the admin port."""
    namespace = {"kubernetes.io/metadata.name": settings.operator_namespace}
    operator = [{"namespaceSelector": {"matchLabels": namespace}}]
    clients = [_peer(item) for item in policy.from_]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": KIND,
        "metadata": names.metadata(server, server.name),
        "spec": {
            "podSelector": {"matchLabels": names.selector(server)},
            "policyTypes": ["Ingress"],
            "ingress": [
                {**({"from": clients} if clients else {}), "ports": _client_ports(server, settings)},
                {"from": operator, "ports": [_port(_admin_port(server, settings))]},
            ],
        },
    }


def _admin_port(server: ModelServer, settings: Settings) -> int:
    return admin.choose_port(server, settings) or server.spec.service.http_port


def _client_ports(server: ModelServer, settings: Settings) -> list[names.Manifest]:
    service = server.spec.service
    ports = [service.grpc_port, service.http_port]
    if server.spec.monitoring.service_monitor:  # Prometheus, one of the clients, reads metrics there
        ports.append(_admin_port(server, settings))
    return [_port(number) for number in dict.fromkeys(ports)]


def _port(number: int) -> names.Manifest:
    return {"port": number, "protocol": "TCP"}


def _peer(peer: NetworkPolicyPeer) -> names.Manifest:
    found: names.Manifest = {}
    if peer.namespace_selector is not None:
        found["namespaceSelector"] = _selector(peer.namespace_selector)
    if peer.pod_selector is not None:
        found["podSelector"] = _selector(peer.pod_selector)
    if peer.ip_block is not None:
        found["ipBlock"] = peer.ip_block.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return found


def _selector(selector: LabelSelector) -> names.Manifest:
    return selector.model_dump(mode="json", by_alias=True, exclude_defaults=True)
