"""What a run tells: each status first, and then, once, the events that follow from it."""

from collections.abc import Iterator
from contextlib import contextmanager

from batchwright_operator.cluster.port import Cluster
from batchwright_operator.controller import admission, recollection
from batchwright_operator.controller.memory import Memory
from batchwright_operator.controller.resolution import Resolution
from batchwright_operator.reconcile.outcome import Event


class Teller:
    """Writes statuses, remembers what they hold, and records events.

    A write that fails may still have been carried out: what it was about is in doubt, and is written by
    the next run whatever that finds.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def tell(self, resolved: Resolution, memory: Memory, now: float) -> tuple[Event, ...]:
        """All that is new; gives the events. Raises ClusterError."""
        server = resolved.look.server
        if resolved.status != memory.status or _is_edited(resolved, memory) or memory.is_in_doubt(""):
            with _doubting(memory, ""):
                await self._cluster.write_status(server, resolved.status)
        recollection.remember(memory, resolved)
        for event in resolved.events:
            await self._cluster.record_event(server, event)
        return (*resolved.events, *await self._tell_pipelines(resolved, memory, now))

    async def _tell_pipelines(
        self, resolved: Resolution, memory: Memory, now: float
    ) -> tuple[Event, ...]:
        server = resolved.look.server
        statuses = admission.build_statuses(memory, resolved.look, now=now)
        for name in memory.pipelines.keys() - statuses.keys():
            await self._cluster.write_pipeline_status(server.key, name, None)
            memory.forget_pipeline(name)
        events = admission.events(memory, resolved.look, statuses, now=now)
        for name, status in statuses.items():
            if status != memory.pipelines.get(name) or memory.is_in_doubt(name):
                with _doubting(memory, name):
                    await self._cluster.write_pipeline_status(server.key, name, status)
                memory.pipelines[name] = status
                for event in events[name]:
                    await self._cluster.record_event(server, event)
        return tuple(event for found in events.values() for event in found)


@contextmanager
def _doubting(memory: Memory, name: str) -> Iterator[None]:
    """Around the write of a status: in doubt if it fails."""
    memory.in_doubt.add(name)
    yield
    memory.in_doubt.discard(name)


def _is_edited(resolved: Resolution, memory: Memory) -> bool:
    """Whether the object was edited since the last run; others may have written its status meanwhile."""
    generation = resolved.look.server.metadata.generation
    return memory.wanted is None or memory.wanted.generation != generation
