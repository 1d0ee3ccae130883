"""What the two clients over KServe's APIs have in common: tensors in tritonclient's words."""

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from example_client import classification, frames, targets


@dataclass(frozen=True)
class Request:
    """The tensors of one request, and the outputs that are asked for."""

    inputs: list[Any]
    outputs: list[Any]


def to_tensors(library: Any, flags: argparse.Namespace, batch: frames.Images) -> tuple[Any, Any]:
    """The input and the output of `library`, which is tritonclient.grpc or tritonclient.http."""
    data = np.ascontiguousarray(batch)
    tensor = library.InferInput(flags.input_name, list(data.shape), np_to_triton_dtype(data.dtype))
    tensor.set_data_from_numpy(data)
    return tensor, library.InferRequestedOutput(flags.output_name)


def to_rows(answer: Any, name: str) -> NDArray[Any]:
    """The output's rows. Raises ClientError when the answer lacks it."""
    rows = answer.as_numpy(name)
    if rows is None:
        raise classification.missing_output(name, ())
    return np.asarray(rows)


def sentence(error: InferenceServerException, target: targets.Target) -> str:
    """The server's own words, on one line."""
    words = " ".join(str(error.message()).split())
    return f"{target} answered {error.status() or 'nothing'}: {words}"
