"""From the watch into the store, and to the runs that it concerns."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from batchwright_operator.cluster.kubernetes.store import Store
from batchwright_operator.manager.heartbeat import Heartbeat, is_heartbeat
from batchwright_operator.resources.metadata import ObjectKey


class Intake:
    """The sink of the watch."""

    def __init__(
        self, store: Store, heartbeat: Heartbeat, concerned: Callable[[Iterable[ObjectKey]], None]
    ) -> None:
        self._store = store
        self._heartbeat = heartbeat
        self._concerned = concerned

    def upsert(self, kind: str, raw: Mapping[str, Any]) -> None:
        """Keep the object; run those it is news for."""
        if is_heartbeat(kind, raw):
            self._heartbeat.see(raw)
        self._concerned(self._store.upsert(kind, raw))

    def remove(self, kind: str, raw: Mapping[str, Any]) -> None:
        """Forget the object; run those it is news for."""
        self._concerned(self._store.remove(kind, raw))
