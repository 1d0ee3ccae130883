"""What the models offer to a pipeline's nodes, now or once a configuration takes over."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from batchwright_server.config.batching import Batching
from batchwright_server.core.dag.graph import Graph, Node
from batchwright_server.core.dag.interfaces import Interface, Interfaces, Missing, TensorType
from batchwright_server.core.tensors import Signature, TensorSpec
from batchwright_server.runtime import settled_batching
from batchwright_server.runtime.model_loading import PreparedModel
from batchwright_server.runtime.ports import Version
from batchwright_server.runtime.registry import Model


@dataclass(frozen=True)
class Offer:
    """The versions of one model that can be called; without any, `reason` says why."""

    versions: Mapping[Version, Interface]
    reason: str = ""


def offer_of(model: Model) -> Offer:
    """What a model of the registry offers now."""
    versions = {
        version: _interface(served.signature, served.config.effective_batching)
        for version, served in model.versions.items()
    }
    return Offer(versions, "" if versions else model.reason)


def offer_after(prepared: PreparedModel, current: Model | None) -> Offer:
    """What a model will offer when what was prepared takes over."""
    served = dict(prepared.loaded)
    if current is not None:
        served |= {version: current.versions[version] for version in prepared.kept}
    batching = prepared.config.effective_batching
    return Offer({version: _interface(one.signature, batching) for version, one in served.items()})


def find_interfaces(graph: Graph, offers: Mapping[str, Offer]) -> Interfaces:
    """What each node of `graph` finds where it looks for its model."""
    return {node.name: _find(node, offers) for node in graph.nodes}


def _find(node: Node, offers: Mapping[str, Offer]) -> Interface | Missing:
    offer = offers.get(node.model)
    if offer is None:
        return Missing(f"model {node.model!r} does not exist; there are {sorted(offers)}")
    if not offer.versions:
        return Missing(f"model {node.model!r} is not available: {offer.reason}")
    version = Version(node.version or max(offer.versions))
    if version not in offer.versions:
        known = sorted(offer.versions)
        return Missing(f"version {version} of model {node.model!r} is not served; there are {known}")
    return offer.versions[version]


def _interface(signature: Signature, batching: Batching) -> Interface:
    batch = settled_batching.batch_dimension(batching, signature)
    return Interface(_types(signature.inputs, batch), _types(signature.outputs, batch))


def _types(specs: Iterable[TensorSpec], batch: int) -> dict[str, TensorType]:
    return {spec.name: TensorType(spec.dtype, spec.to_client(spec.with_batch(batch))) for spec in specs}
