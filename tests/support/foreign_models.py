"""`y` = `x` + 1 on float32 [N, 4], in the formats of other frameworks, written byte by byte.

Field numbers: onnx.proto, TensorFlow's graph.proto, node_def.proto, attr_value.proto, saved_model.proto
and meta_graph.proto, Paddle's framework.proto.
"""

import struct
from pathlib import Path

from tests.support.flatbuffer_bytes import Table, Vector, finish
from tests.support.protobuf_bytes import Field, message, number, pair, real, text

ONE = struct.pack("<f", 1.0)
_FLOAT = 1  # in ONNX and in TensorFlow


def write_onnx(folder: Path) -> None:
    """An ONNX model with one Add."""
    add = message(1, text(1, "x"), text(1, "one"), text(2, "y"), text(3, "add"), text(4, "Add"))
    one = message(5, number(1, 1), number(2, _FLOAT), text(8, "one"), text(9, ONE))
    graph = message(7, add, text(2, "g"), one, _onnx_value(11, "x"), _onnx_value(12, "y"))
    (folder / "model.onnx").write_bytes(number(1, 8) + message(8, text(1, ""), number(2, 13)) + graph)


def write_onnx_with_data_at(folder: Path, **external: str) -> None:
    """The same, its constant outside of the file: `location`, `offset` and `length` say where."""
    places = (message(13, text(1, key), text(2, value)) for key, value in external.items())
    one = message(5, number(1, 4), number(2, _FLOAT), text(8, "one"), *places, number(14, 1))
    add = message(1, text(1, "x"), text(1, "one"), text(2, "y"), text(3, "add"), text(4, "Add"))
    graph = message(7, add, text(2, "g"), one, _onnx_value(11, "x"), _onnx_value(12, "y"))
    (folder / "model.onnx").write_bytes(number(1, 8) + message(8, text(1, ""), number(2, 13)) + graph)


def write_frozen_graph(folder: Path) -> None:
    """A frozen TensorFlow graph."""
    (folder / "frozen.pb").write_bytes(_graph_nodes())


def write_saved_model(folder: Path) -> None:
    """A TensorFlow SavedModel without variables, whose signature names its tensors `x` and `y`."""
    signature = pair(
        5, "serving_default", _tf_tensor(1, "x", "x:0"), _tf_tensor(2, "y", "y:0"), text(3, "tf/predict")
    )
    meta = message(2, message(1, text(4, "serve")), text(2, _graph_nodes()), signature)
    (folder / "saved_model.pb").write_bytes(number(1, 1) + meta)


def write_paddle(folder: Path) -> None:
    """A Paddle program: feed, scale with a bias of 1, fetch."""
    feed = _paddle_op("feed", {"X": "feed"}, {"Out": "x"}, _paddle_int("col", 0))
    scale = _paddle_op(
        "scale",
        {"X": "x"},
        {"Out": "y"},
        _paddle_float("scale", 1.0) + _paddle_float("bias", 1.0) + _paddle_bool("bias_after_scale"),
    )
    fetch = _paddle_op("fetch", {"X": "y"}, {"Out": "fetch"}, _paddle_int("col", 0))
    variables = _paddle_variable("feed", 9) + _paddle_variable("fetch", 10)
    tensors = _paddle_variable("x", 7) + _paddle_variable("y", 7)
    block = message(1, number(1, 0), number(2, 0xFFFFFFFF), variables + tensors, feed, scale, fetch)
    (folder / "model.pdmodel").write_bytes(block + message(4, number(1, 2_004_002)))
    (folder / "model.pdiparams").write_bytes(b"")


def _onnx_value(tag: int, name: str) -> Field:
    shape = message(2, message(1, text(2, "N")), message(1, number(1, 4)))
    return message(tag, text(1, name), message(2, message(1, number(1, _FLOAT), shape)))


def _graph_nodes() -> bytes:
    dtype = number(6, _FLOAT)
    shape = message(7, message(2, number(1, -1)), message(2, number(1, 4)))
    x = message(
        1, text(1, "x"), text(2, "Placeholder"), pair(5, "dtype", dtype), pair(5, "shape", shape)
    )
    tensor = message(8, number(1, _FLOAT), message(2), text(4, ONE))
    one = message(1, text(1, "one"), text(2, "Const"), pair(5, "dtype", dtype), pair(5, "value", tensor))
    inputs = text(3, "x") + text(3, "one")
    y = message(1, text(1, "y"), text(2, "AddV2"), inputs, pair(5, "T", dtype))
    return x + one + y


def _tf_tensor(tag: int, key: str, name: str) -> Field:
    shape = message(3, message(2, number(1, -1)), message(2, number(1, 4)))
    return pair(tag, key, text(1, name), number(2, _FLOAT), shape)


def _paddle_variable(name: str, kind: int) -> Field:
    dims = number(2, -1) + number(2, 4)
    tensor = message(3, message(1, number(1, 5), dims)) if kind == 7 else b""
    return message(3, text(1, name), message(2, number(1, kind), tensor), number(3, int(kind != 7)))


def _paddle_op(kind: str, inputs: dict[str, str], outputs: dict[str, str], attributes: Field) -> Field:
    into = b"".join(message(1, text(1, key), text(2, value)) for key, value in inputs.items())
    out = b"".join(message(2, text(1, key), text(2, value)) for key, value in outputs.items())
    return message(4, into, out, text(3, kind), attributes)


def _paddle_int(name: str, value: int) -> Field:
    return message(4, text(1, name), number(2, 0), number(3, value))


def _paddle_float(name: str, value: float) -> Field:
    return message(4, text(1, name), number(2, 1), real(4, value))


def _paddle_bool(name: str) -> Field:
    return message(4, text(1, name), number(2, 6), number(10, 1))


def write_tflite(folder: Path) -> None:
    """A TensorFlow Lite flatbuffer with one Add, at batch size 1.

    Field order: schema.fbs of TensorFlow Lite.
    """
    x, one, y = (_lite_tensor(name, buffer) for name, buffer in (("x", 0), ("one", 1), ("y", 0)))
    # 3 and 4: AddOptions, all at their defaults
    add = Table({1: Vector([0, 1]), 2: Vector([2]), 3: (11, 1), 4: Table({})})
    graph = Table({0: Vector([x, one, y]), 1: Vector([0]), 2: Vector([2]), 3: Vector([add])})
    buffers: list[int | Table] = [Table({}), Table({0: Vector(list(ONE * 4), size=1)})]
    code = Table({0: (0, 1), 2: (1, 4), 3: (0, 4)})
    model = Table({0: (3, 4), 1: Vector([code]), 2: Vector([graph]), 4: Vector(buffers)})
    (folder / "model.tflite").write_bytes(finish(model, "TFL3"))


def _lite_tensor(name: str, buffer: int) -> Table:
    return Table({0: Vector([1, 4]), 1: (0, 1), 2: (buffer, 4), 3: name})
