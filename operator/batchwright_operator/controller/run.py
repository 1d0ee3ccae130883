"""The controller: one run brings one object closer to what is wanted and says how far it is."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from batchwright_operator.cluster.port import Cluster
from batchwright_operator.controller import (
    cadence,
    delivery,
    recollection,
    resolution,
    targets,
    tuning,
)
from batchwright_operator.controller.memory import Memory
from batchwright_operator.controller.pacing import Pacer
from batchwright_operator.controller.resolution import Resolution, Scene
from batchwright_operator.controller.telling import Teller
from batchwright_operator.controller.upkeep import Upkeep
from batchwright_operator.pods.client import PodClient, Target
from batchwright_operator.reconcile import outcome, pipelinestatus
from batchwright_operator.reconcile.observed import Observed, Reports
from batchwright_operator.render.revisions.registry import REVISIONS
from batchwright_operator.render.settings import Settings
from batchwright_operator.render.template import Revisions
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.status import ModelServerStatus, PipelineStatus


@dataclass(frozen=True)
class Run:
    """What one run saw, decided and wrote; `next_in` seconds the next one is due."""

    server: ModelServer
    at: float  # Unix time, seconds
    observed: Observed
    reports: Reports
    tuned: tuple[tuning.Tuned, ...]
    status: ModelServerStatus
    events: tuple[outcome.Event, ...]
    next_in: float


class Controller:
    """Runs over any number of objects, for each of them one after the other.

    `clock` gives Unix time in seconds. The policy's state is written before the document that follows
    from it is sent to any pod, so that a new controller finds either both or a state whose document it
    only has to send. A run that raises (ClusterError) is simply run again.
    """

    def __init__(
        self,
        cluster: Cluster,
        pods: PodClient,
        *,
        clock: Callable[[], float] = time.time,
        revisions: Revisions = REVISIONS,
    ) -> None:
        self._cluster = cluster
        self._teller = Teller(cluster)
        self._pods = pods
        self._clock = clock
        self._revisions = revisions
        self._pacer = Pacer(clock(), revisions)
        self._memories: dict[ObjectKey, Memory] = {}

    async def run(self, server: ModelServer, settings: Settings) -> Run:
        """One run: observe, decide, render, tell, apply. Raises ClusterError."""
        now = self._clock()
        observed = await self._cluster.observe(server)
        found = await targets.find_targets(self._cluster, server, settings, observed)
        reports = await self._read_pods(found)
        scene = Scene(server, settings, observed, reports, now, self._revisions)
        memory = await self._recall(scene)
        template = self._pacer.choose(server, settings, observed, now=now)
        resolved = resolution.resolve(scene, memory, template)
        events = await self._teller.tell(resolved, memory, now)
        has_news = await self._apply(scene, resolved, memory, found)
        due = cadence.next_seconds(resolved.look, memory, now=now)
        return Run(
            server=server,
            at=now,
            observed=observed,
            reports=scene.reports,
            tuned=resolved.tuned,
            status=resolved.status,
            events=events,
            next_in=min(due, cadence.SOON_SECONDS) if has_news else due,
        )

    async def stop(self, key: ObjectKey) -> None:
        """Say in its status that an object's pods were ended, and drop what is remembered of it."""
        memory = self._memories.get(key)
        self.forget(key)
        if memory is not None:
            status = outcome.stopped(memory.status, now=self._clock())
            await self._cluster.write_status(memory.server, status)
            for name, one in memory.pipelines.items():
                ended = pipelinestatus.stopped(one, now=self._clock())
                await self._cluster.write_pipeline_status(key, name, ended)

    def forget(self, key: ObjectKey) -> None:
        """Drop what is remembered of an object that is gone."""
        self._memories.pop(key, None)
        self._pacer.forget(key)

    async def _read_pods(self, found: Mapping[str, Target]) -> Reports:
        answers = await asyncio.gather(*(self._pods.read(target) for target in found.values()))
        return dict(zip(found, answers, strict=True))

    async def _recall(self, scene: Scene) -> Memory:
        memory = self._memories.get(scene.server.key)
        if memory is not None and memory.server.metadata.uid != scene.server.metadata.uid:
            self.forget(scene.server.key)  # another of the same name
            memory = None
        if memory is None:
            status = await self._cluster.read_status(scene.server.key) or ModelServerStatus()
            memory = recollection.recollect(scene, status)
            memory.pipelines = await self._read_pipelines(scene.server)
            self._memories[scene.server.key] = memory
        memory.server = scene.server
        memory.forget_models(scene.server)
        return memory

    async def _read_pipelines(self, server: ModelServer) -> dict[str, PipelineStatus]:
        """What was told of its Pipelines, so that it is not told again."""
        read = self._cluster.read_pipeline_status
        found = [(item.name, await read(server.key, item.name)) for item in server.pipelines]
        return {name: status for name, status in found if status is not None}

    async def _apply(
        self, scene: Scene, resolved: Resolution, memory: Memory, found: Mapping[str, Target]
    ) -> bool:
        """Commit, keep the objects, send the document; whether there is anything new to tell."""
        step, bundle = resolved.step, resolved.bundle
        upkeep = Upkeep(
            self._cluster, scene.server, scene.observed, memory.faults, memory.known_good, scene.now
        )
        memory.course = replace(step.course, sent=memory.course.sent)
        faults = {}
        if step.commit is not None:
            fault = await delivery.commit(upkeep, bundle, step.commit)
            if fault is None:
                memory.course = memory.course.committing(step.commit, step.unheard)
            else:
                faults[fault.key] = fault
        is_kept = step.commit is None and resolved.look.is_committed
        faults.update(
            await replace(upkeep, faults={**memory.faults, **faults}).keep(
                bundle, with_config_map=is_kept
            )
        )
        memory.course = await delivery.send(self._pods, found, step, memory.course, now=scene.now)
        has_news = faults.keys() != memory.faults.keys() or bool(step.to) or step.commit is not None
        memory.faults = faults
        return has_news
