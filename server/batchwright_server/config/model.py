"""One model of the configuration document: where it is and how it is served."""

import json
from collections.abc import Iterator
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    field_validator,
    model_validator,
)

from batchwright_server.config import (
    device_properties,
    layouts,
    plugin_keys,
    preprocessing,
    shapes,
)
from batchwright_server.config.batch_size import AutoBatch, DynamicBatch, FixedBatch, parse_batch_size
from batchwright_server.config.batching import Batching, Dynamic, Fixed
from batchwright_server.config.frozen import Frozen
from batchwright_server.config.plan import Strategy
from batchwright_server.config.problems import Problem
from batchwright_server.config.refusals import CustomLoaders, MediaPipe, Resize, Stateful
from batchwright_server.config.version_policy import DEFAULT_POLICY, VersionPolicy, VersionPolicyBlock

MOST_REQUESTS = 100_000  # OVMS's limit for nireq


def _check_shape(value: object) -> object:
    if value is not None:
        shapes.parse_shapes(value)
    return value


def _check_layout(value: object) -> object:
    if value is not None:
        layouts.parse_layouts(value)
    return value


def _read_mean(value: object) -> object:
    return None if value is None else preprocessing.parse_values(value)


def _read_scale(value: object) -> object:
    return None if value is None else preprocessing.check_divisors(preprocessing.parse_values(value))


def _check_color(value: str) -> str:
    preprocessing.parse_color(value)
    return value


def _check_precision(value: str) -> str:
    preprocessing.parse_precision(value)
    return value


def _check_properties(
    given: dict[str, plugin_keys.PropertyValue],
) -> dict[str, plugin_keys.PropertyValue]:
    properties = plugin_keys.translate(given).properties
    if device_properties.KEY in properties:
        device_properties.check(properties[device_properties.KEY])
    return given


