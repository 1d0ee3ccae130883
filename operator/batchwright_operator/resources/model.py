"""One model of a ModelServer: where it comes from and how it is served."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

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
    if not isinstance(value, str | bool | int):
        raise ValueError("expected a text, an integer, true or false")  # noqa: TRY004  pydantic's way
    return value


# Checked as a whole: of a union pydantic would tell a fault for each member.
PluginValue = Annotated[str | bool | int, BeforeValidator(_check_plugin_value)]


class Model(Strict):
    """One model."""

    name: ModelName
    source: Source
    batching: Batching = Batching()
    device: Text = "CPU"
    infer_requests: Positive | None = None  # None: OpenVINO's optimum
    plugin_config: dict[str, PluginValue] = Field(default={})
    version_policy: VersionPolicy = DEFAULT_POLICY
    # One text, or a JSON object of texts by input: a schema of a cluster knows no "text or object".
    layout: Annotated[Text, AfterValidator(_check_layout)] | None = None
    shape: Annotated[Text, AfterValidator(_check_shape)] | None = None
    mappings: Unavailable = None
