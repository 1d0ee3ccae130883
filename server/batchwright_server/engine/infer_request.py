"""One OpenVINO infer request behind the runtime's port."""

from typing import Any

import numpy as np
import openvino as ov

from batchwright_server import errors
from batchwright_server.core.tensors import Tensor, Tensors, TensorSpec
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


class OpenVinoInferRequest:
    """Runs one inference at a time; inputs and outputs are shared with numpy, not copied."""

    def __init__(
        self, request: ov.InferRequest, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
    ) -> None:
        self._request = request
        self._inputs = {spec.name: index for index, spec in enumerate(inputs)}
        self._outputs = {spec.name: index for index, spec in enumerate(outputs)}
        self._late: list[str] = []
        self._completion = _Completion()
        request.set_callback(self._completion.tell, None)

    def start(self, inputs: Tensors, outputs: Tensors, done: ports.Done) -> None:
        try:
            for name, index in self._inputs.items():
                self._request.set_input_tensor(index, _share(inputs[name]))
            for name, tensor in outputs.items():
                self._request.set_output_tensor(
                    self._outputs[name], ov.Tensor(tensor, shared_memory=True)
                )
            self._late = [name for name in self._outputs if name not in outputs]
            self._completion.done = done
            self._request.start_async()
        except RuntimeError as error:
            self._completion.done = None
            raise errors.InferenceFailed(str(error)) from error

    def finish(self) -> Tensors:
        try:
            self._request.wait()
        except RuntimeError as error:
            raise errors.InferenceFailed(str(error)) from error
        return {name: self._copy_output(name) for name in self._late}

    def _copy_output(self, name: str) -> Tensor:
        return np.array(self._request.get_output_tensor(self._outputs[name]).data)


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
    contiguous = np.ascontiguousarray(tensor)
    if not contiguous.flags.writeable:
        contiguous = np.asarray(_Writable(contiguous))
    return ov.Tensor(contiguous, shared_memory=True)
