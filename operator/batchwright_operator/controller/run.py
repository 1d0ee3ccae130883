"""The controller: one run brings one object closer to what is wanted and says how far it is."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from batchwright_operator.cluster.port import Cluster
from batchwright_operator.controller import admission, cadence, modelstatus, refusal, tidings, tuning
from batchwright_operator.controller.memory import Applied, Memory
from batchwright_operator.pods.client import PodClient, Target
from batchwright_operator.reconcile import actions, applied, judgement, outcome, pipelinestatus
from batchwright_operator.reconcile.observed import Observed, Phase, Reports
from batchwright_operator.render.bundle import Bundle, render_bundle
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.status import ModelServerStatus


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
    """Runs over any number of objects. `clock` gives Unix time in seconds.

    The policy's state is written before the document that follows from it, so that a new controller
    finds either both or a state whose document it only has to write.
    """

    def __init__(
        self, cluster: Cluster, pods: PodClient, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._cluster = cluster
        self._pods = pods
        self._clock = clock
        self._memories: dict[ObjectKey, Memory] = {}

    async def run(self, server: ModelServer, settings: Settings) -> Run:
        """One run: observe, decide, render, apply, tell."""
        now = self._clock()
        observed = await self._cluster.observe(server)
        memory = await self._recall(server, observed, now)
        reports = await self._read_pods(observed)
        admitted = admission.admit(server, memory, (observed, reports))
        tuned, events = self._decide(server, memory, (observed, reports), now)
        wanted = render_bundle(admitted, settings, {item.model.name: item.plan for item in tuned})
        look = _look(server, (observed, reports), wanted, tuned)
        status = _status(look, tuned, memory, now)
        events += _other_events(memory, look, status, now)
        await self._write_status(server, memory, status)
        events += await self._judge_pipelines(memory, look, now)
        await self._apply(server, actions.plan_actions(wanted, observed, reports))
        await self._tell(server, events)
        _remember(memory, look, tuned, (wanted, admitted))
        return Run(
            server=server,
            at=now,
            observed=observed,
            reports=reports,
            tuned=tuned,
            status=status,
            events=events,
            next_in=_next_in(look),
        )

    async def stop(self, key: ObjectKey) -> None:
        """Say in its status that an object's pods were ended, and drop what is remembered of it."""
        memory = self._memories.pop(key, None)
        if memory is not None:
            status = outcome.stopped(memory.status, now=self._clock())
            await self._cluster.write_status(memory.server, status)
            for name, one in memory.pipelines.items():
                ended = pipelinestatus.stopped(one, now=self._clock())
                await self._cluster.write_pipeline_status(key, name, ended)

    async def _recall(self, server: ModelServer, observed: Observed, now: float) -> Memory:
        memory = self._memories.get(server.key)
        if memory is None:
            status = await self._cluster.read_status(server.key) or ModelServerStatus()
            memory = Memory(server, status=status, observed=observed)
            memory.states = tuning.adopt(server, status, observed, now=now)
            self._memories[server.key] = memory
        memory.server = server
        memory.forget_models(server)
        return memory

    async def _read_pods(self, observed: Observed) -> Reports:
        running = [pod for pod in observed.current_pods if pod.phase is Phase.RUNNING]
        answers = await asyncio.gather(*(self._pods.read(Target(pod.address)) for pod in running))
        return dict(zip((pod.name for pod in running), answers, strict=True))

    def _decide(
        self, server: ModelServer, memory: Memory, seen: tuple[Observed, Reports], now: float
    ) -> tuple[tuple[tuning.Tuned, ...], tuple[outcome.Event, ...]]:
        events: list[outcome.Event] = []
        why = refusal.refused_by(memory, *seen)
        if why:
            for state, event in refusal.withdraw(server, memory, why, now=now):
                memory.states[event.model] = state
                events.append(event)
        tuned = tuning.tune(server, memory, seen, now=now)
        events += tidings.decision_events(tuned, memory.decisions, now=now)
        return tuned, tuple(events)

    async def _write_status(
        self, server: ModelServer, memory: Memory, status: ModelServerStatus
    ) -> None:
        if status != memory.status:
            await self._cluster.write_status(server, status)
            memory.status = status

    async def _judge_pipelines(
        self, memory: Memory, look: judgement.Look, now: float
    ) -> tuple[outcome.Event, ...]:
        statuses = admission.build_statuses(memory, look, now=now)
        events = tuple(admission.events(memory, look, statuses, now=now))
        key, before = look.server.key, memory.pipelines
        for name in before.keys() - statuses.keys():
            await self._cluster.write_pipeline_status(key, name, None)
        for name, status in statuses.items():
            if status != before.get(name):
                await self._cluster.write_pipeline_status(key, name, status)
        memory.pipelines = statuses
        return events

    async def _apply(self, server: ModelServer, planned: tuple[actions.Action, ...]) -> None:
        for action in planned:
            match action:
                case actions.ApplyManifest(manifest):
                    await self._cluster.apply(server, manifest)
                case actions.RefreshPods():
                    continue
                case actions.ReloadPods(pods):
                    await asyncio.gather(*(self._pods.reload(Target(pod.address)) for pod in pods))

    async def _tell(self, server: ModelServer, events: tuple[outcome.Event, ...]) -> None:
        for event in events:
            await self._cluster.record_event(server, event)


def _look(
    server: ModelServer,
    seen: tuple[Observed, Reports],
    wanted: Bundle,
    tuned: tuple[tuning.Tuned, ...],
) -> judgement.Look:
    observed, reports = seen
    return judgement.Look(
        server=server,
        observed=observed,
        reports=reports,
        applied=applied.observe_applied(observed, reports, wanted.config_hash),
        unsettled=tuple(modelstatus.unsettled(tuned, reports)),
    )


def _status(
    look: judgement.Look, tuned: tuple[tuning.Tuned, ...], memory: Memory, now: float
) -> ModelServerStatus:
    models = [modelstatus.to_model_status(item, look.reports, memory.status, now=now) for item in tuned]
    return outcome.build_status(look, models, memory.status, now=now)


def _other_events(
    memory: Memory, look: judgement.Look, status: ModelServerStatus, now: float
) -> tuple[outcome.Event, ...]:
    return (
        *outcome.restart_events(memory.observed, look.observed, now=now),
        *outcome.condition_events(memory.status, status, now=now),
    )


def _remember(
    memory: Memory,
    look: judgement.Look,
    tuned: tuple[tuning.Tuned, ...],
    wanted: tuple[Bundle, ModelServer],
) -> None:
    bundle, admitted = wanted
    memory.observed = look.observed
    memory.states = {item.model.name: item.state for item in tuned if item.state is not None}
    memory.decisions = {item.model.name: item.decision for item in tuned if item.decision is not None}
    memory.wanted = Applied(
        config_hash=bundle.config_hash,
        generation=look.server.metadata.generation,
        plans={item.model.name: item.plan for item in tuned},
        pipelines=admitted.pipelines,
    )
    if look.applied.is_everywhere:
        memory.good = memory.wanted


def _next_in(look: judgement.Look) -> float:
    tick = cadence.tick_seconds(look.server)
    is_calm = look.applied.is_everywhere and look.ready_pods >= look.server.spec.replicas
    return tick if is_calm and not look.unsettled else min(tick, cadence.SOON_SECONDS)
