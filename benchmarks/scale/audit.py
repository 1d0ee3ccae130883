"""What a user, known by how the name begins, asked of the API server: its audit log, as it grows."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

Call = tuple[str, str]
"""A verb and a resource."""

READS = frozenset({"get", "list", "watch"})
_HOUSEKEEPING = frozenset({"batchwright-operator", "batchwright-heartbeat"})  # its Lease and its pulse


class AuditTail:
    """Counts calls from one look to the next."""

    def __init__(self, log: Path, user: str) -> None:
        self._log = log
        self._user = f'"username":"{user}'.encode()
        self._offset = 0
        self._rest = b""

    def look(self) -> Counter[Call]:
        """The calls since the last look, but for the Lease and the heartbeat."""
        found: Counter[Call] = Counter()
        with self._log.open("rb") as file:
            file.seek(self._offset)
            *lines, self._rest = (self._rest + file.read()).split(b"\n")
            self._offset = file.tell()
        for line in lines:
            if self._user in line:
                event = json.loads(line)
                if not _is_housekeeping(event):
                    found[event["verb"], _resource(event)] += 1
        return found


def count_writes(calls: Counter[Call]) -> int:
    """How many of the calls were meant to change something."""
    return sum(count for (verb, _), count in calls.items() if verb not in READS)


def by_verb(calls: Counter[Call]) -> Counter[str]:
    """The calls by verb alone."""
    found: Counter[str] = Counter()
    for (verb, _), count in calls.items():
        found[verb] += count
    return found


def _is_housekeeping(event: dict[str, Any]) -> bool:
    return (event.get("objectRef") or {}).get("name") in _HOUSEKEEPING


def _resource(event: dict[str, Any]) -> str:
    reference = event.get("objectRef") or {}
    parts = (reference.get("resource", "-"), reference.get("subresource"))
    return "/".join(part for part in parts if part)
