"""One OpenVINO infer request behind the runtime's port."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov

from batchwright_server import errors
from batchwright_server.core.tensors import Signature, Tensor, Tensors
from batchwright_server.engine import reasons
from batchwright_server.runtime import ports


class _Completion:
    """Who is to be told when an inference ends.

    It knows nothing of the request: OpenVINO's callback keeps this object alive, and a reference back
    would keep the compiled model alive for ever, unseen by the garbage collector.
    """

    def __init__(self) -> None:
        self.done: ports.Done | None = None

    def tell(self, _userdata: object) -> None:
        done, self.done = self.done, None
        if done is not None:
            done()


@dataclass(frozen=True)
class Wiring:
    """Where a compiled model's inputs and outputs are, by name, and which outputs must be copied."""

    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    aliases: frozenset[int]

    @classmethod
    def of(cls, signature: Signature, aliases: frozenset[int]) -> "Wiring":
        """The ports in the order of the signature."""
        return cls(
            {spec.name: index for index, spec in enumerate(signature.inputs)},
            {spec.name: index for index, spec in enumerate(signature.outputs)},
            aliases,
        )


class OpenVinoInferRequest:
    """Runs one inference at a time; inputs and outputs are shared with numpy, not copied."""

    def __init__(self, request: ov.InferRequest, wiring: Wiring) -> None:
        self._request = request
        self._wiring = wiring
        self._to_copy: Tensors = {}
        self._late: list[str] = []
        self._held: list[ov.Tensor] = []  # OpenVINO's side of a tensor does not keep numpy's memory
        self._completion = _Completion()
        request.set_callback(self._completion.tell, None)

    def start(self, inputs: Tensors, outputs: Tensors, done: ports.Done) -> None:
        try:
            self._place(inputs, outputs)
            self._completion.done = done
            self._request.start_async()
        except RuntimeError as error:
            self._completion.done = None
            raise errors.InferenceFailed(reasons.first_reason(error)) from error

    def finish(self) -> Tensors:
        to_copy, self._to_copy = self._to_copy, {}
        try:
            self._request.wait()
        except RuntimeError as error:
            raise errors.InferenceFailed(reasons.first_reason(error)) from error
        finally:
            self._held = []
        for name, tensor in to_copy.items():
            np.copyto(tensor, self._output(name))
        return {name: np.array(self._output(name)) for name in self._late}

    def _place(self, inputs: Tensors, outputs: Tensors) -> None:
        shared = {index: _share(inputs[name]) for name, index in self._wiring.inputs.items()}
        self._held = list(shared.values())
        for index, tensor in shared.items():
            self._request.set_input_tensor(index, tensor)
        self._to_copy = {name: outputs[name] for name in outputs if self._is_alias(name)}
        for name, tensor in outputs.items():
            if not self._is_alias(name):
                place = ov.Tensor(tensor, shared_memory=True)
                self._request.set_output_tensor(self._wiring.outputs[name], place)
        self._late = [name for name in self._wiring.outputs if name not in outputs]

    def _is_alias(self, name: str) -> bool:
        return self._wiring.outputs[name] in self._wiring.aliases

    def _output(self, name: str) -> Tensor:
        data: Tensor = self._request.get_output_tensor(self._wiring.outputs[name]).data
        return data


class _Writable:
    """The same memory as a read-only array, declared writable, because OpenVINO's tensors insist on it.

    It never writes to an input. Holds the array, so that the memory outlives the tensor.
    """

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor
        interface: dict[str, Any] = dict(tensor.__array_interface__)
        interface["data"] = (interface["data"][0], False)
        self.__array_interface__ = interface


def _share(tensor: Tensor) -> ov.Tensor:
    contiguous = tensor if tensor.flags.c_contiguous else np.ascontiguousarray(tensor)
    if not contiguous.flags.writeable:
        contiguous = np.asarray(_Writable(contiguous))
    return ov.Tensor(contiguous, shared_memory=True)
