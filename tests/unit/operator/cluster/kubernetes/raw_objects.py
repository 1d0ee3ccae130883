"""Objects as an API server sends them."""

from typing import Any

Raw = dict[str, Any]
LABELS = {
    "app.kubernetes.io/name": "batchwright-server",
    "app.kubernetes.io/instance": "vision",
    "app.kubernetes.io/managed-by": "batchwright",
}


def raw(kind: str, name: str, version: int, **more: Any) -> Raw:
    """An object of the namespace `team`; `metadata` and other parts as given."""
    metadata = {"name": name, "namespace": "team", "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {**more, "kind": kind, "metadata": {**metadata, **more.get("metadata", {})}}


def server(version: int = 1, name: str = "vision", **more: Any) -> Raw:
    """A ModelServer."""
    return raw("ModelServer", name, version, spec={"models": []}, **more)


def pipeline(version: int = 1, name: str = "ocr", refers_to: str = "vision") -> Raw:
    """A Pipeline over a ModelServer."""
    return raw("Pipeline", name, version, spec={"modelServerRef": {"name": refers_to}})


def owned(kind: str, name: str, version: int, owner_uid: str = "uid-vision", **more: Any) -> Raw:
    """An object that the ModelServer `vision` controls."""
    owner = {"kind": "ModelServer", "name": "vision", "uid": owner_uid, "controller": True}
    return raw(kind, name, version, metadata={"labels": LABELS, "ownerReferences": [owner]}, **more)


def pod(version: int = 1, name: str = "vision-abc-x", **more: Any) -> Raw:
    """A pod that is labelled as one of the ModelServer `vision`."""
    owner = {"kind": "ReplicaSet", "name": "vision-abc", "uid": "uid-rs", "controller": True}
    metadata = {"labels": LABELS, "ownerReferences": [owner], **more.pop("metadata", {})}
    return raw("Pod", name, version, metadata=metadata, **more)
