"""The census, in simulated time, over lists that are written here."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from batchwright_operator.cluster.errors import Refused, Unavailable
from batchwright_operator.cluster.kubernetes.store import Store
from batchwright_operator.handlers.watching import Watch
from batchwright_operator.manager.census import Census, Kind
from batchwright_operator.resources.metadata import ObjectKey
from tests.support.simulated_time import simulate

KINDS = (
    Kind(Watch("ModelServer", "batchwright.dev", "v1alpha1", "modelservers")),
    Kind(Watch("ServiceMonitor", "monitoring.coreos.com", "v1", "servicemonitors"), is_optional=True),
)


def server(name: str, version: int) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "ns", "resourceVersion": str(version), "uid": name}
    return {"kind": "ModelServer", "metadata": metadata}


class Cluster:
    """What the API server has, and a census over it."""

    def __init__(self) -> None:
        self.there: dict[str, list[dict[str, Any]]] = {"ModelServer": [], "ServiceMonitor": []}
        self.version = 100
        self.faults: dict[str, Exception] = {}
        self.counts = 0
        self.store = Store()
        self.told: list[ObjectKey] = []
        self.census = Census(self, self.store, kinds=KINDS, namespaces=(), concerned=self.concern)

    def concern(self, keys: Iterable[ObjectKey]) -> None:
        self.told += keys

    async def list_names(
        self, kind: str, namespace: str, *, selector: str = ""
    ) -> tuple[list[dict[str, Any]], int]:
        self.counts += 1
        if kind in self.faults:
            raise self.faults[kind]
        return self.there[kind], self.version


def tell(story: Callable[[Cluster], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        cluster = Cluster()
        task = asyncio.create_task(cluster.census.run(600.0))
        try:
            await story(cluster)
        finally:
            task.cancel()

    simulate(run())


def test_all_is_here_once_the_watch_brought_what_was_counted() -> None:
    """Not before the last object, in at least the version that was counted."""

    async def story(cluster: Cluster) -> None:
        cluster.there["ModelServer"] = [server("a", 5), server("b", 6)]
        await cluster.census.watches()
        cluster.store.upsert("ModelServer", server("a", 5))
        cluster.store.upsert("ModelServer", server("b", 4))
        await asyncio.sleep(1)
        assert cluster.census.check_synced() != ""
        cluster.store.upsert("ModelServer", server("b", 7))
        await asyncio.sleep(1)
        assert cluster.census.check_synced() == ""

    tell(story)


def test_an_empty_cluster_is_complete() -> None:
    """Nothing need come for the work to begin."""

    async def story(cluster: Cluster) -> None:
        await asyncio.sleep(5)
        assert cluster.census.check_synced() != ""
        await cluster.census.watches()
        await asyncio.sleep(1)
        assert cluster.census.check_synced() == ""

    tell(story)


def test_what_went_while_it_was_counted_is_not_waited_for() -> None:
    """An object that is deleted before the watch begins is counted no more."""

    async def story(cluster: Cluster) -> None:
        cluster.there["ModelServer"] = [server("a", 5)]
        await cluster.census.watches()
        cluster.there["ModelServer"] = []
        await asyncio.sleep(30)
        assert cluster.census.check_synced() == ""

    tell(story)


def test_what_went_while_nobody_watched_is_removed() -> None:
    """A deletion that no watch told of is found by the next count, and its run is asked for."""

    async def story(cluster: Cluster) -> None:
        cluster.store.upsert("ModelServer", server("gone", 5))
        cluster.store.upsert("ModelServer", server("new", 101))  # younger than the count
        await cluster.census.watches()
        assert cluster.store.keys() == (ObjectKey("ns", "new"),)
        assert cluster.told == [ObjectKey("ns", "gone")]

    tell(story)


def test_a_watch_that_begins_anew_is_counted_after() -> None:
    """What went between two watches is found within seconds; other kinds are not counted."""

    async def story(cluster: Cluster) -> None:
        cluster.there["ModelServer"] = [server("a", 5)]
        cluster.store.upsert("ModelServer", server("a", 5))
        await cluster.census.watches()
        await asyncio.sleep(10)
        cluster.there["ModelServer"], cluster.counts = [], 0
        cluster.census.note_list("ModelServer")
        await asyncio.sleep(2)
        assert (cluster.store.keys(), cluster.counts) == ((), 1)

    tell(story)


def test_a_watch_that_brings_nothing_more_is_told() -> None:
    """What was counted and does not come within a minute is a reason to end."""

    async def story(cluster: Cluster) -> None:
        await cluster.census.watches()
        await asyncio.sleep(1)
        cluster.there["ModelServer"] = [server("a", 5)]
        await asyncio.sleep(650)
        assert cluster.census.check() == ""
        await asyncio.sleep(20)
        assert "ModelServer" in cluster.census.check()
        cluster.store.upsert("ModelServer", server("a", 5))
        await asyncio.sleep(1)
        assert cluster.census.check() == ""

    tell(story)


def test_the_watch_waits_for_definitions_and_not_for_optional_ones() -> None:
    """Without ModelServers nothing begins; without ServiceMonitors all else does."""

    async def story(cluster: Cluster) -> None:
        cluster.faults = {kind: Refused("unknown") for kind in ("ModelServer", "ServiceMonitor")}
        beginning = asyncio.create_task(cluster.census.watches())
        await asyncio.sleep(60)
        assert not beginning.done()
        cluster.faults["ModelServer"] = Unavailable("starting")
        await asyncio.sleep(60)
        assert not beginning.done()
        del cluster.faults["ModelServer"]

        assert [item.kind for item in await beginning] == ["ModelServer"]

    tell(story)
