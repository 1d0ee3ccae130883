"""Asks a server by TensorFlow's own client and prints what came: tfs.py target base_path."""

import json
import sys
from typing import Any

import grpc
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)


def main(target: str, base_path: str) -> None:
    """Ask, and print."""
    channel = grpc.insecure_channel(target)
    prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    models = model_service_pb2_grpc.ModelServiceStub(channel)
    report = {
        "answers": [_predict(prediction, "affine", rows) for rows in (1, 5, 3)],
        "metadata": _metadata(prediction),
        "status": _status(models, "affine"),
        "unknown": _error(lambda: _predict(prediction, "nobody", 1)),
        "refused": _error(lambda: _reload(models, affine=base_path, broken="/nowhere")),
    }
    report["still"] = _predict(prediction, "affine", 2)
    report["reload"] = _reload(models, affine=base_path, other=base_path)
    report["taken"] = [_predict(prediction, "affine", 4), _status(models, "other")]
    report["gone"] = _error(lambda: _predict(prediction, "two", 1))
    sys.stdout.write(json.dumps(report) + "\n")


def _predict(stub: Any, model: str, rows: int) -> Any:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    x = tf.reshape(tf.range(rows * 4, dtype=tf.float32), (rows, 4))
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(x))
    answer = stub.Predict(request, 30)
    return tf.make_ndarray(answer.outputs["y"]).tolist()


def _metadata(stub: Any) -> Any:
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "affine"
    answer = stub.GetModelMetadata(request, 30)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    answer.metadata["signature_def"].Unpack(signatures)
    tensor = signatures.signature_def["serving_default"].inputs["x"]
    return {"dtype": tensor.dtype, "shape": [dim.size for dim in tensor.tensor_shape.dim]}


def _status(stub: Any, model: str) -> Any:
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = model
    answer = stub.GetModelStatus(request, 30)
    return json_format.MessageToDict(answer, preserving_proto_field_name=True)


def _reload(stub: Any, **models: str) -> Any:
    request = model_management_pb2.ReloadConfigRequest()
    for name, base_path in models.items():
        request.config.model_config_list.config.add(
            name=name, base_path=base_path, model_platform="tensorflow"
        )
    return stub.HandleReloadConfigRequest(request, 60).status.error_code


def _error(call: Any) -> str:
    try:
        call()
    except grpc.RpcError as error:
        return f"{error.code().name}: {error.details()}"
    return "no error"


if __name__ == "__main__":
    main(*sys.argv[1:])
