"""The objects of a ModelServer, made and kept as rendered; what stands against one stops no other."""

from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, replace

from batchwright_operator.cluster.errors import NotOurs, Refused
from batchwright_operator.cluster.port import Cluster
from batchwright_operator.reconcile.drift import has_drifted
from batchwright_operator.reconcile.faults import Fault, Faults
from batchwright_operator.reconcile.observed import Observed
from batchwright_operator.render import names
from batchwright_operator.render.bundle import Bundle, rendered_hash
from batchwright_operator.resources.modelserver import ModelServer

RETRY_SECONDS = 60.0  # between two attempts at what was refused, while nothing else is wanted
FOREIGN_SECONDS = 10.0  # at a name that somebody else's object has: nobody tells that it is free
_FOREIGN = "ObjectNotOwned"
_DECIDING = frozenset({"ConfigMap", "Deployment"})  # written only over what was decided on


@dataclass(frozen=True)
class Upkeep:
    """One run's work on the objects of one ModelServer; `faults` are those of the runs before.

    `known_good` is for the run to keep: of each object the rendering and the version that agreed.
    """

    cluster: Cluster
    server: ModelServer
    observed: Observed
    faults: Faults
    known_good: dict[tuple[str, str], tuple[str, str]]
    now: float

    async def keep(self, wanted: Bundle, *, with_config_map: bool) -> Faults:
        """Write what has drifted and remove what is unwanted; gives what stands against it.

        Without `with_config_map` that one is passed over: it is not yet, or just, written.
        """
        faults = {}
        for manifest in wanted.manifests:
            if manifest["kind"] == "ConfigMap" and not with_config_map:
                continue
            if manifest["kind"] == "Deployment" and not self._has_config_map():
                continue  # pods would start from a document that is not there, or is not ours
            fault = await self._keep(manifest)
            if fault is not None:
                faults[fault.key] = fault
        for key in self._unwanted(wanted):
            fault = await self._attempt(key, "", self.cluster.delete(self.server, *key))
            if fault is not None:
                faults[key] = fault
        return faults

    @property
    def _generation(self) -> int:
        return self.server.metadata.generation

    def _has_config_map(self) -> bool:
        key = ("ConfigMap", names.config_map_name(self.server))
        return key not in self.faults or self.observed.config_map is not None

    def _unwanted(self, wanted: Bundle) -> Iterator[tuple[str, str]]:
        return (key for key in wanted.unwanted if self.observed.find(*key) is not None)

    async def _keep(self, manifest: names.Manifest) -> Fault | None:
        key = manifest["kind"], manifest["metadata"]["name"]
        found = self.observed.find(*key) or manifest
        version = found["metadata"].get("resourceVersion", "")
        mark = rendered_hash(manifest) or "", version
        if version and self.known_good.get(key) == mark:
            return None
        if has_drifted(manifest, self.observed):
            return await self.write(manifest)
        self.known_good[key] = mark
        return None

    async def write(self, manifest: names.Manifest) -> Fault | None:
        """Write one object, over the one that was observed; gives what stands against it.

        What was refused a moment ago is not tried again. Raises Outdated and Unavailable as the port.
        """
        key = manifest["kind"], manifest["metadata"]["name"]
        rendered = rendered_hash(manifest) or ""
        old = self.faults.get(key)
        is_same = old is not None and old.rendered_hash == rendered
        if old is not None and is_same and 0 <= self.now - old.at < _pause_after(old):
            return replace(old, generation=self._generation)
        applying = self.cluster.apply(self.server, self._over_observed(manifest))
        return await self._attempt(key, rendered, applying)

    async def _attempt(
        self, key: tuple[str, str], rendered: str, doing: Awaitable[None]
    ) -> Fault | None:
        kind, name = key
        try:
            await doing
        except NotOurs as error:
            return Fault(kind, name, _FOREIGN, str(error), rendered, self.now, self._generation)
        except Refused as error:
            message = f"{kind} {name}: {error}"
            return Fault(kind, name, "ApplyRefused", message, rendered, self.now, self._generation)
        return None

    def _over_observed(self, manifest: names.Manifest) -> names.Manifest:
        found = self.observed.find(manifest["kind"], manifest["metadata"]["name"])
        version = found["metadata"].get("resourceVersion") if found is not None else None
        if manifest["kind"] not in _DECIDING or version is None:
            return manifest
        return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": version}}


def _pause_after(fault: Fault) -> float:
    return FOREIGN_SECONDS if fault.reason == _FOREIGN else RETRY_SECONDS
