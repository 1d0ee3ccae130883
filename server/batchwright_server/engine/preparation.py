"""A model as it was read, brought to the layouts and shapes that the configuration asks for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import openvino as ov
from openvino import layout_helpers
from openvino.preprocess import PrePostProcessor

from batchwright_server.config.layouts import Layout
from batchwright_server.config.model import ModelConfig
from batchwright_server.config.shapes import EVERY_INPUT, AskedShape, AutoShape, Shape, format_shape
from batchwright_server.core.tensors import AutoShapes, InputShapes
from batchwright_server.engine import preprocessing
from batchwright_server.engine.port_names import PortNames
from batchwright_server.engine.reasons import Unsuitable

T = TypeVar("T")


@dataclass(frozen=True)
class Prepared:
    """A model as it was asked for; its inputs of any shape have dimensions of any size."""

    model: ov.Model
    auto: AutoShapes | None = None
    client_axes: Mapping[str, int] = field(default_factory=dict)  # where clients have the batch


def prepare(model: ov.Model, config: ModelConfig, names: PortNames) -> Prepared:
    """`model` with its layouts and shapes. Raises Unsuitable, or OpenVINO's RuntimeError.

    Layouts come first: a shape is what clients send.
    """
    asked = dict(_by_input(config.layouts, names, "layout", also=names.outputs))
    model = _preprocess(model, config, asked, names)
    for name, layout in asked.items():
        if name in names.inputs:
            layout_helpers.set_layout(model.inputs[names.inputs.index(name)], ov.Layout(layout.served))
    _check_batches(model, names)
    axes = dict(_find_axes(model, asked, names))
    shapes = {
        name: shape if isinstance(shape, AutoShape) else _batch_first(shape, axes.get(name, 0))
        for name, shape in _by_input(config.shapes, names, "shape")
    }
    auto = _find_auto(model, shapes, names)
    _reshape(model, shapes, names)
    return Prepared(model, auto, axes)


def has_batch(port: Any) -> bool:
    """Whether the layout of an input or output leaves room for a batch; without a layout it does."""
    layout = layout_helpers.get_layout(port)
    return layout_helpers.has_batch(layout) or "..." in layout.to_string() or layout == ov.Layout()


def names_batch(port: Any) -> bool:
    """Whether the layout of an input or output says where its batch is."""
    return bool(layout_helpers.has_batch(layout_helpers.get_layout(port)))


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


def _preprocess(
    model: ov.Model, config: ModelConfig, asked: Mapping[str, Layout], names: PortNames
) -> ov.Model:
    wanted = {
        name: layout for name, layout in asked.items() if layout.is_transposed or config.is_preprocessed
    }
    if not wanted and not config.is_preprocessed:
        return model
    processor = PrePostProcessor(model)
    _set_layouts(processor, wanted, names)
    if config.is_preprocessed:
        layout = asked.get(names.inputs[0]) if names.inputs else None
        preprocessing.add_steps(processor, config, model, layout)
    return processor.build()


def _set_layouts(processor: PrePostProcessor, wanted: Mapping[str, Layout], names: PortNames) -> None:
    for name, layout in wanted.items():
        tensor, inner = ov.Layout(layout.served), ov.Layout(layout.model)
        if name in names.inputs:
            step = processor.input(names.inputs.index(name))
        else:
            step = processor.output(names.outputs.index(name))
        step.tensor().set_layout(tensor)
        step.model().set_layout(inner)


def _find_axes(
    model: ov.Model, asked: Mapping[str, Layout], names: PortNames
) -> Iterator[tuple[str, int]]:
    """Where clients have the batch, of the inputs and outputs where that is not in front."""
    ports = dict(zip((*names.inputs, *names.outputs), (*model.inputs, *model.outputs), strict=True))
    for name, layout in asked.items():
        if layout.batch_axis and (axis := layout.batch_axis % len(ports[name].get_partial_shape())):
            yield name, axis


def _batch_first(shape: Shape, axis: int) -> Shape:
    """A shape as clients have it, in the order in which it is served."""
    return (*shape[axis : axis + 1], *shape[:axis], *shape[axis + 1 :])


def _check_batches(model: ov.Model, names: PortNames) -> None:
    for name, port in zip(names.inputs, model.inputs, strict=True):
        layout = layout_helpers.get_layout(port)
        if layout_helpers.has_batch(layout) and layout_helpers.batch_idx(layout) != 0:
            text = layout.to_string()
            raise Unsuitable(
                f"input {name!r} was saved with layout {text}, its batch in another place than the "
                "first; say with the parameter layout in which order clients have it"
            )


def _find_auto(model: ov.Model, asked: Mapping[str, AskedShape], names: PortNames) -> AutoShapes | None:
    """Which inputs may have any shape, and the shapes in which the model has them now."""
    auto = tuple(name for name in names.inputs if isinstance(asked.get(name), AutoShape))
    if not auto:
        return None
    saved = [model.inputs[names.inputs.index(name)].get_partial_shape() for name in auto]
    if any(shape.is_dynamic for shape in saved):
        return AutoShapes(auto, None)
    shapes = (tuple(shape.to_shape()) for shape in saved)
    return AutoShapes(auto, InputShapes(tuple(zip(auto, shapes, strict=True))))


def _reshape(model: ov.Model, asked: Mapping[str, AskedShape], names: PortNames) -> None:
    if not asked:
        return
    shapes = {}
    for name, shape in asked.items():
        index = names.inputs.index(name)
        saved = model.inputs[index].get_partial_shape()
        if isinstance(shape, AutoShape):
            shapes[index] = _open(name, saved)
        else:
            _check_rank(name, saved, shape)
            shapes[index] = ov.PartialShape([_dimension(size.least, size.most) for size in shape])
    model.reshape(shapes)


def _open(name: str, saved: ov.PartialShape) -> ov.PartialShape:
    if saved.rank.is_dynamic:
        raise Unsuitable(f"shape of {name!r}: auto needs a number of dimensions, the model has any")
    return ov.PartialShape([ov.Dimension()] * len(saved))


def _check_rank(name: str, saved: ov.PartialShape, shape: Shape) -> None:
    if saved.rank.is_static and len(saved) != len(shape):
        raise Unsuitable(
            f"shape of {name!r}: expected {len(saved)} dimensions, as in {saved}, "
            f"got {format_shape(shape)}"
        )


def _dimension(least: int, most: int | None) -> ov.Dimension:
    return ov.Dimension() if most is None else ov.Dimension(least, most)
