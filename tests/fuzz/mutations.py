"""Hypothesis strategies for hostile bytes: any bytes, bent valid inputs, and well-formed nonsense."""

import json
from typing import Any

from hypothesis import strategies as st

from batchwright_server.protos import grpc_predict_v2_pb2, tensor_pb2
from tests.fuzz.seeds import SEEDS

_NUMBERS = st.integers(-3, 70) | st.sampled_from([2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1, -(2**63)])
_LEAVES = (
    st.none()
    | st.booleans()
    | _NUMBERS
    | st.sampled_from([10**400, 2**64, 1e308, -0.0])
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["FP32", "BYTES", "1:8", "-1", "auto", "(1,2)", "NHWC:NCHW", "QUFBQQ=="])
)
_KEYS = sorted(
    {
        word
        for seeds in SEEDS.values()
        for seed in seeds
        for word in seed.decode("latin-1").replace('"', " ").replace(":", " ").split()
        if word.isidentifier()
    }
    | {"b64", "data", "classification", "shared_memory_region", "binary_data", "binary_data_output"}
)
_JSON: st.SearchStrategy[Any] = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=24,
)
_TOKENS = st.sampled_from(
    [
        b"{",
        b"[",
        b'"',
        b"\\u",
        b"\xff",
        b"\x00",
        b"&a ",
        b"*a ",
        b"!!",
        b"- ",
        b"? ",
        b"<<: ",
        b"|\n",
        b"\t",
    ]
)


@st.composite
def bent(draw: st.DrawFn, name: str) -> bytes:
    """A valid input with some of its bytes cut, doubled, overwritten or filled in."""
    data = draw(st.sampled_from(SEEDS[name]))
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(data)))
        end = min(len(data), begin + draw(st.integers(0, 12)))
        middle = draw(st.binary(max_size=8) | _TOKENS | st.just(data[begin:end] * 2))
        data = data[:begin] + middle + data[end:]
    return data


@st.composite
def rewritten(draw: st.DrawFn, name: str) -> bytes:
    """A valid JSON input with values, or whole parts, of it replaced."""
    head, text = _split(name, draw(st.sampled_from(SEEDS[name])))
    document, rest = json.JSONDecoder().raw_decode(text.decode("latin-1"))
    for _ in range(draw(st.integers(1, 3))):
        document = _replace(draw, document)
    changed = json.dumps(document).encode()
    if head and head != b"\xff\xff" and draw(st.booleans()):
        head = min(len(changed), 0xFFFE).to_bytes(2, "big")
    return head + changed + text[rest:]


def _split(name: str, seed: bytes) -> tuple[bytes, bytes]:
    return (seed[:2], seed[2:]) if name == "kserve_body" else (b"", seed)


def _replace(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict) and value and draw(st.integers(0, 9)):
        key = draw(st.sampled_from(sorted(value)))
        return value | {key: _replace(draw, value[key])}
    if isinstance(value, list) and value and draw(st.integers(0, 9)):
        index = draw(st.integers(0, len(value) - 1))
        return [*value[:index], _replace(draw, value[index]), *value[index + 1 :]]
    return draw(_JSON)


def documents(name: str) -> st.SearchStrategy[bytes]:
    """JSON of the words that parsers look for, in any arrangement; also as YAML."""
    prefix = b"\xff\xff" if name == "kserve_body" else b""
    return _JSON.map(lambda value: prefix + json.dumps(value).encode())


_SHAPES = st.one_of(
    st.lists(_NUMBERS, max_size=5),
    st.lists(st.just(1), min_size=30, max_size=70),
    st.permutations([0, 2**62, 2**62, 1]),  # of no elements, and beyond any memory
)
_FEW = st.sampled_from([0, 0, 4])  # most often nothing: what is empty fits an empty shape
_INT32 = st.integers(-(2**31), 2**31 - 1)
_INT64 = st.integers(-(2**63), 2**63 - 1)
_UINT64 = st.integers(0, 2**64 - 1)


@st.composite
def tensor_protos(draw: st.DrawFn) -> bytes:
    """Well-formed TensorProtos whose parts do not fit together."""
    proto = tensor_pb2.TensorProto(tensor_content=draw(st.just(b"") | st.binary(max_size=64)))
    proto.dtype = draw(st.sampled_from([1, 2, 4, 9, 10, 19, 23]) | st.integers(0, 30))  # type: ignore[assignment]  # also what is no dtype
    for size in draw(_SHAPES):
        proto.tensor_shape.dim.add(size=size)
    proto.tensor_shape.unknown_rank = draw(st.booleans())
    proto.float_val.extend(draw(st.lists(st.floats(width=32), max_size=draw(_FEW))))
    proto.double_val.extend(draw(st.lists(st.floats(), max_size=draw(_FEW))))
    for field in (proto.int_val, proto.half_val):
        field.extend(draw(st.lists(_INT32, max_size=draw(_FEW))))
    proto.int64_val.extend(draw(st.lists(_INT64, max_size=draw(_FEW))))
    proto.uint64_val.extend(draw(st.lists(_UINT64, max_size=draw(_FEW))))
    proto.bool_val.extend(draw(st.lists(st.booleans(), max_size=draw(_FEW))))
    return proto.SerializeToString()


@st.composite
def infer_requests(draw: st.DrawFn) -> bytes:
    """Well-formed ModelInferRequests whose parts do not fit together."""
    request = grpc_predict_v2_pb2.ModelInferRequest()
    types = st.sampled_from(["FP32", "FP16", "INT8", "UINT64", "BOOL", "BYTES", "BF16", "", "x"])
    for _ in range(draw(st.integers(0, 3))):
        tensor = request.inputs.add(name=draw(st.sampled_from(["x", "n", ""])), datatype=draw(types))
        tensor.shape.extend(draw(_SHAPES))
        if draw(st.booleans()):
            tensor.contents.fp32_contents.extend(
                draw(st.lists(st.floats(width=32), max_size=draw(_FEW)))
            )
            tensor.contents.int_contents.extend(draw(st.lists(_INT32, max_size=draw(_FEW))))
            tensor.contents.uint64_contents.extend(draw(st.lists(_UINT64, max_size=draw(_FEW))))
            tensor.contents.bytes_contents.extend(draw(st.lists(st.binary(max_size=4), max_size=2)))
    request.raw_input_contents.extend(draw(st.lists(st.binary(max_size=32), max_size=3)))
    return request.SerializeToString()


def hostile(name: str) -> st.SearchStrategy[bytes]:
    """All that is tried on the parser of this name."""
    kinds = [st.binary(max_size=200), bent(name)]
    if name in ("kserve_body", "tfs_body", "configuration", "name_mapping", "bench_result"):
        kinds += [rewritten(name), documents(name)]
    if name == "manifest":
        kinds += [documents(name)]
    if name == "tensor_proto":
        kinds += [tensor_protos()]
    if name == "kserve_request":
        kinds += [infer_requests()]
    return st.one_of(kinds)
