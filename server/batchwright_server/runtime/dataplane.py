"""What clients ask for, free of any protocol: predict, describe, report status."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from batchwright_server import errors
from batchwright_server.core import validation
from batchwright_server.core.tensors import Tensor, Tensors, TensorSpec
from batchwright_server.runtime import meters, reload_queue
from batchwright_server.runtime.ports import Version
from batchwright_server.runtime.registry import Registry
from batchwright_server.runtime.servable import Servable, State

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


class DataPlane:
    """Answers every protocol's calls from the registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def predict(self, call: PredictCall) -> Prediction:
        """The model's outputs for the call's inputs. Raises ServerError."""
        while True:
            servable = self._registry.find(call.model, call.version)
            try:
                return Prediction(call.model, servable.version, await self._meter(servable, call))
            except reload_queue.Retired:
                continue  # replaced while the request waited: its successor takes it

    async def _meter(self, servable: Servable, call: PredictCall) -> dict[str, Tensor]:
        began = time.perf_counter()
        code = "CANCELLED"
        servable.meter.enter()
        try:
            outputs = await self._predict(servable, call)
            code = "OK"
            return outputs  # noqa: TRY300  nothing follows but counting
        except errors.ServerError as error:
            code = error.kind.value
            raise
        finally:
            labels = meters.RequestLabels(call.protocol.value, "Predict", code)
            servable.meter.leave(labels, time.perf_counter() - began)

    def describe(self, model: str, version: int) -> Description:
        """The model's inputs and outputs as a client sees them. Raises ServerError."""
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
        """The versions of every model."""
        return {name: self.report_status(name) for name in self._registry.models}

    async def _predict(self, servable: Servable, call: PredictCall) -> dict[str, Tensor]:
        validation.check_output_filter(servable.signature, call.output_filter)
        outputs = await servable.infer(call.inputs, call.deadline)
        if not call.output_filter:
            return outputs
        return {name: outputs[name] for name in call.output_filter}


def _describe(servable: Servable, specs: Iterable[TensorSpec]) -> tuple[TensorDescription, ...]:
    return tuple(TensorDescription(spec, servable.client_shape(spec)) for spec in specs)
