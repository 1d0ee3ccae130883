import threading
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openvino import opset15 as ops

from batchwright_server import errors
from batchwright_server.config.model import ModelConfig
from batchwright_server.config.plan import Streams
from batchwright_server.core.tensors import TEXT, BatchRange, Tensor, strings
from batchwright_server.engine import texts
from batchwright_server.engine.openvino_engine import OpenVinoEngine
from batchwright_server.engine.reasons import Unsuitable
from batchwright_server.runtime.ports import InferRequest, Version
from tests.support import models

ROUNDS = 200


@given(elements=st.lists(st.binary(max_size=9), min_size=1, max_size=8), rows=st.booleans())
def test_strings_are_put_together_as_they_were(elements: list[bytes], rows: bool) -> None:
    """Every byte survives on the way through numbers, zeros at an end as well."""
    tensor = strings(elements).reshape((-1, 1) if rows else (-1,))

    again = texts.from_parts(*texts.to_parts(tensor))

    assert (again.shape, again.tolist()) == (tensor.shape, tensor.tolist())


@pytest.mark.parametrize(("begin", "end"), [(-1, 1), (0, 3), (2, 1)])
def test_strings_outside_of_their_bytes_are_a_failure(begin: int, end: int) -> None:
    """What a model makes up is not read."""
    one = np.int32
    with pytest.raises(errors.InferenceFailed, match="outside of their bytes"):
        texts.from_parts(np.array([begin], one), np.array([end], one), np.zeros(2, np.uint8))


def compile_one(folder: Path, model: ov.Model, batch: int) -> tuple[InferRequest, ...]:
    base = models.save(model, folder)
    network = OpenVinoEngine().read(ModelConfig(name="m", base_path=str(base)), Version(1))
    return network.compile(
        BatchRange(1, None) if batch == 0 else BatchRange.only(batch), Streams.OPTIMUM
    ).requests


def infer(request: InferRequest, inputs: dict[str, Tensor], outputs: dict[str, Tensor]) -> None:
    done = threading.Event()
    request.start(inputs, outputs, done.set)
    assert done.wait(10)
    request.finish()


@pytest.mark.parametrize("batch", [0, 3])
def test_strings_of_any_length_go_through_a_model(tmp_path: Path, batch: int) -> None:
    """Inference after inference each row has its own strings, short or long, text or not."""
    requests = compile_one(tmp_path, models.words(), batch)
    random = np.random.default_rng(0)
    for turn in range(ROUNDS):
        rows = batch or int(random.integers(1, 6))
        lengths = random.choice([0, 1, 15, 16, 40, 1000], 2 * rows)
        s = strings([random.bytes(int(length)) for length in lengths]).reshape(rows, 2)
        x = random.integers(0, 100, (rows, 1)).astype(np.float32)
        outputs = {
            "turned": np.empty((rows, 2), TEXT),
            "lengths": np.empty((rows, 2), np.int32),
            "y": np.empty((rows, 1), np.float32),
        }

        infer(requests[turn % len(requests)], {"s": s, "x": x}, outputs)

        assert outputs["turned"].tolist() == s[:, ::-1].tolist()
        assert outputs["lengths"].ravel().tolist() == lengths.tolist()
        assert outputs["y"].tolist() == (3 * x).tolist()


def test_labels_in_a_model_are_answered(tmp_path: Path) -> None:
    """Numbers in, strings out: constants of strings that a Gather takes from."""
    names = ov.Tensor(ov.Type.string, ov.Shape([3]))
    names.str_data = np.array(["cat", "dog" * 20, "é"])
    which = ops.parameter([1], np.int64, name="which")
    label = ops.gather(ov.op.Constant(names), which, ops.constant(np.int64(0)))
    label.output(0).set_names({"label"})
    which.output(0).set_names({"which"})
    requests = compile_one(tmp_path, ov.Model([ops.result(label)], [which], "labels"), 3)
    outputs = {"label": np.empty(3, TEXT)}

    infer(requests[0], {"which": np.array([2, 0, 1])}, outputs)

    assert outputs["label"].tolist() == ["é".encode(), b"cat", b"dog" * 20]


def test_operations_that_would_end_the_process_are_refused(tmp_path: Path) -> None:
    """Before anything is compiled, by the operation's name, with those that can be had."""
    with pytest.raises(
        errors.ModelUnavailable, match=r"operation Split .* works on strings.*Concat, .*Gather"
    ):
        compile_one(tmp_path, models.split_words(), 1)


def test_models_of_numbers_are_left_alone() -> None:
    """Nothing is asked of a model without strings, whatever its operations."""
    texts.check_operations(models.many_types())
    with pytest.raises(Unsuitable):
        texts.check_operations(models.split_words())
