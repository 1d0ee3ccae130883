from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.api import kserve_datatypes, kserve_tensors
from batchwright_server.core.tensors import Tensor
from batchwright_server.errors import InvalidInput
from batchwright_server.protos import grpc_predict_v2_pb2 as messages
from tests.unit.server.api import samples


def request_of(datatype: str = "FP32", shape: tuple[int, ...] = (2,)) -> messages.ModelInferRequest:
    request = messages.ModelInferRequest(model_name="m")
    request.inputs.add(name="x", datatype=datatype, shape=shape)
    return request


@given(tensor=samples.tensors)
def test_every_tensor_comes_back_as_it_was(tensor: Tensor) -> None:
    """An answer's raw tensor, sent as a request, is the same bit for bit."""
    response = messages.ModelInferResponse()
    kserve_tensors.to_response({"x": tensor}, response)
    request = request_of(response.outputs[0].datatype, tensor.shape)
    request.raw_input_contents.extend(response.raw_output_contents)

    assert samples.same(kserve_tensors.from_request(request)["x"], tensor)


@given(tensor=samples.tensors.filter(lambda tensor: tensor.dtype != "<f2"))
def test_typed_contents_mean_the_same_as_raw_ones(tensor: Tensor) -> None:
    """Clients that fill the field of the datatype are understood."""
    datatype = kserve_datatypes.to_name(tensor.dtype)
    request = request_of(datatype, tensor.shape)
    contents = request.inputs[0].contents
    getattr(contents, kserve_tensors._TYPED_FIELDS[datatype]).extend(tensor.ravel().tolist())
    request.inputs[0].contents.SetInParent()

    assert samples.same(kserve_tensors.from_request(request)["x"], tensor)


@pytest.mark.parametrize(
    ("datatype", "fill", "message"),
    [
        ("BF16", {"raw": b"1234"}, "datatype: expected one of BOOL.*, got 'BF16'"),
        ("BYTES", {"bytes_contents": [b"a", b"b"]}, "datatype: expected one of BOOL.*, got 'BYTES'"),
        ("FP16", {"fp32_contents": [1.0, 2.0]}, "expected FP16 in raw_input_contents"),
        ("FP32", {"raw": b"1234567"}, "raw_input_contents: expected 8 bytes.*got 7 bytes"),
        ("FP32", {"raw": b"12345678", "fp32_contents": [1.0]}, "expected contents or raw.*got both"),
        (
            "INT8",
            {"int_contents": [1, 200]},
            "int_contents: expected values that fit int8, got 1 to 200",
        ),
        ("INT32", {"fp32_contents": [1.0, 2.0]}, "int_contents: expected 2 values.*got 0 values"),
    ],
)
def test_what_is_wrong_is_told(datatype: str, fill: dict[str, Any], message: str) -> None:
    """A refusal names the input, its field, what was expected and what came."""
    request = request_of(datatype)
    for field, value in fill.items():
        if field == "raw":
            request.raw_input_contents.append(value)
        else:
            getattr(request.inputs[0].contents, field).extend(value)

    with pytest.raises(InvalidInput, match=f"input 'x'.*{message}"):
        kserve_tensors.from_request(request)


def test_shared_memory_is_refused_by_name() -> None:
    """A client that put its data elsewhere is told so, and not that data is missing."""
    request = request_of()
    request.inputs[0].parameters["shared_memory_region"].string_param = "r"

    with pytest.raises(InvalidInput, match="shared memory is not served"):
        kserve_tensors.from_request(request)


@given(
    datatype=st.sampled_from([*kserve_datatypes.DTYPES, "BF16", "BYTES", ""]),
    shape=st.lists(st.integers(-2, 2**62), max_size=70),
    raw=st.lists(st.binary(max_size=20), max_size=2),
    values=st.lists(st.floats(width=32), max_size=3),
)
def test_whatever_comes_is_a_tensor_or_a_clear_refusal(
    datatype: str, shape: list[int], raw: list[bytes], values: list[float]
) -> None:
    """No combination of fields leads to anything but a tensor of that shape or InvalidInput."""
    request = request_of(datatype, tuple(shape))
    request.raw_input_contents.extend(raw)
    request.inputs[0].contents.fp32_contents.extend(values)

    try:
        tensor = kserve_tensors.from_request(request)["x"]
    except InvalidInput:
        return

    assert list(tensor.shape) == shape
