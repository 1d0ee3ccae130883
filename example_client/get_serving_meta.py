"""Prints a model's inputs and outputs over TensorFlow Serving's gRPC API.

Flags and output are those of OpenVINO Model Server's client; TensorFlow is not needed.
"""

import argparse
import importlib
import sys
from collections.abc import Iterator, Mapping

from google.protobuf import wrappers_pb2

from batchwright_server.protos import prediction_service_pb2 as messages
from batchwright_server.protos import tensor_pb2

if not __package__:  # run by its path
    importlib.import_module("checkout")

from example_client import channels, faults, flagtypes, stubs, targets, tensors

_FIELD = "signature_def"
_SIGNATURE = "serving_default"


def main() -> int:
    """Runs the client with the command line's flags. Gives the exit code."""
    flags = _parser().parse_args()
    return faults.run_program(lambda: _run(flags))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="get_serving_meta", description=__doc__)
    targets.add_flags(parser)
    parser.add_argument("--model_name", default="resnet", help="the model to ask about")
    parser.add_argument("--model_version", type=flagtypes.count, help="its version; default: the newest")
    return parser


def _run(flags: argparse.Namespace) -> None:
    sys.stdout.write(f"Getting model metadata for model: {flags.model_name}\n")
    target = targets.parse_target(flags)
    with channels.connect(target) as channel:
        ask = stubs.predictions(channel).GetModelMetadata
        answer = channels.call(ask, _to_request(flags), target)
    signature = _from_answer(answer)
    for line in _lines(signature):
        sys.stdout.write(f"{line}\n")


def _to_request(flags: argparse.Namespace) -> messages.GetModelMetadataRequest:
    spec = messages.ModelSpec(name=flags.model_name)
    if flags.model_version is not None:
        spec.version.CopyFrom(wrappers_pb2.Int64Value(value=flags.model_version))
    return messages.GetModelMetadataRequest(model_spec=spec, metadata_field=[_FIELD])


def _from_answer(answer: messages.GetModelMetadataResponse) -> tensor_pb2.SignatureDef:
    signatures = messages.SignatureDefMap()
    if not answer.metadata[_FIELD].Unpack(signatures) or _SIGNATURE not in signatures.signature_def:
        raise faults.ClientError(f"the answer has no {_FIELD} named {_SIGNATURE}")
    return signatures.signature_def[_SIGNATURE]


def _lines(signature: tensor_pb2.SignatureDef) -> Iterator[str]:
    yield "Inputs metadata:"
    yield from _tensors("Input", signature.inputs)
    yield "Outputs metadata:"
    yield from _tensors("Output", signature.outputs)


def _tensors(role: str, infos: Mapping[str, tensor_pb2.TensorInfo]) -> Iterator[str]:
    for name, info in sorted(infos.items()):
        shape = tensors.shape_of(info.tensor_shape)
        yield f"\t{role} name: {name}; shape: {shape}; dtype: {tensor_pb2.DataType.Name(info.dtype)}"


if __name__ == "__main__":
    sys.exit(main())
