"""Asks a server by NVIDIA's client and prints what came, as JSON: triton.py grpc|http target."""

import importlib
import json
import sys
from typing import Any

import numpy as np


def main(protocol: str, target: str) -> None:
    """Ask, and print."""
    library = importlib.import_module(f"tritonclient.{protocol}")
    client = library.InferenceServerClient(target)
    report = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model_ready": client.is_model_ready("affine"),
        "server": _plain(protocol, client.get_server_metadata),
        "metadata": _plain(protocol, client.get_model_metadata, "affine"),
        "config": _plain(protocol, client.get_model_config, "affine"),
        "answers": [_infer(library, client, rows, binary=binary) for rows, binary in BATCHES],
        "filtered": _filtered(library, client),
        "index": _plain(protocol, client.get_model_repository_index),
        "statistics": _plain(protocol, client.get_inference_statistics, "affine"),
        "errors": [
            _error(library, lambda: client.load_model("affine")),
            _error(library, lambda: client.get_model_metadata("nobody")),
            _error(library, lambda: _infer(library, client, 0, binary=True)),
        ],
    }
    sys.stdout.write(json.dumps(report) + "\n")


BATCHES = [(1, True), (5, True), (5, False), (3, True)]


def _plain(protocol: str, call: Any, *arguments: str) -> Any:
    answer = call(*arguments, as_json=True) if protocol == "grpc" else call(*arguments)
    return answer.get("config", answer) if isinstance(answer, dict) else answer


def _infer(library: Any, client: Any, rows: int, *, binary: bool) -> Any:
    x = np.arange(rows * 4, dtype=np.float32).reshape(rows, 4)
    tensor = library.InferInput("x", list(x.shape), "FP32")
    wanted = library.InferRequestedOutput("y")
    if library.__name__.endswith("http"):
        tensor.set_data_from_numpy(x, binary_data=binary)
        wanted = library.InferRequestedOutput("y", binary_data=binary)
    else:
        tensor.set_data_from_numpy(x)
    answer = client.infer("affine", [tensor], request_id=f"r{rows}", outputs=[wanted])
    response = answer.get_response()
    request_id = response["id"] if isinstance(response, dict) else response.id
    return {"id": request_id, "y": answer.as_numpy("y").tolist()}


def _filtered(library: Any, client: Any) -> dict[str, Any]:
    inputs = []
    for name in "ab":
        tensor = library.InferInput(name, [2, 2], "FP32")
        tensor.set_data_from_numpy(np.ones((2, 2), np.float32))
        inputs.append(tensor)
    everything = client.infer("two", inputs)
    some = client.infer("two", inputs, outputs=[library.InferRequestedOutput("difference")])
    names = ("sum", "difference")
    return {
        "all": [everything.as_numpy(name).tolist() for name in names],
        "some": [some.as_numpy(name) is not None for name in names],
    }


def _error(library: Any, call: Any) -> str:
    try:
        call()
    except importlib.import_module("tritonclient.utils").InferenceServerException as error:
        return f"{error.status()}: {error.message()}"
    return "no error"


if __name__ == "__main__":
    main(*sys.argv[1:])
