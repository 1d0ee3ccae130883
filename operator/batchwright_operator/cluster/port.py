"""What the controller needs of a cluster."""

from typing import Protocol

from batchwright_operator.reconcile.observed import Observed
from batchwright_operator.reconcile.outcome import Event
from batchwright_operator.render import names
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.status import ModelServerStatus, PipelineStatus


class Cluster(Protocol):
    """Objects and pods of ModelServers, read and written."""

    async def observe(self, key: ObjectKey) -> Observed:
        """What exists for the object."""
        ...

    async def apply(self, key: ObjectKey, manifest: names.Manifest) -> None:
        """Make one rendered object what the manifest says."""
        ...

    async def refresh_pods(self, key: ObjectKey, pods: tuple[str, ...], config_hash: str) -> None:
        """Have the pods' volumes carry the document of that hash as soon as can be."""
        ...

    async def read_status(self, key: ObjectKey) -> ModelServerStatus | None:
        """The status as it was last written; None if there is none that can be read."""
        ...

    async def write_status(self, key: ObjectKey, status: ModelServerStatus) -> None:
        """Keep the status."""
        ...

    async def write_pipeline_status(
        self, key: ObjectKey, name: str, status: PipelineStatus | None
    ) -> None:
        """Keep the status of the Pipeline `name` of the object; None: it is gone."""
        ...

    async def record_event(self, key: ObjectKey, event: Event) -> None:
        """Tell the user that something happened."""
        ...
