"""A model as it was read, brought to the layouts and shapes that the configuration asks for."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import openvino as ov
from openvino import layout_helpers
from openvino.preprocess import PrePostProcessor

from batchwright_server.config.layouts import Layout
from batchwright_server.config.model import ModelConfig
from batchwright_server.config.shapes import EVERY_INPUT, Shape, format_shape
from batchwright_server.engine.port_names import PortNames

T = TypeVar("T")


class Unsuitable(ValueError):
    """What was asked for does not fit the model; the message says where."""


def prepare(model: ov.Model, config: ModelConfig, names: PortNames) -> ov.Model:
    """`model` with its layouts and shapes. Raises Unsuitable, or OpenVINO's RuntimeError.

    Layouts come first: a shape is what clients send.
    """
    asked = dict(_by_input(config.layouts, names, "layout", also=names.outputs))
    model = _transpose(model, asked, names)
    for name, layout in asked.items():
        if name in names.inputs:
            layout_helpers.set_layout(model.inputs[names.inputs.index(name)], ov.Layout(layout.tensor))
    _check_batches(model, asked, names)
    _reshape(model, dict(_by_input(config.shapes, names, "shape")), names)
    return model


def has_batch(port: Any) -> bool:
    """Whether the layout of an input or output leaves room for a batch; without a layout it does."""
    layout = layout_helpers.get_layout(port)
    return layout_helpers.has_batch(layout) or "..." in layout.to_string() or layout == ov.Layout()


def _by_input(
    given: Mapping[str, T], names: PortNames, parameter: str, *, also: tuple[str, ...] = ()
) -> Iterator[tuple[str, T]]:
    """`given` by the names that clients use."""
    for name, value in given.items():
        if name == EVERY_INPUT:
            if len(names.inputs) != 1:
                raise Unsuitable(
                    f"{parameter}: the model has several inputs; expected an object with a text for "
                    f"each of {list(names.inputs)}"
                )
            yield names.inputs[0], value
            continue
        found = names.resolve(name)
        if found not in names.inputs + also:
            raise Unsuitable(f"{parameter}: no input {name!r}; the model has {list(names.inputs)}")
        yield found, value


def _transpose(model: ov.Model, asked: Mapping[str, Layout], names: PortNames) -> ov.Model:
    wanted = {name: layout for name, layout in asked.items() if layout.is_transposed}
    if not wanted:
        return model
    processor = PrePostProcessor(model)
    for name, layout in wanted.items():
        tensor, inner = ov.Layout(layout.tensor), ov.Layout(layout.model)
        if name in names.inputs:
            step = processor.input(names.inputs.index(name))
        else:
            step = processor.output(names.outputs.index(name))
        step.tensor().set_layout(tensor)
        step.model().set_layout(inner)
    return processor.build()


def _check_batches(model: ov.Model, asked: Mapping[str, Layout], names: PortNames) -> None:
    for name, layout in asked.items():
        if layout.batch_fault:
            raise Unsuitable(f"layout of {name!r}: {layout.batch_fault}")
    for name, port in zip(names.inputs, model.inputs, strict=True):
        layout = layout_helpers.get_layout(port)
        if layout_helpers.has_batch(layout) and layout_helpers.batch_idx(layout) != 0:
            text = layout.to_string()
            raise Unsuitable(
                f"input {name!r} was saved with layout {text}, its batch in another place than the "
                "first, which is not supported; transpose it with the parameter layout"
            )


def _reshape(model: ov.Model, asked: Mapping[str, Shape], names: PortNames) -> None:
    if not asked:
        return
    shapes = {}
    for name, shape in asked.items():
        index = names.inputs.index(name)
        saved = model.inputs[index].get_partial_shape()
        if saved.rank.is_static and len(saved) != len(shape):
            raise Unsuitable(
                f"shape of {name!r}: expected {len(saved)} dimensions, as in {saved}, "
                f"got {format_shape(shape)}"
            )
        shapes[index] = ov.PartialShape([_dimension(size.least, size.most) for size in shape])
    model.reshape(shapes)


def _dimension(least: int, most: int | None) -> ov.Dimension:
    return ov.Dimension() if most is None else ov.Dimension(least, most)
