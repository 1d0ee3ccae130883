"""What clients ask for, free of any protocol: predict, describe, report status."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from batchwright_server import errors
from batchwright_server.core import validation
from batchwright_server.core.tensors import Tensor, Tensors, TensorSpec
from batchwright_server.runtime import metering, reload_queue, scopes
from batchwright_server.runtime.pipelines.execution import Execution
from batchwright_server.runtime.pipelines.pipeline import Pipeline
from batchwright_server.runtime.pipelines.served_models import ServedModels
from batchwright_server.runtime.ports import Version
from batchwright_server.runtime.registry import Registry
from batchwright_server.runtime.servable import Servable, State

_RUNS_PER_CORE = 2  # one that infers, one that waits, so that no core idles for Python
UNKNOWN_VERSION = 1  # reported for a model that failed before any version of it was found


class Protocol(StrEnum):
    """How a request came."""

    TFS_GRPC = "tfs_grpc"
    TFS_REST = "tfs_rest"
    KSERVE_GRPC = "kserve_grpc"
    KSERVE_REST = "kserve_rest"


@dataclass(frozen=True)
class PredictCall:
    """One prediction: version 0 is whichever serves, `deadline` is on the event loop's clock."""

    protocol: Protocol
    model: str
    version: int
    inputs: Tensors
    output_filter: tuple[str, ...]
    deadline: float


@dataclass(frozen=True)
class Prediction:
    """The answer, and the version that gave it."""

    model: str
    version: int
    outputs: dict[str, Tensor]


@dataclass(frozen=True)
class TensorDescription:
    """An input or output as a client sees it: -1 where any size is taken."""

    spec: TensorSpec
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Description:
    """A model's inputs and outputs, for clients."""

    model: str
    version: int
    inputs: tuple[TensorDescription, ...]
    outputs: tuple[TensorDescription, ...]
    max_batch_size: int = 0  # 0: exactly these shapes are taken


@dataclass(frozen=True)
class VersionStatus:
    """Where one version is in its life; `error` is empty unless it failed."""

    version: int
    state: State
    error: str = ""
    is_invalid: bool = False  # a pipeline whose parts do not fit together

    @property
    def code(self) -> str:
        """The name of the status code that goes with `error`, as clients of OVMS know it."""
        if not self.error:
            return "OK"
        return "FAILED_PRECONDITION" if self.is_invalid else "UNKNOWN"


class DataPlane:
    """Answers every protocol's calls from the registry; a pipeline is asked for like a model.

    A request to a pipeline has as many runs under way as keep `cores` busy.
    """

    def __init__(self, registry: Registry, *, cores: int) -> None:
        self._registry = registry
        self._execution = Execution(ServedModels(registry), width=_RUNS_PER_CORE * cores)

    async def predict(self, call: PredictCall) -> Prediction:
        """The model's outputs for the call's inputs. Raises ServerError."""
        if pipeline := self._registry.find_pipeline(call.model):
            return await self._run_pipeline(pipeline, call)
        while True:
            servable = self._registry.find(call.model, call.version)
            scopes.note_target(call.protocol.value, call.model, servable.version)
            try:
                with metering.metered(servable.meter, call.protocol.value):
                    outputs = await self._predict(servable, call)
                return Prediction(call.model, servable.version, outputs)
            except reload_queue.Retired:
                continue  # replaced while the request waited: its successor takes it

    def describe(self, model: str, version: int) -> Description:
        """The model's inputs and outputs as a client sees them. Raises ServerError."""
        if pipeline := self._registry.find_pipeline(model):
            return _describe_pipeline(pipeline)
        servable = self._registry.find(model, version)
        signature = servable.signature
        return Description(
            model,
            servable.version,
            _describe(servable, signature.inputs),
            _describe(servable, signature.outputs),
            servable.max_batch_size,
        )

    def report_status(self, model: str, version: int = 0) -> tuple[VersionStatus, ...]:
        """The versions of a model (0: all), in ascending order. Raises ModelNotFound."""
        if pipeline := self._registry.find_pipeline(model):
            return (_pipeline_status(pipeline),)
        known = self._registry.models.get(model)
        if known is None:
            raise errors.ModelNotFound(model)
        statuses = {version: VersionStatus(version, State.LOADING) for version in known.loading}
        for number, failure in known.failures.items():
            shown = number or UNKNOWN_VERSION
            statuses[Version(shown)] = VersionStatus(shown, State.LOADING, failure.reason)
        for number, servable in known.versions.items():
            statuses[number] = VersionStatus(number, servable.state)
        if version and version not in statuses:
            raise errors.ModelNotFound(model, version)
        return tuple(status for number, status in sorted(statuses.items()) if version in (0, number))

    def report_all(self) -> dict[str, tuple[VersionStatus, ...]]:
        """The versions of every model and pipeline."""
        names = dict.fromkeys([*self._registry.models, *self._registry.pipelines])
        return {name: self.report_status(name) for name in names}

    async def _predict(self, servable: Servable, call: PredictCall) -> dict[str, Tensor]:
        validation.check_output_filter(servable.signature, call.output_filter)
        return _filter(await servable.infer(call.inputs, call.deadline), call)

    async def _run_pipeline(self, pipeline: Pipeline, call: PredictCall) -> Prediction:
        scopes.note_target(call.protocol.value, call.model, pipeline.version)
        with metering.metered(pipeline.meter, call.protocol.value):
            validation.check_output_filter(pipeline.signature, call.output_filter)
            outputs = await pipeline.infer(self._execution, call.inputs, call.deadline)
        return Prediction(call.model, pipeline.version, _filter(outputs, call))


def _filter(outputs: dict[str, Tensor], call: PredictCall) -> dict[str, Tensor]:
    if not call.output_filter:
        return outputs
    return {name: outputs[name] for name in call.output_filter}


def _pipeline_status(pipeline: Pipeline) -> VersionStatus:
    state = State.LOADING if pipeline.fault else State.AVAILABLE
    return VersionStatus(pipeline.version, state, pipeline.fault, is_invalid=bool(pipeline.fault))


def _describe_pipeline(pipeline: Pipeline) -> Description:
    signature = pipeline.signature
    inputs = tuple(TensorDescription(spec, spec.shape) for spec in signature.inputs)
    outputs = tuple(TensorDescription(spec, spec.shape) for spec in signature.outputs)
    return Description(pipeline.config.name, pipeline.version, inputs, outputs)


def _describe(servable: Servable, specs: Iterable[TensorSpec]) -> tuple[TensorDescription, ...]:
    return tuple(TensorDescription(spec, servable.client_shape(spec)) for spec in specs)
