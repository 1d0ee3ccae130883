"""The heartbeat, in simulated time."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from batchwright_operator.cluster.errors import Unavailable
from batchwright_operator.manager.heartbeat import Heartbeat, is_heartbeat
from tests.support.simulated_time import simulate


@dataclass
class Leadership:
    is_leader: bool = False
    is_held: bool = False


@dataclass
class Writer:
    written: list[dict[str, Any]] = field(default_factory=list)
    fault: Exception | None = None

    async def apply(self, manifest: dict[str, Any]) -> dict[str, Any]:
        if self.fault is not None:
            raise self.fault
        self.written.append(manifest)
        return manifest


def simulated(writer: Writer, leadership: Leadership, seconds: float, *, seen: bool = False) -> str:
    """What is wrong after so long, the watch having brought everything or nothing."""

    async def story() -> str:
        heartbeat = Heartbeat(writer, ("a", "b"), leadership, "me")
        task = asyncio.create_task(heartbeat.run())
        for _ in range(int(seconds)):
            await asyncio.sleep(1)
            if seen:
                for raw in writer.written:
                    heartbeat.see(raw)
        task.cancel()
        return heartbeat.check()

    return simulate(story())


def test_the_leader_writes_one_in_each_namespace_and_sees_them() -> None:
    """Every ten seconds; the watch brings them back and all is well."""
    writer = Writer()
    assert simulated(writer, Leadership(is_leader=True, is_held=True), 95, seen=True) == ""
    assert len(writer.written) == 2 * 10
    assert {item["metadata"]["namespace"] for item in writer.written} == {"a", "b"}
    assert all(is_heartbeat(item["kind"], item) for item in writer.written)


def test_a_watch_that_brings_none_is_told() -> None:
    """A replica, leading or not, that sees no heartbeat for more than a minute is not live."""
    assert simulated(Writer(), Leadership(is_held=True), 59) == ""
    assert simulated(Writer(), Leadership(is_held=True), 75) == "no heartbeat was seen for 60 s in a, b"


def test_its_age_is_counted() -> None:
    """Where it was not seen for longest, and none while the watch brings it."""

    async def ages() -> list[float]:
        heartbeat = Heartbeat(Writer(), ("a", "b"), Leadership(is_held=True), "me")
        task, found = asyncio.create_task(heartbeat.run()), [heartbeat.age()]
        await asyncio.sleep(25)
        for namespace in ("a", "b"):
            found.append(heartbeat.age())
            heartbeat.see({"metadata": {"namespace": namespace}})
        task.cancel()
        return [*found, heartbeat.age()]

    assert simulate(ages()) == [0.0, 20.0, 20.0, 0.0]


def test_silence_counts_only_while_somebody_leads() -> None:
    """An API server that is away for an hour ends no replica."""
    assert simulated(Writer(), Leadership(is_held=False), 3600) == ""


def test_a_write_that_fails_is_tried_again() -> None:
    """A refused heartbeat ends nothing; that none is seen is told in time."""
    writer = Writer(fault=Unavailable("away"))
    assert simulated(writer, Leadership(is_leader=True, is_held=True), 75) != ""
