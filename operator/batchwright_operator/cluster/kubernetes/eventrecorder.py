"""Events of the API group events.k8s.io: what happens again is counted, not told again."""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from batchwright_operator.cluster.errors import ClusterError, Outdated
from batchwright_operator.cluster.kubernetes.client import Client
from batchwright_operator.cluster.kubernetes.remembered import Remembered
from batchwright_operator.cluster.kubernetes.resources_table import route_of
from batchwright_operator.reconcile.outcome import Event
from batchwright_operator.render.names import Manifest
from batchwright_operator.resources.metadata import ObjectKey

AGAIN_SECONDS = 600.0
_CONTROLLER = "batchwright.dev/operator"
_ACTION = "Reconcile"
_LONGEST_NOTE = 1024  # bytes
_LONGEST_NAME = 128

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Series:
    key: ObjectKey
    count: int
    at: float  # when it was last told


class EventRecorder:
    """Tells of objects by events. One that cannot be written is logged, and fails nothing."""

    def __init__(self, client: Client, identity: str, clock: Callable[[], float]) -> None:
        self._client = client
        self._identity = identity[:_LONGEST_NAME]
        self._clock = clock
        self._series: Remembered[tuple[str, ...], _Series] = Remembered(8192)

    async def record(self, regarding: Manifest, event: Event) -> None:
        """Tell of the object `regarding`, or count once more what was told less than ten minutes ago."""
        note = shorten(f"{event.model}: {event.message}" if event.model else event.message)
        what = (regarding["metadata"]["uid"], event.type.value, event.reason, note)
        known = self._series.get(what)
        is_again = known is not None and self._clock() - known.at < AGAIN_SECONDS
        try:
            series = await self._count(known, event) if known is not None and is_again else None
            if series is None:
                series = await self._create(regarding, event, note)
        except ClusterError as error:
            _log.warning("event %s of %s was not written: %s", event.reason, what[0], error)
            return
        self._series.put(what, series)

    async def _count(self, known: _Series, event: Event) -> _Series | None:
        """The series with one more; None if its event has expired."""
        told = {"series": {"count": known.count + 1, "lastObservedTime": format_micro(event.at)}}
        try:
            await self._client.patch("Event", known.key, told)
        except Outdated:
            return None
        return _Series(known.key, known.count + 1, self._clock())

    async def _create(self, regarding: Manifest, event: Event, note: str) -> _Series:
        metadata = regarding["metadata"]
        key = ObjectKey(metadata["namespace"], f"{metadata['name']}.{uuid.uuid4().hex[:16]}")
        manifest = {
            "apiVersion": route_of("Event").api_version,
            "kind": "Event",
            "metadata": {"namespace": key.namespace, "name": key.name},
            "eventTime": format_micro(event.at),
            "type": event.type.value,
            "reason": event.reason[:_LONGEST_NAME],
            "note": note,
            "action": _ACTION,
            "reportingController": _CONTROLLER,
            "reportingInstance": self._identity,
            "regarding": {
                "apiVersion": regarding["apiVersion"],
                "kind": regarding["kind"],
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
        }
        await self._client.create(manifest)
        return _Series(key, 1, self._clock())


def shorten(note: str) -> str:
    """A note of at most 1024 bytes, which is what an event carries."""
    encoded = note.encode()
    if len(encoded) <= _LONGEST_NOTE:
        return note
    end = "…"
    return encoded[: _LONGEST_NOTE - len(end.encode())].decode(errors="ignore") + end


def format_micro(at: float) -> str:
    """Unix time in seconds as Kubernetes' MicroTime, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
