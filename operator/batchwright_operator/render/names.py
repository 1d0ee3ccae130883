"""Names, labels and annotation keys, all in one place."""

from typing import Any

from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config import digest

Manifest = dict[str, Any]

MANAGER = "batchwright"
SERVER_CONTAINER = "server"
CONFIG_FILE = "config.json"
CONFIG_HASH = "batchwright.dev/config-hash"  # of the document a ConfigMap carries
RENDERED_HASH = "batchwright.dev/rendered-hash"  # of the manifest as we wrote it
CONFIG_VOLUME = "config"
_LONGEST_CLAIM = 63 - len("claim-")


def config_map_name(server: ModelServer) -> str:
    """The name of the ConfigMap with the server's configuration document."""
    return f"{server.name}-config"


def claim_volume(claim: str) -> str:
    """The name of the volume for a claim; unlike a claim's, it has no dots and is short."""
    if "." in claim or len(claim) > _LONGEST_CLAIM:
        return f"claim-{digest.digest(claim.encode())}"
    return f"claim-{claim}"


def selector(server: ModelServer) -> dict[str, str]:
    """The labels by which the pods of `server` are found; they never change."""
    return {"app.kubernetes.io/name": "batchwright-server", "app.kubernetes.io/instance": server.name}


def pod_labels(server: ModelServer) -> dict[str, str]:
    """The labels of the pods. None of the user's: a label changed there would replace the pods."""
    ours = {"app.kubernetes.io/component": "model-server", "app.kubernetes.io/managed-by": MANAGER}
    return {**selector(server), **ours}


def labels(server: ModelServer) -> dict[str, str]:
    """The labels of every object rendered for `server`: the user's, then ours."""
    return {**server.metadata.labels, **pod_labels(server)}


def metadata(server: ModelServer, name: str) -> Manifest:
    """The metadata of an object of `server`."""
    return {"name": name, "namespace": server.metadata.namespace, "labels": labels(server)}
