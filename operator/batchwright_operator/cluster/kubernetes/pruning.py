"""What is kept of an object: what somebody reads. Most of a pod is its nodes' business."""

from typing import Any

from batchwright_operator.cluster.kubernetes.ownership import Raw
from batchwright_operator.cluster.kubernetes.resources_table import route_of
from batchwright_operator.render.names import Manifest

_NEVER = frozenset({"managedFields", "selfLink", "generateName"})
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"  # the whole object once more
_OURS = "batchwright.dev/"
_POD_STATUS = (
    "phase",
    "podIP",
    "conditions",
    "initContainerStatuses",
    "containerStatuses",
    "reason",
    "message",
)


def prune(kind: str, raw: Raw) -> Manifest:
    """A copy with what is read; with its kind, which objects in lists lack."""
    head = {"apiVersion": route_of(kind).api_version, "kind": kind, "metadata": _metadata(raw)}
    return {**head, **(_pod(raw, head) if kind == "Pod" else _body(raw))}


def _body(raw: Raw) -> Manifest:
    return {key: value for key, value in raw.items() if key not in ("apiVersion", "kind", "metadata")}


def _metadata(raw: Raw) -> Manifest:
    metadata = {key: value for key, value in raw["metadata"].items() if key not in _NEVER}
    annotations = metadata.get("annotations")
    if annotations and _APPLIED in annotations:
        kept = {key: value for key, value in annotations.items() if key != _APPLIED}
        metadata["annotations"] = kept
    return metadata


def _pod(raw: Raw, head: Manifest) -> Manifest:
    metadata = head["metadata"]
    annotations = metadata.get("annotations") or {}
    ours = {key: value for key, value in annotations.items() if key.startswith(_OURS)}
    status: dict[str, Any] = raw.get("status") or {}
    containers = (raw.get("spec") or {}).get("containers") or ()
    ports = [{"name": item["name"], "ports": item.get("ports") or []} for item in containers]
    return {
        "metadata": {**metadata, "annotations": ours},
        "spec": {"containers": ports},
        "status": {key: status[key] for key in _POD_STATUS if key in status},
    }
