"""Asking a model for the classes of images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchwright_server.protos import prediction_service_pb2 as messages
from example_client import faults, frames, tensors

_BACKGROUND_CLASS_WIDTH = 1001  # such models put a class for "none of these" before the thousand


@dataclass(frozen=True)
class Question:
    """Which model is asked, and how its answers are read."""

    model: str
    input_name: str
    output_name: str
    answers_are_classes: bool = False  # a pipeline's answer may be the class itself, not scores
    adds_dimension: bool = False  # (N, 1, C, H, W), for a pipeline with a demultiplexer

    def to_request(self, batch: frames.Images) -> messages.PredictRequest:
        """The request for a batch (N, …)."""
        array = np.expand_dims(batch, 1) if self.adds_dimension else batch
        spec = messages.ModelSpec(name=self.model)
        return messages.PredictRequest(
            model_spec=spec, inputs={self.input_name: tensors.to_proto(array)}
        )

    def from_answer(self, answer: messages.PredictResponse) -> list[int]:
        """The class of each image. Raises ClientError when the answer lacks the output."""
        if self.output_name not in answer.outputs:
            available = ", ".join(sorted(answer.outputs))
            raise faults.ClientError(
                f"Invalid output name: {self.output_name}. Available outputs: {available}. "
                "Give one of them with --output_name"
            )
        return [self._class_of(row) for row in tensors.from_proto(answer.outputs[self.output_name])]

    def _class_of(self, row: NDArray[np.generic]) -> int:
        if self.answers_are_classes and row.size == 1:
            return int(row.ravel()[0])
        offset = 1 if row.size == _BACKGROUND_CLASS_WIDTH else 0
        return int(np.argmax(row)) - offset


@dataclass
class Tally:
    """How many answers were judged, and how many of them were right."""

    judged: int = 0
    matched: int = 0

    def count(self, *, is_match: bool) -> None:
        """One more answer."""
        self.judged += 1
        self.matched += is_match

    @property
    def percent(self) -> float:
        """The right ones of a hundred."""
        return 100.0 * self.matched / self.judged
