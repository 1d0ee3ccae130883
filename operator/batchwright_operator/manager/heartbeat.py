"""The heartbeat: an object that the leader writes again and again, and whose events each replica sees.

A replica that sees none while a leader is at work has a watch that no longer watches.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from batchwright_operator.cluster.errors import ClusterError
from batchwright_operator.render.names import Manifest

NAME = "batchwright-heartbeat"
KIND = "ConfigMap"
WRITE_SECONDS = 10.0
SILENCE_SECONDS = 60.0

_log = logging.getLogger(__name__)


class Writer(Protocol):
    """The part of the API server's client that is needed."""

    async def apply(self, manifest: Manifest) -> Manifest:
        """Server-side apply."""
        ...


class Leadership(Protocol):
    """The part of the elector that is needed."""

    @property
    def is_leader(self) -> bool:
        """Whether this replica leads."""
        ...

    @property
    def is_held(self) -> bool:
        """Whether any replica leads, just now."""
        ...


class Heartbeat:
    """Writes, while this replica leads, and counts the seconds without one while any leads."""

    def __init__(
        self, writer: Writer, namespaces: tuple[str, ...], leadership: Leadership, identity: str
    ) -> None:
        self._writer = writer
        self._leadership = leadership
        self._identity = identity
        self._silent = dict.fromkeys(namespaces, 0.0)

    def see(self, raw: Mapping[str, Any]) -> None:
        """An event of one has come."""
        namespace = raw["metadata"]["namespace"]
        if namespace in self._silent:
            self._silent[namespace] = 0.0

    def age(self) -> float:
        """Seconds without a heartbeat, where it is longest; those without a leader do not count."""
        return max(self._silent.values(), default=0.0)

    def check(self) -> str:
        """What is wrong with the watch."""
        silent = [place for place, seconds in self._silent.items() if seconds > SILENCE_SECONDS]
        where = ", ".join(silent)
        return f"no heartbeat was seen for {SILENCE_SECONDS:.0f} s in {where}" if silent else ""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if self._leadership.is_leader:
                await asyncio.gather(*(self._write(namespace) for namespace in self._silent))
            await asyncio.sleep(WRITE_SECONDS)
            if self._leadership.is_held:
                for namespace in self._silent:
                    self._silent[namespace] += WRITE_SECONDS

    async def _write(self, namespace: str) -> None:
        try:
            await self._writer.apply(_manifest(namespace, self._identity, datetime.now(UTC)))
        except ClusterError as error:
            fields = {"namespace": namespace, "error": str(error)}
            _log.warning("The heartbeat could not be written", extra={"fields": fields})


def is_heartbeat(kind: str, raw: Mapping[str, Any]) -> bool:
    """Whether an object is one."""
    return kind == KIND and raw["metadata"]["name"] == NAME


def _manifest(namespace: str, identity: str, now: datetime) -> Manifest:
    labels = {"app.kubernetes.io/managed-by": "batchwright", "app.kubernetes.io/component": "operator"}
    return {
        "apiVersion": "v1",
        "kind": KIND,
        "metadata": {"name": NAME, "namespace": namespace, "labels": labels},
        "data": {"by": identity, "at": now.isoformat()},
    }
