"""Means, scales, colors and element types, made part of a model before it is compiled."""

import openvino as ov
from openvino import layout_helpers
from openvino.preprocess import ColorFormat, PrePostProcessor

from batchwright_server.config.layouts import Layout
from batchwright_server.config.model import ModelConfig
from batchwright_server.config.preprocessing import PerChannel
from batchwright_server.engine.reasons import Unsuitable

TYPES = {
    "FP64": ov.Type.f64,
    "FP32": ov.Type.f32,
    "FP16": ov.Type.f16,
    "BF16": ov.Type.bf16,
    "INT64": ov.Type.i64,
    "INT32": ov.Type.i32,
    "INT16": ov.Type.i16,
    "INT8": ov.Type.i8,
    "UINT64": ov.Type.u64,
    "UINT32": ov.Type.u32,
    "UINT16": ov.Type.u16,
    "UINT8": ov.Type.u8,
}
FORMATS = {
    "RGB": ColorFormat.RGB,
    "BGR": ColorFormat.BGR,
    "GRAY": ColorFormat.GRAY,
    "NV12": ColorFormat.NV12_SINGLE_PLANE,
    "I420": ColorFormat.I420_SINGLE_PLANE,
}
_REAL = (ov.Type.f64, ov.Type.f32, ov.Type.f16, ov.Type.bf16)


def add_steps(
    processor: PrePostProcessor, config: ModelConfig, model: ov.Model, layout: Layout | None
) -> None:
    """Let `processor` do to the only input what `config` says, in OVMS's order. Raises Unsuitable."""
    keys = _keys(config)
    if len(model.inputs) != 1:
        raise Unsuitable(f"{keys}: for models of one input; this one has {len(model.inputs)}")
    _check_channels(config, model, layout)
    _check_real(config, model)
    tensor, steps = processor.input(0).tensor(), processor.input(0).preprocess()
    if color := config.color:
        tensor.set_color_format(FORMATS[color.clients])
        steps.convert_color(FORMATS[color.model])
    if element := config.element_type:
        tensor.set_element_type(TYPES[element.clients])
        steps.convert_element_type(TYPES[element.model])
    if config.mean is not None:
        steps.mean(_plain(config.mean))
    if config.scale is not None:
        steps.scale(_plain(config.scale))


def _keys(config: ModelConfig) -> str:
    keys = ("mean", "scale", "color_format", "precision")
    return ", ".join(key for key in keys if getattr(config, key) is not None)


def _check_channels(config: ModelConfig, model: ov.Model, layout: Layout | None) -> None:
    """Raise Unsuitable unless it is known where the channels are, if that is needed."""
    per_channel = [key for key in ("mean", "scale") if isinstance(getattr(config, key), tuple)]
    needed = (["color_format"] if config.color else []) + per_channel
    own = layout_helpers.get_layout(model.inputs[0])
    known = "C" in layout.tensor if layout else layout_helpers.has_channels(own)
    if needed and not known:
        raise Unsuitable(
            f"{', '.join(needed)}: which dimension has the channels is not known; "
            "say so with layout, such as NCHW, or NHWC:NCHW"
        )


def _check_real(config: ModelConfig, model: ov.Model) -> None:
    """Raise Unsuitable where numbers with a fraction would be subtracted from whole ones."""
    element = config.element_type
    became = TYPES[element.model] if element else model.inputs[0].get_element_type()
    if (config.mean is not None or config.scale is not None) and became not in _REAL:
        raise Unsuitable(
            f"mean, scale: the input has whole numbers ({became.get_type_name()}); "
            "convert them with precision, such as UINT8:FP32"
        )


def _plain(value: PerChannel) -> float | list[float]:
    return list(value) if isinstance(value, tuple) else value
