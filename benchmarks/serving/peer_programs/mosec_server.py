"""A model behind mosec: `MODEL=… SHAPE=… python mosec_server.py --port PORT`. Data come raw."""

import os
from typing import Any

import numpy as np
import openvino as ov
from mosec import Server, Worker

MODEL, SHAPE = os.environ["MODEL"], tuple(map(int, os.environ["SHAPE"].split(",")))


class Inference(Worker):  # type: ignore[misc]  # lives in another environment
    """Runs OpenVINO with its hint for throughput."""

    def __init__(self) -> None:
        super().__init__()
        hint = {"PERFORMANCE_HINT": "THROUGHPUT"}
        self.request = ov.Core().compile_model(MODEL, "CPU", hint).create_infer_request()

    def deserialize(self, data: bytes) -> Any:
        """The tensor in the body."""
        return np.frombuffer(data, np.float32).reshape(1, *SHAPE)

    def forward(self, data: Any) -> Any:
        """The first output."""
        return self.request.infer([data], share_inputs=True)[0]

    def serialize(self, data: Any) -> bytes:
        """Its bytes."""
        return bytes(data.tobytes())


if __name__ == "__main__":
    server = Server()
    server.append_worker(Inference, num=2)
    server.run()