def _from_json(value: object) -> object:
    """OVMS takes objects as such, or as a JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not valid JSON: {error}") from error


ModelName = Annotated[str, Field(min_length=1, max_length=253)]
# Checked before the union, so that a fault is told once and by the field's own path.
ShapeValue = Annotated[str | dict[str, str] | None, BeforeValidator(_check_shape)]
LayoutValue = Annotated[str | dict[str, str] | None, BeforeValidator(_check_layout)]
Mean = Annotated[float | tuple[float, ...] | None, BeforeValidator(_read_mean)]
Scale = Annotated[float | tuple[float, ...] | None, BeforeValidator(_read_scale)]
ColorFormat = Annotated[StrictStr, AfterValidator(_check_color)] | None
Precision = Annotated[StrictStr, AfterValidator(_check_precision)] | None
PluginConfig = Annotated[
    dict[str, plugin_keys.PropertyValue],
    BeforeValidator(_from_json),
    AfterValidator(_check_properties),
]
VersionPolicyValue = Annotated[VersionPolicyBlock, BeforeValidator(_from_json)]


class ModelConfig(Frozen):
    """One model: where it is and how it is served."""

    name: ModelName
    base_path: Annotated[str, Field(min_length=1)]
    batch_size: StrictInt | StrictStr | None = None
    shape: ShapeValue = None
    layout: LayoutValue = None
    nireq: Annotated[int, Field(ge=0, le=MOST_REQUESTS)] = 0  # 0: OpenVINO's optimum
    target_device: str = "CPU"
    plugin_config: PluginConfig = Field(default={})
    model_version_policy: VersionPolicyValue = DEFAULT_POLICY
    mean: Mean = None
    scale: Scale = None
    color_format: ColorFormat = None
    precision: Precision = None
    allow_cache: StrictBool = False
    batching: Batching | None = None
    stateful: Stateful = None
    idle_sequence_cleanup: Stateful = None
    low_latency_transformation: Stateful = None
    max_sequence_number: Stateful = None
    resize: Resize = None
    custom_loader_options: CustomLoaders = None
    graph_path: MediaPipe = None
    subconfig: MediaPipe = None

    @field_validator("batch_size")
    @classmethod
    def _check_batch_size(cls, value: int | str | None) -> int | str | None:
        if value is not None:
            parse_batch_size(value)
        return value

    @model_validator(mode="after")
    def _check_one_rule(self) -> "ModelConfig":
        if self.batch_size is not None and self.batching is not None:
            raise ValueError("batch_size and batching both say how to batch; keep one of them")
        return self

    @property
    def version_policy(self) -> VersionPolicy:
        """Which versions are served."""
        return self.model_version_policy.policy

    @property
    def shapes(self) -> dict[str, shapes.AskedShape]:
        """The shapes asked for, by input, or for EVERY_INPUT; none: as the model was saved."""
        return {} if self.shape is None else shapes.parse_shapes(self.shape)

    @property
    def layouts(self) -> dict[str, layouts.Layout]:
        """The layouts asked for, by input or output, or for EVERY_INPUT."""
        return {} if self.layout is None else layouts.parse_layouts(self.layout)

    @property
    def color(self) -> preprocessing.Conversion | None:
        """The colors that clients send, and those that the model wants; None: no conversion."""
        return preprocessing.parse_color(self.color_format) if self.color_format else None

    @property
    def element_type(self) -> preprocessing.Conversion | None:
        """The element type that clients send, and what it becomes; None: no conversion."""
        return preprocessing.parse_precision(self.precision) if self.precision else None

    @property
    def is_preprocessed(self) -> bool:
        """Whether something is done to the input before the model sees it."""
        return any(
            value is not None for value in (self.mean, self.scale, self.color_format, self.precision)
        )

    @property
    def properties(self) -> dict[str, plugin_keys.PropertyValue]:
        """`plugin_config` as OpenVINO takes it today."""
        return plugin_keys.translate(self.plugin_config).properties

    @property
    def effective_batching(self) -> Batching:
        """The `batching` block, else what `shape` or `batch_size` mean, else the model's own size."""
        if self.batching is not None:
            return self.batching
        if self.shape is not None:
            return self._batching_of_shapes()
        return _batching_of(self.batch_size)

    @property
    def may_cache(self) -> bool:
        """Whether compiled models may be kept on disk: as in OVMS, not one for each size of a reload."""
        reloads = any(plan.strategy is Strategy.RELOAD for plan in self.effective_batching.plans)
        return self.allow_cache or not reloads

    @property
    def warnings(self) -> Iterator[Problem]:
        """What is accepted, but not as it is written."""
        if self.shape is not None and self.batch_size is not None:
            yield Problem("batch_size", f"left out: shape takes precedence (got {self.batch_size!r})")
        for warning in plugin_keys.translate(self.plugin_config).warnings:
            yield Problem("plugin_config", warning)

    def _batching_of_shapes(self) -> Batching:
        """Reloads for `auto`, dynamic where a shape leaves the batch open, fixed at it otherwise."""
        if any(isinstance(shape, shapes.AutoShape) for shape in self.shapes.values()):
            return Batching(strategy=Strategy.RELOAD)
        open_batches = (
            shape[0]
            for name, shape in self.shapes.items()
            if isinstance(shape, tuple) and shape and self._has_batch(name)
        )
        for batch in open_batches:
            if not batch.is_fixed:
                bounds = Dynamic(min=batch.least, max=batch.most)
                return Batching(strategy=Strategy.DYNAMIC, dynamic=bounds)
        return Batching(strategy=Strategy.FIXED)

    def _has_batch(self, name: str) -> bool:
        layout = self.layouts.get(name)
        return layout is None or layouts.BATCH in layout.tensor or "..." in layout.tensor


def _batching_of(batch_size: int | str | None) -> Batching:
    if batch_size is None:
        return Batching(strategy=Strategy.FIXED)
    match parse_batch_size(batch_size):
        case FixedBatch(size):
            return Batching(strategy=Strategy.FIXED, fixed=Fixed(batch_size=size))
        case AutoBatch():
            return Batching(strategy=Strategy.RELOAD)
        case DynamicBatch(least, most):
            return Batching(strategy=Strategy.DYNAMIC, dynamic=Dynamic(min=least, max=most))
