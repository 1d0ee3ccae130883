"""The Services in front of the pods: one address for all, and one name for the address of each."""

from batchwright_operator.render import names
from batchwright_operator.resources.modelserver import ModelServer


def render_service(server: ModelServer) -> names.Manifest:
    """The Service, with the ports clients use."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": names.metadata(server, server.name),
        "spec": {
            "type": server.spec.service.type.value,
            "selector": names.selector(server),
            "ports": _ports(server),
        },
    }


def render_headless_service(server: ModelServer) -> names.Manifest:
    """The Service of addresses, for clients that share their calls out over pods themselves."""
    metadata = names.metadata(server, names.headless_name(server))
    metadata["labels"] = {**metadata["labels"], names.HEADLESS: "true"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "clusterIP": "None",
            "selector": names.selector(server),
            "ports": _ports(server),
        },
    }


def _ports(server: ModelServer) -> list[names.Manifest]:
    service = server.spec.service
    # appProtocol: so that meshes and ingresses speak HTTP/2 to it without guessing
    grpc, http = ("https", "https") if server.spec.tls is not None else ("kubernetes.io/h2c", "http")
    return [_port("grpc", service.grpc_port, grpc), _port("http", service.http_port, http)]


def _port(name: str, number: int, protocol: str) -> names.Manifest:
    return {
        "name": name,
        "port": number,
        "targetPort": name,
        "protocol": "TCP",
        "appProtocol": protocol,
    }
