"""Valid inputs of every parser: where mutations begin."""

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from PIL import Image

from batchwright_bench.figures.outcomes import Outcome, sum_up
from batchwright_server.api import byte_elements, kserve_tensors, tensor_proto
from batchwright_server.core.tensors import strings
from batchwright_server.protos import (
    grpc_predict_v2_pb2,
    model_management_pb2,
    prediction_service_pb2,
    tensor_pb2,
)

_X = np.arange(6, dtype=np.float32).reshape(3, 2)
_N = np.arange(3, dtype=np.int8)
_S = strings([b"", b"a\0", b"\xff", b"word"]).reshape(2, 2)

MANIFEST = b"""apiVersion: batchwright.dev/v1alpha1
kind: ModelServer
metadata: {name: demo, labels: &labels {app: "x"}}
spec:
  models:
    - name: digits
      path: /models/digits
      batching: {strategy: auto, maxBatchSize: 1000}
---
- *labels
- !!int 0x1F
- |
  text
"""
CONFIG = {
    "model_config_list": [
        {
            "config": {
                "name": "m",
                "base_path": "/m",
                "batch_size": "1:8",
                "shape": {"x": "(1,3,-1,2:4)"},
                "layout": "NHWC:NCHW",
                "nireq": 2,
                "plugin_config": {"NUM_STREAMS": "1", "CPU_THREADS_NUM": 2},
                "model_version_policy": {"specific": {"versions": [1, 3]}},
            }
        },
        {"config": {"name": "n", "base_path": "/n", "batching": {"strategy": "reload"}}},
    ],
    "pipeline_config_list": [
        {
            "name": "p",
            "inputs": ["i"],
            "demultiply_count": -1,
            "nodes": [
                {
                    "name": "a",
                    "model_name": "m",
                    "type": "DL model",
                    "inputs": [{"x": {"node_name": "request", "data_item": "i"}}],
                    "outputs": [{"data_item": "y", "alias": "z"}],
                }
            ],
            "outputs": [{"o": {"node_name": "a", "data_item": "z"}}],
        }
    ],
    "monitoring": {"metrics": {"enable": True, "metrics_list": ["ovms_requests_success"]}},
}


def _predict() -> bytes:
    request = prediction_service_pb2.PredictRequest(output_filter=["y"])
    request.model_spec.name = "m"
    request.inputs["x"].CopyFrom(tensor_proto.to_proto(_X))
    request.inputs["n"].CopyFrom(
        tensor_pb2.TensorProto(
            dtype=tensor_pb2.DT_INT8, tensor_shape=tensor_proto.shape_to_proto((3,)), int_val=[1, -2, 3]
        )
    )
    return request.SerializeToString()


def _plain_predict() -> bytes:
    request = prediction_service_pb2.PredictRequest(output_filter=["y"])
    request.model_spec.name = "m"
    request.model_spec.version.value = 1
    request.inputs["x"].CopyFrom(tensor_proto.to_proto(_X))
    return request.SerializeToString()


def _kserve(*, raw: bool) -> bytes:
    request = grpc_predict_v2_pb2.ModelInferRequest(model_name="m", id="7")
    x = request.inputs.add(name="x", datatype="FP32", shape=[3, 2])
    n = request.inputs.add(name="n", datatype="INT8", shape=[3])
    if raw:
        request.raw_input_contents.extend([_X.tobytes(), _N.tobytes()])
    else:
        x.contents.fp32_contents.extend(_X.ravel().tolist())
        n.contents.int_contents.extend(_N.tolist())
    request.outputs.add(name="y")
    return request.SerializeToString()


def _kserve_strings(*, raw: bool) -> bytes:
    request = grpc_predict_v2_pb2.ModelInferRequest(model_name="m")
    s = request.inputs.add(name="s", datatype="BYTES", shape=_S.shape)
    if raw:
        request.raw_input_contents.append(byte_elements.join(_S))
    else:
        s.contents.bytes_contents.extend(_S.ravel().tolist())
    return request.SerializeToString()


def _kserve_answer() -> bytes:
    response = grpc_predict_v2_pb2.ModelInferResponse()
    kserve_tensors.to_response({"y": _X}, response)
    return response.SerializeToString()


def _reload() -> bytes:
    request = model_management_pb2.ReloadConfigRequest()
    model = request.config.model_config_list.config.add(name="m", base_path="/m")
    model.model_version_policy.specific.versions.extend([1, 2])
    return request.SerializeToString()


