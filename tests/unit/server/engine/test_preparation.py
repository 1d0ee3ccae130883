import json
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from batchwright_server import errors
from batchwright_server.config.model import ModelConfig
from batchwright_server.config.plan import Streams
from batchwright_server.core.tensors import BatchRange, Signature
from batchwright_server.engine.network import OpenVinoNetwork
from batchwright_server.engine.openvino_engine import OpenVinoEngine
from batchwright_server.runtime.ports import Version
from tests.support import models


def read(base: Path, **keys: Any) -> OpenVinoNetwork:
    config = ModelConfig(name="m", base_path=str(base), plugin_config=dict(models.EXACT), **keys)
    return OpenVinoEngine().read(config, Version(1))


def shapes(signature: Signature) -> dict[str, tuple[int, ...]]:
    return {spec.name: spec.shape for spec in (*signature.inputs, *signature.outputs)}


def image_model() -> ov.Model:
    """`y` = `x` · 2 on float32 [1, 3, 4, 5]."""
    x = ops.parameter([1, 3, 4, 5], np.float32, name="x")
    x.output(0).set_names({"x"})
    y = ops.multiply(x, ops.constant(np.float32(2)))
    y.output(0).set_names({"y"})
    return ov.Model([ops.result(y)], [x], "image")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return models.save(image_model(), tmp_path / "image")


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    return models.save(models.sum_and_difference(), tmp_path / "pair")


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("(1,3,8,9)", (1, 3, 8, 9)),
        ("(7,3,4,5)", (7, 3, 4, 5)),
        ("(-1,3,-1,5)", (-1, 3, -1, 5)),
        ("(1,3,4:8,5)", (1, 3, -1, 5)),
        ({"x": "(2,3,4,5)"}, (2, 3, 4, 5)),
    ],
)
def test_a_shape_reshapes_the_model(image: Path, shape: Any, expected: tuple[int, ...]) -> None:
    """Fixed, open and bounded dimensions, for the input and what follows from it."""
    assert shapes(read(image, shape=shape).signature) == {"x": expected, "y": expected}


def test_bounds_of_a_shape_stay_when_the_batch_changes(image: Path) -> None:
    """Compiling another batch size leaves the other dimensions as they were asked for."""
    network = read(image, shape="(1,3,4:8,5)")

    compiled = network.compile(BatchRange.only(2), Streams.ONE)

    assert len(compiled.requests) >= 1


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"shape": "(1,2)"}, r"shape of 'x': expected 4 dimensions.*got \(1,2\)"),
        ({"shape": {"z": "(1,3,4,5)"}}, r"shape: no input 'z'.*\['x'\]"),
        ({"layout": {"z": "NCHW"}}, r"layout: no input 'z'"),
        ({"layout": "NC"}, "cannot be read"),
    ],
)
def test_what_does_not_fit_the_model_is_told_with_the_input(
    image: Path, keys: dict[str, Any], told: str
) -> None:
    """The parameter, the input, what was expected and what came."""
    with pytest.raises(errors.ModelUnavailable, match=told):
        read(image, **keys)


@pytest.mark.parametrize("keys", [{"shape": "(1,2)"}, {"layout": "NC"}])
def test_several_inputs_need_their_names(pair: Path, keys: dict[str, Any]) -> None:
    """A shape or layout for one input is not guessed for two."""
    with pytest.raises(errors.ModelUnavailable, match=r"several inputs.*\['a', 'b'\]"):
        read(pair, **keys)


def test_a_layout_transposes_for_clients(image: Path) -> None:
    """Clients send NHWC and receive NHWC; the model goes on with NCHW."""
    network = read(image, layout={"x": "NHWC:NCHW", "y": "NHWC:NCHW"}, shape="(2,6,7,3)")

    assert shapes(network.signature) == {"x": (2, 6, 7, 3), "y": (2, 6, 7, 3)}
    assert network.signature.demultiply_fault == ""


def test_a_batch_that_clients_have_elsewhere_is_served_in_front(image: Path) -> None:
    """The shape that is asked for is the clients', the model is compiled for any number of samples."""
    signature = read(image, layout={"x": "CNHW:NCHW", "y": "CHWN:NCHW"}, shape="(3,2,4,5)").signature

    assert shapes(signature) == {"x": (2, 3, 4, 5), "y": (2, 3, 4, 5)}
    assert [spec.to_client(spec.with_batch(7)) for spec in (*signature.inputs, *signature.outputs)] == [
        (3, 7, 4, 5),
        (3, 4, 5, 7),
    ]
    assert signature.demultiply_fault == ""


def test_a_layout_without_a_batch_leaves_nothing_to_change(image: Path) -> None:
    """The first dimension of such an input does not count samples."""
    signature = read(image, layout="DCHW").signature

    assert not signature.inputs[0].batched
    assert "no input has a batch" in signature.batch_fault


def test_a_layout_saved_with_the_model_is_heeded(tmp_path: Path) -> None:
    """A batch that the model itself says is elsewhere is no batch in front."""
    model = image_model()
    model.get_parameters()[0].set_layout(ov.Layout("CNHW"))

    with pytest.raises(errors.ModelUnavailable, match="saved with layout"):
        read(models.save(model, tmp_path))


def write_mapping(base: Path, mapping: object) -> None:
    text = mapping if isinstance(mapping, str) else json.dumps(mapping)
    (base / "1" / "mapping_config.json").write_text(text)


def test_a_mapping_renames_for_clients(pair: Path) -> None:
    """Names that are in the mapping are replaced, the others stay; parameters may use both."""
    write_mapping(pair, {"inputs": {"a": "left", "absent": "x"}, "outputs": {"sum": "total"}})

    signature = read(pair, shape={"left": "(2,2)", "b": "(2,2)"}).signature

    assert shapes(signature) == {"left": (2, 2), "b": (2, 2), "total": (2, 2), "difference": (2, 2)}


@pytest.mark.parametrize(
    "mapping",
    [
        "{",
        [],
        {"inputs": {"a": "x", "b": "x"}},
        {"inputs": {"a": "b"}},
        {"inputs": {"a": ""}},
        {"inputs": {"a": 1}},
        {"input": {}},
    ],
)
def test_a_faulty_mapping_is_the_models_fault(pair: Path, mapping: object) -> None:
    """No name is guessed: the file and the reason are told."""
    write_mapping(pair, mapping)

    with pytest.raises(errors.ModelUnavailable, match=r"mapping_config\.json"):
        read(pair)


def test_old_property_names_reach_openvino_in_todays_names(image: Path) -> None:
    """A configuration of years ago compiles."""
    config = ModelConfig(
        name="m",
        base_path=str(image),
        plugin_config={
            "CPU_THROUGHPUT_STREAMS": "1",
            "CPU_BIND_THREAD": "NO",
            "DYN_BATCH_ENABLED": "YES",
        },
    )

    compiled = OpenVinoEngine().read(config, Version(1)).compile(BatchRange.only(1), Streams.OPTIMUM)

    assert compiled.streams == 1
