"""One model of a ModelServer: where it comes from and how it is served."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from batchwright_operator.resources.batching import Batching
from batchwright_operator.resources.source import Source
from batchwright_operator.resources.strict import Positive, Strict, Text, Unavailable
from batchwright_operator.resources.versions import DEFAULT_POLICY, VersionPolicy
from batchwright_server.config import layouts, shapes

ModelName = Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")]


def _check_shape(value: str) -> str:
    shapes.parse_shapes(value)
    return value


def _check_layout(value: str) -> str:
    layouts.parse_layouts(value)
    return value


def _check_plugin_value(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError('expected a text or an integer; a flag is "YES" or "NO"')  # noqa: TRY004  pydantic's way
    return value


# Checked as a whole: of a union pydantic would tell a fault for each member.
PluginValue = Annotated[
    str | int,
    BeforeValidator(_check_plugin_value),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": 4096}),
]


class Model(Strict):
    """One model."""

    name: ModelName
    """What clients ask for."""
    source: Source
    """Where the model's files are."""
    batching: Batching = Batching()
    """How batches of varying size are taken."""
    device: Text = "CPU"
    """OpenVINO's device."""
    infer_requests: Positive | None = None
    """How many inferences run at once. Absent: OpenVINO's optimum."""
    plugin_config: Annotated[dict[str, PluginValue], Field(max_length=64)] = Field(default={})
    """OpenVINO's properties, by name; flags are the texts "YES" and "NO"."""
    version_policy: VersionPolicy = DEFAULT_POLICY
    """Which versions are served: exactly one of latest, specific and all."""
    # One text, or a JSON object of texts by input: a schema of a cluster knows no "text or object".
    layout: Annotated[Text, AfterValidator(_check_layout)] | None = None
    """Layouts as in OpenVINO Model Server, such as NHWC:NCHW; for several inputs the text of a JSON
    object by input."""
    shape: Annotated[Text, AfterValidator(_check_shape)] | None = None
    """Shapes as in OpenVINO Model Server, such as (1,3,-1,-1); for several inputs the text of a JSON
    object by input."""
    mappings: Unavailable = None
