"""A model behind MLServer, by its custom runtime; the model's file is in the parameters."""

from typing import Any

import openvino as ov
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Inference(MLModel):  # type: ignore[misc]  # lives in another environment
    """Runs OpenVINO with its hint for throughput."""

    async def load(self) -> bool:
        """Compile."""
        hint = {"PERFORMANCE_HINT": "THROUGHPUT"}
        model = self.settings.parameters.uri
        self.request = ov.Core().compile_model(model, "CPU", hint).create_infer_request()
        return True

    async def predict(self, payload: Any) -> Any:
        """The first output."""
        x = NumpyCodec.decode_input(payload.inputs[0])
        y = self.request.infer([x], share_inputs=True)[0]
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("output", y)])
