"""References to other objects of the same namespace, and how they are named."""

from typing import Annotated

from pydantic import Field

from batchwright_operator.resources.strict import Strict

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

ObjectName = Annotated[str, Field(max_length=253, pattern=rf"^{_LABEL}(\.{_LABEL})*$")]
DataKey = Annotated[str, Field(max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]


class ConfigMapKey(Strict):
    """A key of a ConfigMap in the same namespace."""

    name: ObjectName
    """The ConfigMap's name."""
    key: DataKey = "ca.crt"
    """The key in it."""


class PullSecret(Strict):
    """A Secret in the same namespace that holds credentials of an image registry."""

    name: ObjectName
    """The Secret's name."""
