"""What the runtime needs from the outside: an inference engine and clocks."""

from collections.abc import Callable, Mapping
from typing import NewType, Protocol

from batchwright_server.config.document import ModelConfig
from batchwright_server.config.plan import Streams
from batchwright_server.core.tensors import Compilable, Signature, Tensors

Clock = Callable[[], float]  # seconds, monotonic
Done = Callable[[], None]  # called from any thread

Version = NewType("Version", int)
Fingerprint = NewType("Fingerprint", str)  # of a version's files: another one means they changed


class InferRequest(Protocol):
    """One slot of a compiled model in which one inference can run at a time."""

    def start(self, inputs: Tensors, outputs: Tensors, done: Done) -> None:
        """Begin an inference that writes into `outputs`; the arrays must live until `done` is called."""

    def finish(self) -> Tensors:
        """Copies of the outputs that could not be given a place beforehand. Raises InferenceFailed."""


class CompiledModel(Protocol):
    """A model compiled for one batch size."""

    @property
    def requests(self) -> tuple[InferRequest, ...]: ...

    @property
    def streams(self) -> int: ...


class Network(Protocol):
    """A model that was read but not compiled."""

    @property
    def signature(self) -> Signature: ...

    def compile(self, size: Compilable, streams: Streams, *, is_exact: bool = False) -> CompiledModel:
        """Compile for some batch sizes, or for shapes; blocks, any thread. Raises CompilationFailed.

        `is_exact`: in float32 whatever the device prefers, for trials whose rounding matters.
        """


class Memory(Protocol):
    """The memory of this process, in bytes; any thread."""

    def limit(self) -> int:
        """The most it may have."""

    def available(self) -> int:
        """What it may still take."""

    def taken(self) -> int:
        """What it has, files not counted."""

    def trim(self) -> None:
        """Give back what was freed, but is kept for later."""


class TrialStore(Protocol):
    """Where results of trying models out outlive the process; losing them costs nothing but time."""

    def load(self, key: str) -> bytes | None:
        """What was saved under `key`; None where there is nothing, or nothing fresh."""

    def save(self, key: str, results: bytes) -> None:
        """Keep `results`, if that can be done."""


class Engine(Protocol):
    """The inference engine, with the model repository it reads from."""

    @property
    def cores(self) -> int:
        """How many processors inference may use."""

    @property
    def memory(self) -> Memory:
        """The memory that compiled models are in."""

    def find_versions(self, config: ModelConfig) -> Mapping[Version, Fingerprint]:
        """The versions that are there; blocks, any thread. Raises ModelUnavailable with the reason."""

    def read(self, config: ModelConfig, version: Version) -> Network:
        """Read a model; blocks, any thread. Raises ModelUnavailable with the reason."""
