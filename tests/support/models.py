"""Small models with answers that can be worked out by hand, saved where a server finds them."""

from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops
from openvino import opset15 as text_ops

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}  # plugin_config under which small integers stay exact


def affine(width: int = 4, offset: float = 1.0) -> ov.Model:
    """`y` = 3 · `x` + offset on float32 [1, width]: an answer tells its row of the request."""
    x = _parameter("x", [1, width])
    y = ops.add(ops.multiply(x, ops.constant(np.float32(3))), ops.constant(np.float32(offset)))
    return ov.Model([_result(y, "y")], [x], "affine")


def sum_and_difference() -> ov.Model:
    """`sum` = `a` + `b` and `difference` = `a` - `b`, all float32 [1, 2]."""
    a, b = _parameter("a", [1, 2]), _parameter("b", [1, 2])
    results = [_result(ops.add(a, b), "sum"), _result(ops.subtract(a, b), "difference")]
    return ov.Model(results, [a, b], "sum-and-difference")


def many_types() -> ov.Model:
    """Of `image` u8 [1, 2, 3], `ids` i64 [1, 3], `weight` f16 [1] and `scale` f32 [3] for all samples.

    `bright` f32 [1, 2, 3] = image · scale, `next` i64 [1, 3] = ids + 1, `heavy` bool [1] = weight > 2.
    """
    image = _parameter("image", [1, 2, 3], np.uint8)
    ids, weight = _parameter("ids", [1, 3], np.int64), _parameter("weight", [1], np.float16)
    scale = _parameter("scale", [3])
    results = [
        _result(ops.multiply(ops.convert(image, "f32"), scale), "bright"),
        _result(ops.add(ids, ops.constant(np.int64(1))), "next"),
        _result(ops.greater(weight, ops.constant(np.float16(2))), "heavy"),
    ]
    return ov.Model(results, [image, ids, weight, scale], "many-types")


def batch_last() -> ov.Model:
    """`y` = 3 · `x` on float32 [4, 1], the batch in the second place."""
    x = _parameter("x", [4, 1])
    return ov.Model([_result(ops.multiply(x, ops.constant(np.float32(3))), "y")], [x], "batch-last")


def some_batches_second() -> ov.Model:
    """Of `table` [3, 2], `a` [3, 1] with its batch second and `b` [1, 2]: `y` [1, 2] and `z` [3, 1].

    `y` = aᵀ · table + b has its batch first, `z` = a + the sum of b over its columns has it second.
    """
    table, a, b = _parameter("table", [3, 2]), _parameter("a", [3, 1]), _parameter("b", [1, 2])
    y = ops.add(ops.matmul(a, table, transpose_a=True, transpose_b=False), b)
    z = ops.add(a, ops.reduce_sum(b, ops.constant(np.array([1])), keep_dims=False))
    return ov.Model([_result(y, "y"), _result(z, "z")], [table, a, b], "some-batches-second")


def words() -> ov.Model:
    """Of `s`, strings [1, 2], and `x` f32 [1, 1]: `turned` and `lengths` [1, 2], and `y` = 3 · x.

    `turned` has the two strings in the other order, `lengths` (i32) the number of bytes of each.
    """
    s, x = ops.parameter([1, 2], ov.Type.string, name="s"), _parameter("x", [1, 1])
    s.output(0).set_names({"s"})
    turned = ops.gather(s, ops.constant(np.array([1, 0])), ops.constant(np.int64(1)))
    parts = text_ops.string_tensor_unpack(s)
    lengths = ops.subtract(parts.output(1), parts.output(0))
    results = [
        _result(turned, "turned"),
        _result(lengths, "lengths"),
        _result(ops.multiply(x, ops.constant(np.float32(3))), "y"),
    ]
    return ov.Model(results, [s, x], "words")


def echo(*, batch: int = 1) -> ov.Model:
    """`s`, strings [batch, 2], given back as they came."""
    s = ops.parameter([batch, 2], ov.Type.string, name="s")
    s.output(0).set_names({"s"})
    return ov.Model([ops.result(s, name="s")], [s], "echo")


def split_words() -> ov.Model:
    """The first of two strings by Split, which OpenVINO cannot do to strings."""
    s = ops.parameter([1, 2], ov.Type.string, name="s")
    return ov.Model([_result(ops.split(s, np.int64(1), 2).output(0).get_node(), "y")], [s], "split")


def constant_batch() -> ov.Model:
    """A graph that reshapes to exactly [1, 2, 2], so no other batch size can be had."""
    x = _parameter("x", [1, 4])
    y = ops.reshape(x, ops.constant(np.array([1, 2, 2])), special_zero=False)
    return ov.Model([_result(y, "y")], [x], "constant-batch")


def multiples() -> ov.Model:
    """`y` [3, 1, 2] = one, two and three times `x` [1, 2]: for a demultiplexer to split."""
    x = _parameter("x", [1, 2])
    factors = np.array([1, 2, 3], np.float32).reshape(3, 1, 1)
    return ov.Model([_result(ops.multiply(x, ops.constant(factors)), "y")], [x], "multiples")


def total_of_three() -> ov.Model:
    """`y` [1, 2] = the sum of `x` [3, 1, 2] over its first dimension: for a node that gathers."""
    x = _parameter("x", [3, 1, 2])
    y = ops.reduce_sum(x, ops.constant(np.array([0])), keep_dims=False)
    return ov.Model([_result(y, "y")], [x], "total-of-three")


