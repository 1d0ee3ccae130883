"""Prints the state of a model's versions over TensorFlow Serving's gRPC API.

Flags and output are those of OpenVINO Model Server's client; TensorFlow is not needed.
"""

import argparse
import importlib
import sys
from collections.abc import Iterator

from google.protobuf import wrappers_pb2

from batchwright_server.protos import model_service_pb2 as models
from batchwright_server.protos import prediction_service_pb2 as messages

if not __package__:  # run by its path
    importlib.import_module("checkout")

from example_client import channels, faults, flagtypes, stubs, targets


def main() -> int:
    """Runs the client with the command line's flags. Gives the exit code."""
    flags = _parser().parse_args()
    return faults.run_program(lambda: _run(flags))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="get_model_status", description=__doc__)
    targets.add_flags(parser)
    parser.add_argument("--model_name", default="resnet", help="the model to ask about")
    parser.add_argument("--model_version", type=flagtypes.count, help="its version; default: all")
    return parser


def _run(flags: argparse.Namespace) -> None:
    sys.stdout.write(f"Getting model status for model: {flags.model_name}\n")
    target = targets.parse_target(flags)
    with channels.connect(target) as channel:
        ask = stubs.models_of(channel).GetModelStatus
        answer = channels.call(ask, _to_request(flags), target)
    for line in _lines(answer):
        sys.stdout.write(f"{line}\n")


def _to_request(flags: argparse.Namespace) -> models.GetModelStatusRequest:
    spec = messages.ModelSpec(name=flags.model_name)
    if flags.model_version is not None:
        spec.version.CopyFrom(wrappers_pb2.Int64Value(value=flags.model_version))
    return models.GetModelStatusRequest(model_spec=spec)


def _lines(answer: models.GetModelStatusResponse) -> Iterator[str]:
    for found in answer.model_version_status:
        yield f"\nModel version: {found.version}"
        yield f"State {models.ModelVersionStatus.State.Name(found.state)}"
        yield f"Error code:  {found.status.error_code}"
        yield f"Error message:  {found.status.error_message}"


if __name__ == "__main__":
    sys.exit(main())
