"""The models of the registry, as a pipeline's nodes call them."""

from batchwright_server.core.dag.graph import Node
from batchwright_server.core.tensors import Tensor, Tensors
from batchwright_server.runtime import metering, reload_queue
from batchwright_server.runtime.registry import Registry

PROTOCOL = "pipeline"  # by which the models' own metrics tell these requests from clients'


class ServedModels:
    """Calls models as clients do: same checks, same queues, same counters."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def infer(self, node: Node, inputs: Tensors, deadline: float) -> dict[str, Tensor]:
        """The outputs of the node's model. Raises ServerError."""
        while True:
            servable = self._registry.find(node.model, node.version)
            try:
                with metering.metered(servable.meter, PROTOCOL):
                    return await servable.infer(inputs, deadline)
            except reload_queue.Retired:
                continue  # replaced while the call waited: its successor takes it
