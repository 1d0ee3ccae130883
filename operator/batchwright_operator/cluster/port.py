"""What the controller needs of a cluster. What fails is told by the errors of `cluster/errors.py`."""

from typing import Protocol

from batchwright_operator.reconcile.observed import Observed
from batchwright_operator.reconcile.outcome import Event
from batchwright_operator.render import names
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.status import ModelServerStatus, PipelineStatus


class Cluster(Protocol):
    """Objects and pods of ModelServers, read and written."""

    async def observe(self, server: ModelServer) -> Observed:
        """What exists for the object."""
        ...

    async def apply(self, server: ModelServer, manifest: names.Manifest) -> None:
        """Make one rendered object what the manifest says.

        With a metadata.resourceVersion only if that is still the object's: else Outdated is raised.
        """
        ...

    async def delete(self, server: ModelServer, kind: str, name: str) -> None:
        """Remove one object that was rendered and is no longer wanted; none: nothing to do."""
        ...

    async def read_ca(self, server: ModelServer) -> str | None:
        """The certificates, as PEM text, by which the pods are known; None if there are none."""
        ...

    async def read_status(self, key: ObjectKey) -> ModelServerStatus | None:
        """The status as it was last written; None if there is none that can be read."""
        ...

    async def read_pipeline_status(self, key: ObjectKey, name: str) -> PipelineStatus | None:
        """The same of the Pipeline `name` of the ModelServer `key`."""
        ...

    async def write_status(self, server: ModelServer, status: ModelServerStatus) -> None:
        """Keep the status, if metadata.resource_version, where given, is still the object's."""
        ...

    async def write_pipeline_status(
        self, key: ObjectKey, name: str, status: PipelineStatus | None
    ) -> None:
        """Keep the status of the Pipeline `name` of the ModelServer `key`; None: it is gone."""
        ...

    async def record_event(self, server: ModelServer, event: Event) -> None:
        """Tell the user that something happened to the object, or to its Pipeline `event.pipeline`."""
        ...