def _body(*, binary: bool) -> bytes:
    x: dict[str, object] = {"name": "x", "datatype": "FP32", "shape": [3, 2]}
    n = {"name": "n", "datatype": "INT8", "shape": [3], "data": [[1], [2], [3]]}
    x |= {"parameters": {"binary_data_size": _X.nbytes}} if binary else {"data": _X.tolist()}
    text = json.dumps({"id": "7", "inputs": [x, n], "outputs": [{"name": "y"}]}).encode()
    return len(text).to_bytes(2, "big") + text + (_X.tobytes() if binary else b"")


def _strings_body() -> bytes:
    raw = byte_elements.join(_S)
    s = {"name": "s", "datatype": "BYTES", "shape": [2, 2], "parameters": {"binary_data_size": len(raw)}}
    text = json.dumps({"inputs": [s]}).encode()
    return len(text).to_bytes(2, "big") + text + raw


def _image(kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(60, dtype=np.uint8).reshape(4, 5, 3)).save(file, kind)
    return file.getvalue()


def _tar(mode: Literal["w", "w:gz"]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as tar:
        for name, content in (("resnet/1/m.xml", b"<net/>"), ("resnet/1/m.bin", b"weights")):
            item = tarfile.TarInfo(name)
            item.size = len(content)
            tar.addfile(item, io.BytesIO(content))
    return file.getvalue()


def _zip(kind: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as opened:
        opened.writestr("m.onnx", b"onnx" * 50)
    return file.getvalue()


def _npy(array: "np.ndarray[Any, Any]") -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _result(answered: int) -> bytes:
    times = [number / 20 for number in range(answered)]
    requests = [Outcome(time, time, time + 0.1, 1 + number % 2) for number, time in enumerate(times)]
    requests.append(Outcome(1.0, 1.0, 2.5, 1, "UNAVAILABLE"))
    return sum_up("m", "4 at once", requests).model_dump_json().encode()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


SEEDS: Mapping[str, tuple[bytes, ...]] = {
    "tensor_proto": (
        tensor_proto.to_proto(_X).SerializeToString(),
        tensor_pb2.TensorProto(
            dtype=tensor_pb2.DT_HALF, tensor_shape=tensor_proto.shape_to_proto((2, 2)), half_val=[15360]
        ).SerializeToString(),
        tensor_proto.to_proto(_S).SerializeToString(),
        tensor_pb2.TensorProto(
            dtype=tensor_pb2.DT_STRING,
            tensor_shape=tensor_proto.shape_to_proto((2,)),
            tensor_content=b"\x01\x02abc",
        ).SerializeToString(),
    ),
    "predict_request": (_predict(), _plain_predict()),
    "kserve_request": (
        _kserve(raw=True),
        _kserve(raw=False),
        _kserve_strings(raw=True),
        _kserve_strings(raw=False),
        _kserve_answer(),
    ),
    "reload_request": (_reload(),),
    "kserve_body": (
        _body(binary=True),
        _body(binary=False),
        b"\xff\xff" + _body(binary=False)[2:],
        _strings_body(),
    ),
    "tfs_body": (
        _json({"instances": _X.tolist()}),
        _json({"instances": [{"x": [1, 2], "n": 1}, {"x": [3, 4.5], "n": -1}]}),
        _json({"inputs": {"x": _X.tolist(), "n": [1, 2, 3]}, "signature_name": ""}),
        _json({"instances": [{"b64": "AACAPwAAAEA="}]}),
        _json({"instances": [["é", {"b64": "/w=="}], ["", "b"]]}),
    ),
    "image": (*map(_image, ("PNG", "JPEG")), len(_image("PNG")).to_bytes(4, "little") + _image("PNG")),
    "strings": (b"\x04" + byte_elements.join(_S), b"\x02\x01\x02abc"),
    "configuration": (_json(CONFIG),),
    "name_mapping": (_json({"inputs": {"a": "x", "b": "y"}, "outputs": {"c": "z"}}),),
    "manifest": (MANIFEST,),
    "archive": (_tar("w"), _tar("w:gz"), _zip(zipfile.ZIP_STORED), _zip(zipfile.ZIP_DEFLATED)),
    "trace": (b"# as it came\n0.5,8\n0.75,1\r\n\n1e1,16\n", b"\xef\xbb\xbf8\n1\n16"),
    "batch_sizes": (b"1,4,16", b"uniform:1:16", b"geometric:4:64", b"weights:1=9,16=0.5"),
    "bench_result": (_result(answered=40), _result(answered=0)),
    "data_shapes": (b"[1,3,9][8,3,9]", b"input1[1,4][2,4],input2[]"),
    "rows": (_npy(_X), _npy(_N), _npy(np.asfortranarray(_X))),
}
