"""Every parser that takes bytes from outside, each as a function of bytes that may only return.

A clean refusal counts as an answer; whatever else escapes is a finding. What is accepted is looked at:
an accepted tensor must be a real one.
"""

import contextlib
import io
import math
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError

from batchwright_bench.figures import comparison, saved
from batchwright_bench.inprocess import shapes
from batchwright_bench.load import arrays, sizes, traces
from batchwright_operator.resources import manifests
from batchwright_server.api import (
    byte_elements,
    byte_inputs,
    images,
    kserve_json,
    kserve_tensors,
    predict_wire,
    reload_request,
    tensor_proto,
    tfs_json,
)
from batchwright_server.config.document import Document, parse_document, render_document
from batchwright_server.config.mapping import parse_mapping
from batchwright_server.config.problems import InvalidDocument
from batchwright_server.config.version_policy import DEFAULT_POLICY
from batchwright_server.core import validation
from batchwright_server.core.tensors import TEXT, Signature, Tensor, TensorSpec
from batchwright_server.errors import InvalidInput
from batchwright_server.protos import (
    grpc_predict_v2_pb2,
    model_management_pb2,
    prediction_service_pb2,
    tensor_pb2,
)
from batchwright_server.runtime.dataplane import Description, TensorDescription
from batchwright_server.sources import archives
from batchwright_server.sources.faults import FetchFailed
from batchwright_server.sources.layout import Selection

Parser = Callable[[bytes], None]

_X = TensorSpec("x", np.dtype(np.float32), (-1, 2))
_N = TensorSpec("n", np.dtype(np.int8), (-1,))
_ONE = Description("m", 1, (TensorDescription(_X, _X.shape),), ())
_TWO = Description("m", 1, (*_ONE.inputs, TensorDescription(_N, _N.shape)), ())
_S = TensorSpec("s", TEXT, (-1, 2))
_TEXT = Description("m", 1, (*_TWO.inputs, TensorDescription(_S, _S.shape)), ())
_STRINGS = Description("m", 1, (TensorDescription(_S, _S.shape),), ())
_SERVED = Signature((_X, _N), ())
_SERVED_TEXT = Signature((_S,), ())
_IMAGE = TensorSpec("i", np.dtype(np.float32), (-1, 4, -1, 3))
_IMAGES = Description("m", 1, (TensorDescription(_IMAGE, _IMAGE.shape),), ())
_SELECTION = Selection(DEFAULT_POLICY.policy, max_files=16)
_MOST_BYTES = 100_000
_CURRENT = Document(model_config_list=())


def parse_tensor_proto(data: bytes) -> None:
    """A TensorProto."""
    proto = tensor_pb2.TensorProto()
    with contextlib.suppress(DecodeError, InvalidInput):
        proto.ParseFromString(data)
        _check([tensor_proto.from_proto("x", proto)])


def parse_predict_request(data: bytes) -> None:
    """A PredictRequest with all its tensors, as far as the model's own checks."""
    request = prediction_service_pb2.PredictRequest()
    with contextlib.suppress(InvalidInput):
        if (plain := predict_wire.read_request(data)) is not None:
            _offer(plain.inputs)
    with contextlib.suppress(DecodeError, InvalidInput):
        request.ParseFromString(data)
        _offer({name: tensor_proto.from_proto(name, one) for name, one in request.inputs.items()})


def parse_kserve_request(data: bytes) -> None:
    """A ModelInferRequest with raw or typed contents, as far as the model's own checks."""
    request = grpc_predict_v2_pb2.ModelInferRequest()
    with contextlib.suppress(DecodeError, InvalidInput):
        request.ParseFromString(data)
        kserve_tensors.wanted_outputs(request)
        _offer(kserve_tensors.from_request(request, byte_inputs.ByteInputs(_TEXT)))


def parse_reload_request(data: bytes) -> None:
    """A ReloadConfigRequest as a configuration."""
    request = model_management_pb2.ReloadConfigRequest()
    with contextlib.suppress(DecodeError, InvalidInput, InvalidDocument):
        request.ParseFromString(data)
        reload_request.to_document(request, _CURRENT)


def parse_kserve_body(data: bytes) -> None:
    """A KServe v2 body; the first two bytes are the JSON's length, 65535 is the absent header."""
    length = int.from_bytes(data[:2], "big")
    with contextlib.suppress(InvalidInput):
        reader = byte_inputs.ByteInputs(_TEXT)
        asked = kserve_json.parse_request(data[2:], None if length == 0xFFFF else length, reader)
        _offer(asked.inputs)


def parse_tfs_body(data: bytes) -> None:
    """A body of TensorFlow Serving's predict, for models of one input, of two, and of strings."""
    for description in (_ONE, _TWO, _STRINGS):
        with contextlib.suppress(InvalidInput):
            _, inputs = tfs_json.parse_request(data, description)
            _offer(inputs)


def parse_image(data: bytes) -> None:
    """An image, alone and as one of KServe's elements of bytes."""
    with contextlib.suppress(InvalidInput):
        _check([images.decode("i", [data], _IMAGES.inputs[0])])
    with contextlib.suppress(InvalidInput):
        elements = byte_elements.split("i", data, 1)
        _check([byte_inputs.ByteInputs(_IMAGES).read("i", elements, (1,))])


