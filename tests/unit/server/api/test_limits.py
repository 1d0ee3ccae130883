import itertools
import json
import time
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from batchwright_server.api import (
    json_fields,
    kserve_json,
    kserve_tensors,
    limits,
    tensor_data,
    tensor_proto,
)
from batchwright_server.errors import InvalidInput
from batchwright_server.protos import grpc_predict_v2_pb2, tensor_pb2

_Shape = tensor_pb2.TensorShapeProto


def _one_float(*sizes: int) -> tensor_pb2.TensorProto:
    shape = _Shape(dim=[_Shape.Dim(size=size) for size in sizes])
    return tensor_pb2.TensorProto(dtype=tensor_pb2.DT_FLOAT, tensor_shape=shape, float_val=[1.0])


def test_a_few_bytes_become_no_huge_tensor() -> None:
    """One value for 500 million elements is refused at once, before memory is taken for them."""
    proto = _one_float(5000, 100000)
    assert len(proto.SerializeToString()) < 43

    tracemalloc.start()
    began = time.perf_counter()
    with pytest.raises(InvalidInput, match="at most 67108864 bytes of one value for all"):
        tensor_proto.from_proto("x", proto)
    seconds, (_, most) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert seconds < 0.1
    assert most < 1 << 20


def test_one_value_for_all_serves_what_is_of_a_usual_size() -> None:
    """A constant batch of images, as clients write it, is taken."""
    assert tensor_proto.from_proto("x", _one_float(64, 3, 224, 224)).shape == (64, 3, 224, 224)


@pytest.mark.parametrize("sizes", [(2**62, 2**62), (2**63 - 1,)])
def test_sizes_that_overflow_are_refused(sizes: tuple[int, ...]) -> None:
    """The product of a shape is exact, however large; bytes that are not there are not looked for."""
    for dtype in (np.dtype("<f4"), np.dtype("?")):
        with pytest.raises(InvalidInput):
            tensor_data.from_bytes("x", b"1234", dtype, sizes)
    with pytest.raises(InvalidInput):
        tensor_proto.from_proto("x", _one_float(*sizes))


def test_a_rank_is_bounded_before_its_sizes_are_read() -> None:
    """Of a shape with millions of dimensions no more are read than a tensor may have."""
    read = 0

    def sizes() -> Iterator[int]:
        nonlocal read
        for size in itertools.repeat(1, 10**6):
            read += 1
            yield size

    with pytest.raises(InvalidInput, match="x: shape: expected at most 32 dimensions, got more"):
        tensor_data.check_shape("x", sizes())

    assert read == limits.MAX_RANK + 1
    assert tensor_data.check_shape("x", [1] * limits.MAX_RANK) == (1,) * limits.MAX_RANK


def test_the_number_of_inputs_is_bounded() -> None:
    """More inputs than any model has are refused before one of them is converted."""
    named = [{"name": str(index)} for index in range(limits.MAX_TENSORS + 1)]
    request = grpc_predict_v2_pb2.ModelInferRequest()
    for item in named:
        request.inputs.add(name=item["name"])

    with pytest.raises(InvalidInput, match="inputs: expected at most 1024, got 1025"):
        kserve_tensors.from_request(request)
    with pytest.raises(InvalidInput, match="inputs: expected at most 1024, got 1025"):
        kserve_json.parse_request(json.dumps({"inputs": named}).encode(), None)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_json_is_bounded_in_depth(opening: bytes, closing: bytes) -> None:
    """A document that nests beyond a thousand levels is a refusal, not an overflow of the stack."""
    deep = opening * 100_000 + b"1" + closing * 100_000

    with pytest.raises(InvalidInput, match="expected JSON"):
        json_fields.parse_object("body", b'{"inputs": ' + deep + b"}")


def test_no_bound_is_no_argument() -> None:
    """0 leaves a bound to gRPC, whose own default is none; a time is told in milliseconds."""
    free = limits.Limits(keepalive_time_seconds=0, keepalive_timeout_seconds=0).to_grpc()
    aged = limits.Limits(max_connection_age_seconds=1.5, max_connections=7).to_grpc()

    assert "grpc.max_connection_age_ms" not in free
    assert "grpc.keepalive_time_ms" not in free
    assert "grpc.max_allowed_incoming_connections" not in free
    assert aged["grpc.max_connection_age_ms"] == 1500
    assert aged["grpc.max_allowed_incoming_connections"] == 7


@pytest.mark.parametrize(("age", "seconds"), [(0, 0.0), (10, 11.0), (60, 66.0), (61, 0.0)])
def test_a_server_that_ends_awaits_ages_that_can_be_awaited(age: float, seconds: float) -> None:
    """By then gRPC, which varies ages by a tenth, has moved every client."""
    arguments = limits.Limits(max_connection_age_seconds=age).to_grpc()
    assert limits.leaving_seconds(arguments) == pytest.approx(seconds)
