"""The Service in front of the pods."""

from batchwright_operator.render import names
from batchwright_operator.resources.modelserver import ModelServer


def render_service(server: ModelServer) -> names.Manifest:
    """The Service, with the ports clients use."""
    service = server.spec.service
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": names.metadata(server, server.name),
        "spec": {
            "type": service.type.value,
            "selector": names.selector(server),
            "ports": [
                # appProtocol: so that meshes and ingresses speak HTTP/2 to it without guessing
                _port("grpc", service.grpc_port) | {"appProtocol": "kubernetes.io/h2c"},
                _port("http", service.http_port),
            ],
        },
    }


def _port(name: str, number: int) -> names.Manifest:
    return {"name": name, "port": number, "targetPort": name, "protocol": "TCP"}
