"""All objects of interest in little memory: filled by watches and by the answers to our own writes."""

import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from batchwright_operator.cluster.kubernetes import fieldowners, pruning
from batchwright_operator.cluster.kubernetes.ownership import Raw, key_of, server_of
from batchwright_operator.render.names import Manifest
from batchwright_operator.resources import modelserver, pipeline
from batchwright_operator.resources.metadata import ObjectKey

_REMEMBERED_REMOVALS = 8192
_LEVEL = 1  # zlib's fastest: a third of the size
_SERVER, _PIPELINE = modelserver.KIND, pipeline.KIND

Ident = tuple[str, ObjectKey]
"""An object's kind and its own name."""


@dataclass(frozen=True, slots=True)
class _Record:
    version: int
    server: ObjectKey | None  # whose it is; a Pipeline's is the one it refers to
    creation: fieldowners.Creation | None
    body: bytes


class Store:
    """Objects by kind and name; of each the newest by resourceVersion, in whatever order they come."""

    def __init__(self) -> None:
        self._records: dict[Ident, _Record] = {}
        self._of_server: defaultdict[ObjectKey, dict[Ident, None]] = defaultdict(dict)
        self._removed: dict[Ident, int] = {}  # so that what comes late does not bring it back

    def upsert(self, kind: str, raw: Raw) -> tuple[ObjectKey, ...]:
        """Keep an object, and tell which ModelServers that concerns: none if it was no news."""
        ident, version = (kind, key_of(raw)), _version(raw)
        old = self._records.get(ident)
        if version <= self._removed.get(ident, -1) or (old is not None and version <= old.version):
            return ()
        server = _server_of(kind, raw)
        creation = fieldowners.find_creation(raw["metadata"])
        body = zlib.compress(orjson.dumps(pruning.prune(kind, raw)), _LEVEL)
        self._removed.pop(ident, None)
        self._put(ident, _Record(version, server, creation, body))
        return _keys(old.server if old is not None else None, server)

    def remove(self, kind: str, raw: Raw) -> tuple[ObjectKey, ...]:
        """Forget an object unless it is newer than `raw`, and tell which ModelServers that concerns."""
        return self.remove_named(kind, key_of(raw), _version(raw))

    def remove_named(self, kind: str, key: ObjectKey, version: int) -> tuple[ObjectKey, ...]:
        """The same by name: there was no such object at that resourceVersion."""
        ident = (kind, key)
        old = self._records.get(ident)
        if old is not None and old.version > version:
            return ()
        self._removed[ident] = max(version, self._removed.pop(ident, -1))
        if len(self._removed) > _REMEMBERED_REMOVALS:
            self._removed.pop(next(iter(self._removed)))
        if old is None:
            return ()
        self._drop(ident)
        return _keys(old.server)

    def affected(self, kind: str, raw: Raw) -> tuple[ObjectKey, ...]:
        """The ModelServers that an object, as it is in `raw`, concerns."""
        return _keys(_server_of(kind, raw))

    def get(self, kind: str, key: ObjectKey) -> Manifest | None:
        """An object by its name."""
        record = self._records.get((kind, key))
        return _unpack(record) if record is not None else None

    def transfer_of(self, kind: str, key: ObjectKey) -> list[Manifest]:
        """The JSON patch that an object needs before an apply; mostly empty."""
        record = self._records.get((kind, key))
        if record is None or record.creation is None:
            return []
        return fieldowners.transfer(record.creation, record.version)

    def model_server(self, key: ObjectKey) -> Manifest | None:
        """The ModelServer of that name."""
        return self.get(_SERVER, key)

    def pipelines_of(self, key: ObjectKey) -> tuple[Manifest, ...]:
        """The Pipelines that refer to a ModelServer, in the order of their names."""
        return tuple(self._of_kind(key, _PIPELINE))

    def pods_of(self, key: ObjectKey) -> tuple[Manifest, ...]:
        """The pods that are labelled as a ModelServer's; nothing is proven by that."""
        return tuple(self._of_kind(key, "Pod"))

    def owned_by(self, key: ObjectKey) -> tuple[Manifest, ...]:
        """The other objects that say they are a ModelServer's; their owners' uids tell whether."""
        found = sorted(self._of_server.get(key, ()))
        kinds = (_SERVER, _PIPELINE, "Pod")
        return tuple(_unpack(self._records[ident]) for ident in found if ident[0] not in kinds)

    def pipelines_without_server(self) -> tuple[Manifest, ...]:
        """The Pipelines whose ModelServer is not there."""
        missing = (key for key in self._of_server if (_SERVER, key) not in self._records)
        return tuple(item for key in sorted(missing) for item in self._of_kind(key, _PIPELINE))

    def keys(self) -> tuple[ObjectKey, ...]:
        """All ModelServers."""
        return self.names(_SERVER)

    def version_of(self, kind: str, key: ObjectKey) -> int:
        """The resourceVersion of what is kept of an object; 0 for nothing."""
        record = self._records.get((kind, key))
        return record.version if record is not None else 0

    def names(self, kind: str) -> tuple[ObjectKey, ...]:
        """All objects of a kind."""
        return tuple(key for found, key in self._records if found == kind)

    def _of_kind(self, key: ObjectKey, kind: str) -> Iterator[Manifest]:
        for ident in sorted(self._of_server.get(key, ())):
            if ident[0] == kind:
                yield _unpack(self._records[ident])

    def _put(self, ident: Ident, record: _Record) -> None:
        self._drop(ident)
        self._records[ident] = record
        if record.server is not None:
            self._of_server[record.server][ident] = None

    def _drop(self, ident: Ident) -> None:
        old = self._records.pop(ident, None)
        if old is not None and old.server is not None:
            mine = self._of_server[old.server]
            mine.pop(ident, None)
            if not mine:
                del self._of_server[old.server]


def _server_of(kind: str, raw: Raw) -> ObjectKey | None:
    key = key_of(raw)
    if kind == _SERVER:
        return key
    if kind == _PIPELINE:
        reference: Any = (raw.get("spec") or {}).get("modelServerRef") or {}
        name = reference.get("name")
        return ObjectKey(key.namespace, name) if name else None
    return server_of(raw)


def _version(raw: Raw) -> int:
    return int(raw["metadata"]["resourceVersion"])


def _keys(*found: ObjectKey | None) -> tuple[ObjectKey, ...]:
    return tuple(dict.fromkeys(key for key in found if key is not None))


def _unpack(record: _Record) -> Manifest:
    found: Manifest = orjson.loads(zlib.decompress(record.body))
    return found
