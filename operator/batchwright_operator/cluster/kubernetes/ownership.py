"""To which ModelServer an object belongs: told by labels, proven by its controller's uid."""

from collections.abc import Mapping
from typing import Any

from batchwright_operator.render import names
from batchwright_operator.resources import modelserver
from batchwright_operator.resources.metadata import ObjectKey

Raw = Mapping[str, Any]
INSTANCE = "app.kubernetes.io/instance"


def key_of(raw: Raw) -> ObjectKey:
    """The object's own namespace and name."""
    metadata = raw["metadata"]
    return ObjectKey(metadata.get("namespace", ""), metadata["name"])


def controller_of(raw: Raw) -> Raw:
    """The owner reference of the object's controller; empty if it has none."""
    references = raw["metadata"].get("ownerReferences") or ()
    return next((item for item in references if item.get("controller")), {})


def server_of(raw: Raw) -> ObjectKey | None:
    """The ModelServer that an owned object or a pod says it is of."""
    owner = controller_of(raw)
    labels = raw["metadata"].get("labels") or {}
    if owner.get("kind") == modelserver.KIND:
        name = owner.get("name")
    elif labels.get("app.kubernetes.io/managed-by") == names.MANAGER:
        name = labels.get(INSTANCE)
    else:
        name = None
    return ObjectKey(raw["metadata"].get("namespace", ""), name) if name else None


def describe_owner(raw: Raw) -> str:
    """Whose an object is, for a message; empty if it is nobody's."""
    owner = controller_of(raw) or next(iter(raw["metadata"].get("ownerReferences") or ()), {})
    return f"{owner.get('kind', '')} {owner.get('name', '')}".strip()
