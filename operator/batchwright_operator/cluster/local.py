"""A cluster of one node without Kubernetes: pods are processes, objects are files.

Everything of an object is in one folder: `config/` (its ConfigMap), `pods/` (their output),
`status.json` and `events.jsonl`.
"""

import asyncio
from pathlib import Path

from batchwright_operator.cluster import journal, projection
from batchwright_operator.cluster.errors import Outdated
from batchwright_operator.cluster.fleet import Fleet
from batchwright_operator.cluster.localpod import ENTRY_POINT
from batchwright_operator.cluster.template import parse_template
from batchwright_operator.reconcile.observed import Observed
from batchwright_operator.reconcile.outcome import Event
from batchwright_operator.render import names
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.status import ModelServerStatus, PipelineStatus

# What every server gets to finish its last requests when all of them are ended together.
CLOSE_SECONDS = 8.0

_Name = tuple[str, str]  # an object's kind and name


def config_directory(state: Path, name: str) -> Path:
    """Where the ConfigMap of the object `name` is projected: the pods' config mount."""
    return state / name / "config"


def calibration_directory(state: Path, name: str) -> Path:
    """Where the pods of the object `name` keep what they measured, as on a volume of their node."""
    return state / name / "calibration"


def fetched_directory(state: Path) -> Path:
    """Where the files of models by uri are, of all objects: what they share is fetched once."""
    return state / ".fetched"  # no object's folder: their names begin with a letter


def pods_directory(state: Path, name: str) -> Path:
    """Where the output of the pods of the object `name` is kept."""
    return state / name / "pods"


def pipeline_status_file(state: Path, server: str, name: str) -> Path:
    """Where the status of the Pipeline `name` over the object `server` is."""
    return state / server / "pipelines" / f"{name}.json"


class LocalCluster:
    """All objects of one state directory. Must be closed."""

    def __init__(self, state: Path, *, entry_point: tuple[str, ...] = ENTRY_POINT) -> None:
        self._state = state
        self._entry_point = entry_point
        self._objects: dict[ObjectKey, dict[_Name, names.Manifest]] = {}
        self._fleets: dict[ObjectKey, Fleet] = {}
        self._version = 0  # of the object written last

    async def observe(self, server: ModelServer) -> Observed:
        """What exists for the object; after a restart, the document of the run before."""
        fleet = self._fleets.get(server.key)
        objects = tuple(self._objects.get(server.key, {}).values())
        if not any(item["kind"] == "ConfigMap" for item in objects):
            objects += self._kept_config_map(server)
        return Observed(objects, fleet.pods if fleet is not None else ())

    async def apply(self, server: ModelServer, manifest: names.Manifest) -> None:
        """Make one object what the manifest says; Outdated if it is not of the version named there."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        objects = self._objects.setdefault(server.key, {})
        _check_version(objects.get((kind, name)), manifest)
        if kind == "ConfigMap":
            projection.apply_projection(config_directory(self._state, server.name), manifest["data"])
        elif kind == "Deployment":
            self._fleet(server.key).apply(parse_template(manifest), manifest["spec"]["replicas"])
        # All else needs nothing here: the pods share a port on one address, and nobody drains the node.
        self._version += 1
        version = {"resourceVersion": str(self._version)}
        objects[kind, name] = {**manifest, "metadata": {**manifest["metadata"], **version}}

    async def delete(self, server: ModelServer, kind: str, name: str) -> None:
        """Forget one object; neither the ConfigMap nor the Deployment is ever unwanted."""
        self._objects.get(server.key, {}).pop((kind, name), None)

    async def read_ca(self, server: ModelServer) -> str | None:
        """None: there are no ConfigMaps but those of the objects."""
        return None

    async def read_status(self, key: ObjectKey) -> ModelServerStatus | None:
        """The status as it was last written, by this run or one before."""
        return journal.load_status(self._state / key.name / "status.json")

    async def read_pipeline_status(self, key: ObjectKey, name: str) -> PipelineStatus | None:
        """The same of a Pipeline."""
        return journal.load_pipeline_status(pipeline_status_file(self._state, key.name, name))

    async def write_status(self, server: ModelServer, status: ModelServerStatus) -> None:
        """Write the object's `status.json`."""
        journal.apply_status(self._state / server.name / "status.json", server.key, status)

    async def write_pipeline_status(
        self, key: ObjectKey, name: str, status: PipelineStatus | None
    ) -> None:
        """Write `pipelines/<name>.json` in the object's folder, or remove it."""
        path = pipeline_status_file(self._state, key.name, name)
        journal.apply_pipeline_status(path, ObjectKey(key.namespace, name), status)

    async def record_event(self, server: ModelServer, event: Event) -> None:
        """Add a line to the object's `events.jsonl`."""
        journal.append_event(self._state / server.name / "events.jsonl", event)

    async def remove(self, key: ObjectKey) -> None:
        """End the object's pods; its files stay."""
        self._objects.pop(key, None)
        if key in self._fleets:
            await self._fleets[key].close(grace_seconds=CLOSE_SECONDS)
            self._fleets.pop(key, None)  # only now: what is interrupted is closed with the others

    async def close(self) -> None:
        """End every pod: asked first, killed if it takes too long."""
        fleets = [fleet.close(grace_seconds=CLOSE_SECONDS) for fleet in self._fleets.values()]
        await asyncio.gather(*fleets)
        self._fleets.clear()

    def kill(self) -> None:
        """End every pod now."""
        for fleet in self._fleets.values():
            fleet.kill()

    def _fleet(self, key: ObjectKey) -> Fleet:
        if key not in self._fleets:
            directory = pods_directory(self._state, key.name)
            self._fleets[key] = Fleet(key.name, directory, entry_point=self._entry_point)
        return self._fleets[key]

    def _kept_config_map(self, server: ModelServer) -> tuple[names.Manifest, ...]:
        data = projection.load_projection(config_directory(self._state, server.name))
        if data is None:
            return ()
        metadata = {"name": names.config_map_name(server)}
        return ({"kind": "ConfigMap", "metadata": metadata, "data": data},)


def _check_version(existing: names.Manifest | None, manifest: names.Manifest) -> None:
    expected = manifest["metadata"].get("resourceVersion")
    if expected is not None and existing is not None:
        found = existing["metadata"]["resourceVersion"]
        if found != expected:
            raise Outdated(f"{manifest['kind']}: expected version {expected}, found {found}")
