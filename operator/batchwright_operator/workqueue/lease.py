"""The Lease by which replicas agree on one leader, and where it is kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Lease:
    """The record as one read gave it; `holder` "" is nobody. Times are in UTC."""

    holder: str
    renew_time: datetime | None
    acquire_time: datetime | None
    transitions: int = 0
    duration_seconds: int = 0
    resource_version: str = ""


class LeaseStore(Protocol):
    """One Lease by its name. All calls raise ClusterError, Unavailable if nobody answers."""

    async def read(self) -> Lease | None:
        """The record; None if there is none."""
        ...

    async def create(self, lease: Lease) -> Lease:
        """The record as it was created. Raises Outdated if there is one."""
        ...

    async def update(self, lease: Lease) -> Lease:
        """The record as it was written. Raises Outdated unless its resource_version was the newest."""
        ...
