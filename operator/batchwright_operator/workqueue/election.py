"""Which replica leads: a small elector over a Lease.

Whether a holder is gone is judged by our own clock alone, from when we first saw its last renewal: no
clock of another machine, and no time zone, has a say.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum, auto

from batchwright_operator.cluster.errors import ClusterError, Outdated
from batchwright_operator.workqueue.lease import Lease, LeaseStore

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Terms:
    """Seconds: how long others wait for a silent holder, when a holder gives up, between two tries."""

    duration: float = 15.0
    renew_deadline: float = 10.0
    retry: float = 2.0


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Clocks:
    """Seconds that only grow, and the time in UTC, which is written for people and never read."""

    steady: Callable[[], float] = time.monotonic
    utc: Callable[[], datetime] = _utc


@dataclass(frozen=True)
class Sighting:
    """The record as we know it, None: there is none, and since when (our clock) it has been so."""

    lease: Lease | None
    since: float


class Step(Enum):
    """What a replica that does not lead does next."""

    CREATE = auto()
    TAKE = auto()
    WAIT = auto()


def see(sighting: Sighting | None, lease: Lease | None, *, now: float) -> Sighting:
    """What is known after a read at `now`; a record that did not change keeps its age."""
    if sighting is not None and sighting.lease == lease:
        return sighting
    return Sighting(lease, now)


def decide(sighting: Sighting, me: str, terms: Terms, *, now: float) -> Step:
    """The next step of a replica that does not lead."""
    lease = sighting.lease
    if lease is None:
        return Step.CREATE
    if lease.holder in ("", me):  # "me": a write of ours that we had no answer to
        return Step.TAKE
    patience = lease.duration_seconds or terms.duration
    return Step.TAKE if now - sighting.since >= patience else Step.WAIT


class Elector:
    """One replica's part, known by its `identity`, that no other process ever has.

    A leader that could not renew in time, or whose lease another has, is told by `lost`, which should
    end the process there and then.
    """

    def __init__(
        self,
        store: LeaseStore,
        identity: str,
        *,
        lost: Callable[[str], None],
        terms: Terms = Terms(),
        clocks: Clocks = Clocks(),
    ) -> None:
        self._store = store
        self._identity = identity
        self._clock = clocks.steady
        self._wall = clocks.utc
        self._lost = lost
        self._terms = terms
        self._sighting: Sighting | None = None
        self._renewed: float | None = None  # when the last renewal that went well was begun
        self.elected = asyncio.Event()

    @property
    def is_leader(self) -> bool:
        """Whether the lease is surely ours just now; false as soon as it was not renewed in time."""
        return self._renewed is not None and self._left() > 0

    @property
    def holder(self) -> str:
        """Who leads, as far as is known; "" nobody."""
        lease = self._sighting.lease if self._sighting is not None else None
        return lease.holder if lease is not None else ""

    @property
    def is_held(self) -> bool:
        """Whether any replica leads, as far as its renewals are seen."""
        known = self._sighting
        return (
            bool(self.holder)
            and known is not None
            and self._clock() - known.since < self._terms.duration
        )

    async def run(self) -> None:
        """Stand for election, and keep the lease; until cancelled, or lost."""
        while True:
            if self._renewed is None:
                await self._stand()
            elif not await self._keep():
                return
            await asyncio.sleep(self._pause())

    async def release(self) -> None:
        """Give the lease up, so that another replica need not wait."""
        lease = self._sighting.lease if self._sighting is not None else None
        if not self.is_leader or lease is None:
            return
        left, self._renewed = self._left(), None
        try:
            async with asyncio.timeout(left):
                await self._store.update(replace(lease, holder="", renew_time=self._wall()))
        except (ClusterError, TimeoutError) as error:
            _log.warning("The lease could not be released", extra={"fields": {"error": str(error)}})

    async def _stand(self) -> None:
        known = self._sighting if await self._look() else None
        if known is None:
            return
        match decide(known, self._identity, self._terms, now=self._clock()):
            case Step.CREATE:
                await self._write(self._store.create, self._ours(None))
            case Step.TAKE:
                await self._write(self._store.update, self._ours(known.lease))
            case Step.WAIT:
                return
        if self.is_leader:
            _log.info("Leading", extra={"fields": {"identity": self._identity}})
            self.elected.set()

    async def _keep(self) -> bool:
        """One renewal; whether we still lead."""
        known = self._sighting.lease if self._sighting is not None else None
        if self._left() > 0 and known is not None:
            await self._write(self._store.update, replace(known, renew_time=self._wall()))
        if self._left() <= 0:
            self._lose("it was not renewed in time")
        elif self.holder != self._identity:
            self._lose(f"{self.holder or 'nobody'} has it")
        return self._renewed is not None

    async def _write(self, call: Callable[[Lease], Awaitable[Lease]], lease: Lease) -> None:
        """Write the record; what went wrong shows in what is known afterwards."""
        begun = self._clock()
        try:
            async with asyncio.timeout(self._patience()):
                written = await call(lease)
        except Outdated:
            await self._look()
        except (ClusterError, TimeoutError) as error:
            _log.warning("The lease could not be written", extra={"fields": {"error": _text(error)}})
        else:
            self._note(written)
            self._renewed = begun

    async def _look(self) -> bool:
        """Read the record; whether there was an answer."""
        try:
            async with asyncio.timeout(self._patience()):
                self._note(await self._store.read())
        except (ClusterError, TimeoutError) as error:
            _log.warning("The lease could not be read", extra={"fields": {"error": _text(error)}})
            return False
        return True

    def _patience(self) -> float:
        """Seconds for one call: a hanging one leaves time for others before the deadline."""
        most = self._terms.renew_deadline / 3
        return most if self._renewed is None else min(most, max(0.0, self._left()))

    def _ours(self, old: Lease | None) -> Lease:
        now = self._wall()
        return Lease(
            holder=self._identity,
            renew_time=now,
            acquire_time=now,
            transitions=0 if old is None else old.transitions + (old.holder != self._identity),
            duration_seconds=int(self._terms.duration),
            resource_version="" if old is None else old.resource_version,
        )

    def _note(self, lease: Lease | None) -> None:
        self._sighting = see(self._sighting, lease, now=self._clock())

    def _pause(self) -> float:
        retry = self._terms.retry
        return retry if self._renewed is None else min(retry, max(0.0, self._left()))

    def _left(self) -> float:
        """Seconds for which the lease is surely ours."""
        since = self._renewed if self._renewed is not None else -float("inf")
        return since + self._terms.renew_deadline - self._clock()

    def _lose(self, why: str) -> None:
        self._renewed = None
        self.elected.clear()
        _log.error("The lease is lost: %s", why, extra={"fields": {"identity": self._identity}})
        self._lost(why)


def _text(error: Exception) -> str:
    return str(error) or "no answer in time"
