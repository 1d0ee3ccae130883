"""A model behind LitServe: `python litserve_server.py MODEL SHAPE PORT`; JSON with data in base64."""

import base64
import sys
from typing import Any

import litserve as ls
import numpy as np
import openvino as ov

MODEL, SHAPE, PORT = sys.argv[1], tuple(map(int, sys.argv[2].split(","))), int(sys.argv[3])


class Inference(ls.LitAPI):  # type: ignore[misc]  # lives in another environment
    """Runs OpenVINO with its hint for throughput."""

    def setup(self, _device: str) -> None:
        hint = {"PERFORMANCE_HINT": "THROUGHPUT"}
        self.request = ov.Core().compile_model(MODEL, "CPU", hint).create_infer_request()

    def decode_request(self, request: dict[str, str]) -> Any:
        """The tensor in the body."""
        return np.frombuffer(base64.b64decode(request["data"]), np.float32).reshape(1, *SHAPE)

    def predict(self, x: Any) -> Any:
        """The first output."""
        return self.request.infer([x], share_inputs=True)[0]

    def encode_response(self, output: Any) -> dict[str, str]:
        """Its bytes, in base64."""
        return {"data": base64.b64encode(output.tobytes()).decode()}


if __name__ == "__main__":
    server = ls.LitServer(Inference(), accelerator="cpu", workers_per_device=2)
    server.run(host="127.0.0.1", port=PORT, generate_client_file=False, log_level="warning")
