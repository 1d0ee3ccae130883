"""What the bytes in a request are: strings where the model's input takes strings, images elsewhere."""

from collections.abc import Sequence

from batchwright_server.api import byte_elements, images
from batchwright_server.core.tensors import TEXT, Tensor
from batchwright_server.errors import InvalidInput
from batchwright_server.runtime.dataplane import Description


class ByteInputs:
    """Makes tensors of the bytes in a request to one model."""

    def __init__(self, model: Description) -> None:
        self._inputs = {tensor.spec.name: tensor for tensor in model.inputs}

    def takes_text(self, name: str) -> bool:
        """Whether the input `name` takes strings. Raises InvalidInput if there is none."""
        if name not in self._inputs:
            raise InvalidInput("inputs", f"names of the model's inputs {list(self._inputs)}", repr(name))
        return self._inputs[name].spec.dtype == TEXT

    def read(self, name: str, contents: Sequence[bytes], shape: tuple[int, ...]) -> Tensor:
        """The tensor for the input `name`; images have a shape of their own. Raises InvalidInput."""
        field = f"input {name!r}"
        if self.takes_text(name):
            return byte_elements.to_tensor(field, contents, shape)
        return images.decode(field, contents, self._inputs[name])
