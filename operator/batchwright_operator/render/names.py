"""Names, labels and annotation keys, all in one place."""

from typing import Any

from batchwright_operator.resources.modelserver import API_VERSION, KIND, ModelServer
from batchwright_server.config import digest

Manifest = dict[str, Any]

MANAGER = "batchwright"
SERVER_CONTAINER = "server"
FETCH_CONTAINER = "fetch"  # and for which of the models, after a dash
CONFIG_FILE = "config.json"
CONFIG_HASH = "batchwright.dev/config-hash"  # of the document a ConfigMap carries
RENDERED_HASH = "batchwright.dev/rendered-hash"  # of the manifest as we wrote it
TEMPLATE_HASH = "batchwright.dev/template-hash"  # of the pod template, on itself
TEMPLATE_REVISION = "batchwright.dev/template-revision"  # by which a Deployment's template was rendered
TEMPLATE_HASHES = "batchwright.dev/template-hashes"  # what it would be by each revision, as JSON
SERVER_IMAGE = "batchwright.dev/server-image"  # the operator's, for pods that name none
HEADLESS = "batchwright.dev/headless"  # the label of the Service of addresses
CONFIG_VOLUME = "config"
_LONGEST_CLAIM = 63 - len("claim-")


def config_map_name(server: ModelServer) -> str:
    """The name of the ConfigMap with the server's configuration document."""
    return f"{server.name}-config"


def headless_name(server: ModelServer) -> str:
    """The name of the Service whose addresses are those of the pods."""
    return f"{server.name}-headless"


def claim_volume(claim: str) -> str:
    """The name of the volume for a claim; unlike a claim's, it has no dots and is short."""
    if "." in claim or len(claim) > _LONGEST_CLAIM:
        return f"claim-{digest.digest(claim.encode())}"
    return f"claim-{claim}"


def selector(server: ModelServer) -> dict[str, str]:
    """The labels by which the pods of `server` are found; they never change."""
    return {"app.kubernetes.io/name": "batchwright-server", "app.kubernetes.io/instance": server.name}


def pod_labels(server: ModelServer) -> dict[str, str]:
    """The labels of the pods that are ours. None of the object's: a change there replaces no pods."""
    ours = {"app.kubernetes.io/component": "model-server", "app.kubernetes.io/managed-by": MANAGER}
    return {**selector(server), **ours}


def labels(server: ModelServer) -> dict[str, str]:
    """The labels of every object rendered for `server`: the user's, then ours."""
    return {**server.metadata.labels, **pod_labels(server)}


def metadata(server: ModelServer, name: str) -> Manifest:
    """The metadata of an object of `server`, which goes when `server` goes."""
    owner = {"ownerReferences": [_owner(server)]} if server.metadata.uid else {}
    return {"name": name, "namespace": server.metadata.namespace, "labels": labels(server), **owner}


def _owner(server: ModelServer) -> Manifest:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": server.name,
        "uid": server.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
