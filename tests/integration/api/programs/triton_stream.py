"""Asks by the stream of NVIDIA's client and prints what came, as JSON: triton_stream.py target."""

import json
import queue
import sys
from typing import Any

import numpy as np
import tritonclient.grpc as library

COUNT = 5
MISSING = 3  # the request for a model that is not there


def main(target: str) -> None:
    """Ask, and print."""
    came: queue.Queue[Any] = queue.Queue()
    client = library.InferenceServerClient(target)
    client.start_stream(lambda result, error: came.put((result, error)))
    for number in range(COUNT):
        tensor = library.InferInput("x", [number + 1, 4], "FP32")
        tensor.set_data_from_numpy(np.full((number + 1, 4), number, np.float32))
        model = "nobody" if number == MISSING else "affine"
        client.async_stream_infer(model, [tensor], request_id=str(number))
    outcomes = [came.get(timeout=30) for _ in range(COUNT)]
    client.stop_stream()
    answers = [
        {"id": result.get_response().id, "y": result.as_numpy("y").tolist()}
        for result, error in outcomes
        if error is None
    ]
    errors = [str(error) for _, error in outcomes if error is not None]
    sys.stdout.write(json.dumps({"answers": answers, "errors": errors}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