def total_over_batch() -> ov.Model:
    """`y` [4] = the sum of `x` over the batch: an output without a batch dimension."""
    x = _parameter("x", [1, 4])
    y = ops.reduce_sum(x, ops.constant(np.array([0])), keep_dims=False)
    return ov.Model([_result(y, "y")], [x], "total-over-batch")


def softmax_over_batch() -> ov.Model:
    """`y` = the softmax of `x` over the batch: the right shape, and rows that depend on each other."""
    x = _parameter("x", [1, 4])
    return ov.Model([_result(ops.softmax(x, axis=0), "y")], [x], "softmax-over-batch")


def with_passenger() -> ov.Model:
    """`y` = 3 · `x`, and `id`, `x` itself and its rows flattened, given back as they came."""
    x, number = _parameter("x", [1, 4]), ops.parameter([1], np.int64, name="number")
    number.output(0).set_names({"number"})
    three = ops.multiply(x, ops.constant(np.float32(3)))
    same = ops.reshape(x, ops.constant(np.array([0, 2, 2])), special_zero=True)
    # Results name what they are given; an input keeps its own name too.
    results = [_result(three, "y"), ops.result(number, name="id"), _result(same, "square")]
    return ov.Model(results, [x, number], "with-passenger")


def odd_outputs() -> ov.Model:
    """Of `x` [1, 4]: `flat` [4·N], `turned` [4, N] and `pair` [2], a constant."""
    x = _parameter("x", [1, 4])
    flat = ops.relu(ops.reshape(x, ops.constant(np.array([-1])), special_zero=False))
    turned = ops.relu(ops.transpose(x, ops.constant(np.array([1, 0]))))
    pair = ops.add(ops.constant(np.zeros(2, np.float32)), ops.constant(np.float32(1)))
    return ov.Model(
        [_result(flat, "flat"), _result(turned, "turned"), _result(pair, "pair")], [x], "odd"
    )


def with_table() -> ov.Model:
    """`y` = `x` [1, 4] times `table` [4, 5] plus the scalar `bias`: inputs without a batch dimension."""
    x, table, bias = _parameter("x", [1, 4]), _parameter("table", [4, 5]), _parameter("bias", [])
    y = ops.add(ops.matmul(x, table, False, False), bias)
    return ov.Model([_result(y, "y")], [x, table, bias], "with-table")


def mixes_a_little() -> ov.Model:
    """`y` = `x` - 0.04 times the mean of `x` over the batch: close to independent, and not."""
    x = _parameter("x", [1, 4])
    mean = ops.reduce_mean(x, ops.constant(np.array([0])), keep_dims=True)
    y = ops.subtract(x, ops.multiply(mean, ops.constant(np.float32(0.04))))
    return ov.Model([_result(y, "y")], [x], "mixes-a-little")


def mixes_beside_infinity() -> ov.Model:
    """`y`: 1 / 0 in one column, in the others the sum of `x` over the batch."""
    x = _parameter("x", [1, 4])
    total = ops.add(ops.reduce_sum(x, ops.constant(np.array([0])), keep_dims=True), x)
    divisor = ops.constant(np.array([[0, 1, 1, 1]], np.float32))
    return ov.Model([_result(ops.divide(total, divisor), "y")], [x], "mixes-beside-infinity")


def open_size_softmax() -> ov.Model:
    """`y` [1, 1]: the mean of a softmax over the batch of images of any size."""
    x = _parameter("x", [1, 1, -1, -1])
    y = ops.reduce_mean(ops.softmax(x, axis=0), ops.constant(np.array([2, 3])), keep_dims=False)
    return ov.Model([_result(ops.multiply(y, y), "y")], [x], "open-size-softmax")


def open_batch() -> ov.Model:
    """`y` = 2 · `x` on float32 [any, 4]."""
    x = _parameter("x", [-1, 4])
    return ov.Model([_result(ops.add(x, x), "y")], [x], "open-batch")


def deep(layers: int = 60, width: int = 256) -> ov.Model:
    """`y` [1, width] after many matrix products of `x`: slow enough to compile for requests to queue."""
    x = _parameter("x", [1, width])
    return ov.Model([_result(_many_products(x, layers, width), "y")], [x], "deep")


def deep_softmax_over_batch(layers: int, width: int) -> ov.Model:
    """The same, and a softmax over the batch: slow enough for requests to wait, none to be mixed up."""
    x = _parameter("x", [1, width])
    mixed = ops.softmax(_many_products(x, layers, width), 0)
    return ov.Model([_result(mixed, "y")], [x], "deep_softmax")


def _many_products(x: ov.Node, layers: int, width: int) -> ov.Node:
    random = np.random.default_rng(1)
    current = x
    for _ in range(layers):
        weights = (random.standard_normal((width, width)) / width**0.5).astype(np.float32)
        current = ops.tanh(ops.matmul(current, ops.constant(weights), False, False))
    return current


def save(model: ov.Model, folder: Path, version: int = 1) -> Path:
    """Save `model` as a version of the model at `folder`, and give `folder`."""
    target = folder / str(version)
    target.mkdir(parents=True)
    ov.save_model(model, target / "model.xml", compress_to_fp16=False)
    return folder


def _parameter(name: str, shape: list[int], dtype: type[np.generic] = np.float32) -> ov.Node:
    node = ops.parameter(shape, dtype, name=name)
    node.output(0).set_names({name})
    return node


def _result(source: ov.Node, name: str) -> ov.Node:
    source.output(0).set_names({name})
    return ops.result(source)
