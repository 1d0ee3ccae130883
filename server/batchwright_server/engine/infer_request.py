"""One OpenVINO infer request behind the runtime's port."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov

from batchwright_server import errors
from batchwright_server.core.tensors import TEXT, Signature, Tensor, Tensors, TensorSpec
from batchwright_server.engine import reasons, texts
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
    """Where a compiled model's inputs and outputs are, by name, and which outputs must be copied.

    Of strings it is the first of their parts.
    """

    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    text_inputs: Mapping[str, int]
    text_outputs: Mapping[str, int]
    aliases: frozenset[str]

    @classmethod
    def of(cls, signature: Signature, aliases: frozenset[int]) -> "Wiring":
        """The ports in the order of the signature, strings behind; `aliases` are by the signature."""
        inputs, text_inputs = _places(signature.inputs)
        outputs, text_outputs = _places(signature.outputs)
        copied = frozenset(signature.outputs[index].name for index in aliases)
        return cls(inputs, outputs, text_inputs, text_outputs, copied)

    @property
    def has_texts(self) -> bool:
        """Whether an input or output has strings."""
        return bool(self.text_inputs or self.text_outputs)


def _places(specs: tuple[TensorSpec, ...]) -> tuple[dict[str, int], dict[str, int]]:
    """Where numbers are, and where strings are."""
    numbers = [spec.name for spec in specs if spec.dtype != TEXT]
    strings = [spec.name for spec in specs if spec.dtype == TEXT]
    behind = range(len(numbers), len(numbers) + texts.PARTS * len(strings), texts.PARTS)
    return dict(zip(numbers, range(len(numbers)), strict=True)), dict(zip(strings, behind, strict=True))


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
        for name, first in self._wiring.text_inputs.items():
            parts = texts.to_parts(inputs[name])
            shared |= {first + index: _share(part) for index, part in enumerate(parts)}
        self._held = list(shared.values())
        for index, tensor in shared.items():
            self._request.set_input_tensor(index, tensor)
        self._to_copy = {name: outputs[name] for name in outputs if self._is_copied(name)}
        for name, tensor in outputs.items():
            if not self._is_copied(name):
                place = ov.Tensor(tensor, shared_memory=True)
                self._request.set_output_tensor(self._wiring.outputs[name], place)
        every = (*self._wiring.outputs, *self._wiring.text_outputs)
        self._late = [name for name in every if name not in outputs]

    def _is_copied(self, name: str) -> bool:
        return name in self._wiring.text_outputs or name in self._wiring.aliases

    def _output(self, name: str) -> Tensor:
        first = self._wiring.text_outputs.get(name)
        if first is None:
            return self._data(self._wiring.outputs[name])
        return texts.from_parts(*(self._data(first + part) for part in range(texts.PARTS)))

    def _data(self, index: int) -> Tensor:
        data: Tensor = self._request.get_output_tensor(index).data
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
