"""Variables of the container's environment, by value or from where Kubernetes finds one."""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from batchwright_operator.resources.markers import Rule
from batchwright_operator.resources.quantity import Quantity
from batchwright_operator.resources.references import DataKey, ObjectName
from batchwright_operator.resources.strict import Strict, Text

# The container's own facts, which the server's command line refers to.
OURS = ("POD_NAME", "POD_IP")


class EnvKey(Strict):
    """A key of a Secret or ConfigMap in the same namespace."""

    name: ObjectName
    """The object's name."""
    key: DataKey
    """The key in it."""
    optional: Annotated[bool, Field(strict=True)] | None = None
    """Whether the pod starts without the object or the key."""


class FieldRef(Strict):
    """A field of the pod."""

    field_path: Text
    """Its path, such as metadata.labels['team']."""


class ResourceFieldRef(Strict):
    """What the container may use of a resource."""

    resource: Text
    """Which, such as limits.memory."""
    divisor: Quantity | None = None
    """The unit that it is told in."""


class EnvVarSource(Strict):
    """Where a variable's value is found: exactly one place."""

    rules: ClassVar = (
        Rule(
            "[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef),"
            " has(self.resourceFieldRef)].exists_one(given, given)",
            "expected exactly one of secretKeyRef, configMapKeyRef, fieldRef and resourceFieldRef",
        ),
    )

    secret_key_ref: EnvKey | None = None
    """A key of a Secret."""
    config_map_key_ref: EnvKey | None = None
    """A key of a ConfigMap."""
    field_ref: FieldRef | None = None
    """A field of the pod."""
    resource_field_ref: ResourceFieldRef | None = None
    """A resource of the container."""

    @model_validator(mode="after")
    def _check_one(self) -> "EnvVarSource":
        given = (self.secret_key_ref, self.config_map_key_ref, self.field_ref, self.resource_field_ref)
        if given.count(None) != len(given) - 1:
            raise ValueError(self.rules[0].message)
        return self


class EnvVar(Strict):
    """One variable of the container's environment."""

    rules: ClassVar = (
        Rule(
            f"!(self.name in {list(OURS)})",
            f"{' and '.join(OURS)} are set by Batchwright itself; use another name",
            ".name",
        ),
        Rule(
            "!has(self.valueFrom) || !has(self.value) || self.value == ''",
            "expected either value or valueFrom, not both",
        ),
    )

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=256)]
    """The variable's name."""
    # No process can be given a NUL.
    value: Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=32768)] = ""
    """Its value."""
    value_from: EnvVarSource | None = None
    """Where its value is found, instead of `value`."""

    @model_validator(mode="after")
    def _check_one(self) -> "EnvVar":
        if self.value and self.value_from is not None:
            raise ValueError(self.rules[1].message)
        return self