def parse_strings(data: bytes) -> None:
    """As many elements as the first byte says, raw and in a `tensor_content`; they fit what came."""
    count, content = data[0] if data else 0, data[1:]
    with contextlib.suppress(InvalidInput):
        elements = byte_elements.split("s", content, count)
        assert byte_elements.join(byte_elements.to_tensor("s", elements, (count,))) == content
    with contextlib.suppress(InvalidInput):
        assert sum(map(len, byte_elements.split_list("s", content, count))) + count <= len(content)


def parse_configuration(data: bytes) -> None:
    """A configuration document; one that is taken can be written and read again."""
    try:
        document = parse_document(data)
    except InvalidDocument:
        return
    assert parse_document(render_document(document)) == document
    assert all(map(str, document.warnings))


def parse_name_mapping(data: bytes) -> None:
    """A `mapping_config.json`."""
    with contextlib.suppress(InvalidDocument):
        parse_mapping(data)


def parse_manifest(data: bytes) -> None:
    """A file of manifests."""
    with contextlib.suppress(manifests.InvalidManifests):
        manifests.parse_manifests(data.decode(errors="replace"), file="f.yaml")


def parse_archive(data: bytes) -> None:
    """An archive under each kind of name; what is taken is inside of the folder, and fits."""
    for name in ("m.tar", "m.tgz", "m.zip"):
        with tempfile.TemporaryDirectory() as folder:
            archive, into = Path(folder, name), Path(folder, "into")
            archive.write_bytes(data)
            with contextlib.suppress(FetchFailed):
                archives.unpack(archive, into, _SELECTION, most_bytes=_MOST_BYTES)
            files = [path for path in Path(folder).rglob("*") if not path.is_dir() and path != archive]
            assert all(path.is_relative_to(into) and not path.is_symlink() for path in files)
            assert sum(path.stat().st_size for path in files) <= _MOST_BYTES


def parse_trace(data: bytes) -> None:
    """A trace of requests; times of one that is taken begin with 0 and never go back."""
    try:
        found = traces.parse_trace(data)
    except traces.InvalidTrace as error:
        _check_told(error)
        return
    assert all(1 <= size <= sizes.LARGEST for size in found.sizes)
    assert list(found.seconds) == sorted(found.seconds)
    assert not found.seconds or (found.seconds[0] == 0 and math.isfinite(found.seconds[-1]))


def parse_batch_sizes(data: bytes) -> None:
    """A distribution of batch sizes; only sizes that are told beforehand are drawn of it."""
    try:
        found = sizes.parse_sizes(data.decode("latin-1"))
    except sizes.InvalidSizes as error:
        _check_told(error)
        return
    drawn = {found.at(number, draw) for number in range(3) for draw in (0.0, 0.5, math.nextafter(1, 0))}
    assert drawn <= set(found.possible)


def parse_bench_result(data: bytes) -> None:
    """A result of the bench; one that is taken can be compared, and is no better than itself."""
    try:
        found = saved.parse_result(data)
    except saved.InvalidResult as error:
        _check_told(error)
        return
    for row in comparison.compare(found, found):
        assert row.verdict is comparison.Verdict.OPEN


def parse_data_shapes(data: bytes) -> None:
    """Shapes of the command line."""
    with contextlib.suppress(shapes.InvalidShapes):
        shapes.parse_shapes(data.decode("latin-1"))


def parse_rows(data: bytes) -> None:
    """A .npy file of samples; what is taken is of numbers, and has at least one."""
    try:
        rows = arrays.read_rows(io.BytesIO(data))
    except arrays.InvalidArray as error:
        _check_told(error)
        return
    assert len(rows) > 0
    _check([rows])
    rows[:1].astype(np.float32)


PARSERS: Mapping[str, Parser] = {
    parser.__name__.removeprefix("parse_"): parser
    for parser in (
        parse_tensor_proto,
        parse_predict_request,
        parse_kserve_request,
        parse_reload_request,
        parse_kserve_body,
        parse_tfs_body,
        parse_image,
        parse_strings,
        parse_configuration,
        parse_name_mapping,
        parse_manifest,
        parse_archive,
        parse_trace,
        parse_batch_sizes,
        parse_bench_result,
        parse_data_shapes,
        parse_rows,
    )
}


def _offer(inputs: Mapping[str, Tensor]) -> None:
    """Do with accepted inputs what a model does first."""
    _check(inputs.values())
    served = _SERVED_TEXT if "s" in inputs else _SERVED
    validation.check_inputs(served, inputs, max_batch_size=1000)


def _check_told(error: Exception) -> None:
    """A refusal says what was expected, in a line that somebody can read."""
    assert len(str(error)) < 1000
    assert "expected" in str(error) or "result" in str(error)


def _check(tensors: Iterable[Tensor]) -> None:
    for tensor in tensors:
        assert tensor.size == math.prod(tensor.shape)
        assert tensor.flags.aligned
        if tensor.size:
            tensor.flat[tensor.size - 1]  # its last element can be read


if __name__ == "__main__":
    print(*PARSERS, sep="\n")  # noqa: T201  for the Makefile
