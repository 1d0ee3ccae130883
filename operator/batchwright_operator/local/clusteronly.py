"""What of an object only a cluster has."""

from collections.abc import Iterable, Iterator

from batchwright_operator.resources.modelserver import ModelServer


def check_cluster_only(servers: Iterable[ModelServer]) -> Iterator[str]:
    """A sentence for each part of an object without which its pods would not be what is asked for.

    What only goes round the pods (autoscaling, networkPolicy, monitoring) is left aside.
    """
    for server in servers:
        for part in _parts(server):
            yield f"{server.name}: {part}, which only a cluster has (`batchwright render`)"


def _parts(server: ModelServer) -> Iterator[str]:
    for model in server.spec.models:
        access = model.source.access
        if access is not None and access.ca_config_map is not None:
            yield f"model {model.name} has an authority in the ConfigMap {access.ca_config_map.name}"
        if model.source.pvc is None and model.source.uri is None:
            kind = "an image" if model.source.image is not None else "a ConfigMap"
            yield f"model {model.name} comes from {kind}"
    if server.spec.tls is not None:
        yield f"tls is in the Secret {server.spec.tls.secret_name}"
    if server.spec.auth is not None:
        yield f"auth is in the Secret {server.spec.auth.secret_name}"
    for variable in server.spec.pod.env:
        if variable.value_from is not None:
            yield f"the variable {variable.name} has its value from elsewhere"
