"""The fields that an object was created with, made fields that are applied.

An object is created by POST, so that nobody else's is taken over. Its fields are then those of an
*update* by our manager, and an apply that leaves one out would not remove it: the update still wants it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchwright_operator.render.names import MANAGER, Manifest


@dataclass(frozen=True, slots=True)
class Creation:
    """The entry of managedFields that a POST left, and whether there was an apply since."""

    index: int
    is_applied: bool


def find_creation(metadata: Mapping[str, Any]) -> Creation | None:
    """The entry, as long as it is there."""
    entries = list(metadata.get("managedFields") or ())
    ours = [item for item in entries if item.get("manager") == MANAGER and not item.get("subresource")]
    updates = [item for item in ours if item.get("operation") == "Update"]
    if not updates:
        return None
    return Creation(entries.index(updates[0]), is_applied=len(ours) > len(updates))


def transfer(creation: Creation, version: int) -> list[Manifest]:
    """The JSON patch, for an object of that resourceVersion, that leaves the fields to applies alone."""
    path = f"/metadata/managedFields/{creation.index}"
    return [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": str(version)},
        {"op": "remove", "path": path}
        if creation.is_applied
        else {"op": "replace", "path": f"{path}/operation", "value": "Apply"},
    ]
