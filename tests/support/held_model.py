"""A compiled model whose inferences end when the test says so."""

from batchwright_server.core.tensors import Tensor, Tensors
from batchwright_server.runtime import ports


class HeldRequest:
    """An infer request that is done when the test says so."""

    def __init__(self, log: list[float]) -> None:
        self._log = log
        self._done: ports.Done | None = None
        self.error: Exception | None = None
        self.refusal: Exception | None = None

    def start(self, inputs: Tensors, outputs: Tensors, done: ports.Done) -> None:
        if self.refusal:
            refusal, self.refusal = self.refusal, None
            raise refusal
        self._log.append(float(inputs["x"][0]) if "x" in inputs else 0.0)
        self._done = done

    def finish(self) -> dict[str, Tensor]:
        if self.error:
            raise self.error
        return {}

    @property
    def is_running(self) -> bool:
        return self._done is not None

    def complete(self, error: Exception | None = None) -> None:
        self.error = error
        done, self._done = self._done, None
        assert done
        done()


class HeldModel:
    streams = 1

    def __init__(self, count: int) -> None:
        self.log: list[float] = []
        self.requests = tuple(HeldRequest(self.log) for _ in range(count))
