"""Many images through one network of batch size 1, as fast as the machine can."""

from collections.abc import Callable

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from example_client.sample_models import digits

_HINTS = {"PERFORMANCE_HINT": "THROUGHPUT"}


def run_all(
    model: ov.Model, images: NDArray[np.float64], advance: Callable[[], None]
) -> NDArray[np.float32]:
    """The single output (n, width) of `model` for digits (n, 8, 8); `advance` is called after each."""
    rows: dict[int, NDArray[np.float32]] = {}
    requests = ov.AsyncInferQueue(ov.Core().compile_model(model, "CPU", _HINTS))

    def keep(request: ov.InferRequest, index: int) -> None:
        rows[index] = request.get_output_tensor(0).data[0].copy()
        advance()

    requests.set_callback(keep)
    for index, digit in enumerate(images):
        requests.start_async({0: digits.to_image(digit)[np.newaxis]}, index)
    requests.wait_all()
    return np.stack([rows[index] for index in range(len(images))])
