"""One pipeline of the document in force: ready to serve, or with the reason why not."""

from collections.abc import Mapping

from batchwright_server import errors
from batchwright_server.config.pipelines import PipelineConfig
from batchwright_server.core.dag import blueprint, graph, requests
from batchwright_server.core.dag.blueprint import Blueprint
from batchwright_server.core.dag.interfaces import Interfaces, TensorType
from batchwright_server.core.tensors import Signature, Tensor, Tensors, TensorSpec
from batchwright_server.runtime import ports
from batchwright_server.runtime.meters import ModelMeters
from batchwright_server.runtime.pipelines.execution import Execution

VERSION = 1  # pipelines have no versions; clients that ask are told this one, as by OVMS


class Pipeline:
    """Serves a graph over models; what is known of these comes in whenever they change."""

    def __init__(self, config: PipelineConfig, clock: ports.Clock) -> None:
        self.config = config
        self.graph = graph.from_config(config)
        self.version = VERSION
        self.meter = ModelMeters(clock)
        self.fault = "it is loading"  # why it does not serve; empty if it does
        self._blueprint: Blueprint | None = None

    @property
    def signature(self) -> Signature:
        """The pipeline's inputs and outputs as clients see them. Raises PipelineUnavailable."""
        ready = self._ready()
        return Signature(_specs(ready.inputs), _specs(ready.outputs))

    def fit(self, interfaces: Interfaces) -> None:
        """Serve over models with these interfaces from now on, or be at fault."""
        try:
            self._blueprint, self.fault = blueprint.draw(self.graph, interfaces), ""
        except blueprint.InvalidGraph as error:
            self._blueprint, self.fault = None, str(error)

    def refuse(self, reason: str) -> None:
        """Be at fault, whatever the models are."""
        self._blueprint, self.fault = None, reason

    async def infer(self, execution: Execution, inputs: Tensors, deadline: float) -> dict[str, Tensor]:
        """The outputs for `inputs`. Raises ServerError."""
        ready = self._ready()
        requests.check_request(ready, inputs)
        outputs = await execution.run(ready, inputs, deadline)
        self.meter.succeed(requests.samples_in(inputs))
        return outputs

    def _ready(self) -> Blueprint:
        if self._blueprint is None:
            raise errors.PipelineUnavailable(self.config.name, self.fault)
        return self._blueprint


def _specs(types: Mapping[str, TensorType]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(name, known.dtype, known.shape, batched=False) for name, known in types.items()
    )
