"""One run for one key: from the store to the controller, and what its end means for the queue."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from batchwright_operator.cluster.errors import ClusterError, Outdated, Unavailable
from batchwright_operator.cluster.port import Cluster
from batchwright_operator.controller.run import Run
from batchwright_operator.manager import invalid, logs
from batchwright_operator.manager.metrics import Metrics
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.attachment import attach
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.objects import InvalidObject, read_object
from batchwright_operator.resources.pipeline import Pipeline
from batchwright_operator.workqueue.workers import Again, Failed, Gone, Outcome

_log = logging.getLogger(__name__)
REFUSED_SECONDS = 300.0
"""Until what the API server refused is tried again by itself; an edit of the object is tried at once."""

Raw = Mapping[str, Any]


class Runner(Protocol):
    """The controller."""

    async def run(self, server: ModelServer, settings: Settings) -> Run:
        """One run."""
        ...

    def forget(self, key: ObjectKey) -> None:
        """Drop what is remembered of an object."""
        ...


class Objects(Protocol):
    """The part of the store that is needed."""

    def model_server(self, key: ObjectKey) -> dict[str, Any] | None:
        """The ModelServer of that name."""
        ...

    def pipelines_of(self, key: ObjectKey) -> tuple[dict[str, Any], ...]:
        """The Pipelines that refer to a ModelServer."""
        ...


@dataclass(frozen=True)
class Parts:
    """What runs are made of. `settings` is asked at each run, since keys change."""

    store: Objects
    cluster: Cluster
    controller: Runner
    metrics: Metrics
    settings: Callable[[], Settings]


class Worker:
    """Runs keys. `spread` gives the seconds until the next slow resync, other ones each time."""

    def __init__(self, parts: Parts, spread: Callable[[], float]) -> None:
        self._parts = parts
        self._spread = spread
        self._told: dict[ObjectKey, str] = {}  # why runs are tried again, as the log has it

    async def run(self, key: ObjectKey) -> Outcome:
        """One run; what it could not do is told in the log, by metrics and where the user looks."""
        token = logs.current_object.set(str(key))
        begun, result = time.monotonic(), "failed"
        try:
            result, outcome = await self._run(key)
        finally:
            self._parts.metrics.observe_end(result, time.monotonic() - begun)
            logs.current_object.reset(token)
        return outcome

    async def _run(self, key: ObjectKey) -> tuple[str, Outcome]:
        try:
            ended = await self._attempt(key)
        except Outdated as error:
            _log.debug("Decided on what is no longer so: %s", error)
            return "outdated", Failed()
        except Unavailable as error:
            self._tell_once(key, str(error))
            return "unavailable", Failed(error.retry_after_seconds or 0.0)
        except ClusterError as error:
            _log.error("The API server does not take what the run wanted: %s", error)
            ended = "refused", Again(REFUSED_SECONDS)
        self._told.pop(key, None)
        return ended

    async def _attempt(self, key: ObjectKey) -> tuple[str, Outcome]:
        raw = self._parts.store.model_server(key)
        if raw is None:
            return await self._leave(key)
        if raw["metadata"].get("deletionTimestamp"):
            return "deleting", Again(None)  # what it owns goes with it; nothing is to be put back
        try:
            server = read_object(raw)
        except InvalidObject as error:
            return await self._refuse(key, raw, error)
        assert isinstance(server, ModelServer)  # noqa: S101  its kind was asked for
        run = await self._parts.controller.run(await self._with_pipelines(server), self._settings())
        self._parts.metrics.observe_run(run)
        return "done", Again(min(run.next_in, self._spread()))

    def _tell_once(self, key: ObjectKey, why: str) -> None:
        """A warning when a run cannot be done for another reason than the one before."""
        level = logging.DEBUG if self._told.get(key) == why else logging.WARNING
        self._told[key] = why
        _log.log(level, "The run is tried again: %s", why)

    def _settings(self) -> Settings:
        return self._parts.settings()

    async def _with_pipelines(self, server: ModelServer) -> ModelServer:
        pipelines = []
        for raw in self._parts.store.pipelines_of(server.key):
            try:
                pipeline = read_object(raw)
            except InvalidObject as error:
                await self._tell_pipeline(server.key, raw, "InvalidSpec", str(error))
                continue
            if isinstance(pipeline, Pipeline) and not raw["metadata"].get("deletionTimestamp"):
                pipelines.append(pipeline)
        return attach([server, *pipelines]).servers[0]

    async def _refuse(self, key: ObjectKey, raw: Raw, error: InvalidObject) -> tuple[str, Outcome]:
        """Nothing of the object is changed: what it was before goes on to be served."""
        status = invalid.server_status(raw, invalid.invalid_spec(raw, error), now=time.time())
        if status is not None:
            _log.warning("The object is not valid: %s", error)
            await self._parts.cluster.write_status(invalid.bare_server(raw), status)
        self._parts.metrics.show_ready(key, is_ready=False)
        return "invalid", Again(self._spread())

    async def _leave(self, key: ObjectKey) -> tuple[str, Outcome]:
        """There is no such ModelServer: nothing is remembered of it, and its Pipelines are told."""
        self._parts.controller.forget(key)
        self._parts.metrics.forget(key)
        for raw in self._parts.store.pipelines_of(key):
            text = f"spec.modelServerRef.name: there is no ModelServer {key} here"
            await self._tell_pipeline(key, raw, "ModelServerNotFound", text)
        return "gone", Gone()

    async def _tell_pipeline(self, key: ObjectKey, raw: Raw, reason: str, message: str) -> None:
        told = invalid.not_accepted(raw, reason, message)
        status = invalid.pipeline_status(raw, told, now=time.time())
        if status is not None:
            name = raw["metadata"]["name"]
            await self._parts.cluster.write_pipeline_status(key, name, status)
