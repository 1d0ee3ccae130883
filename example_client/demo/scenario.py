"""A run of the demo: traffic over a served model, watched until the story is told."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Protocol

from example_client.demo import observation, records, supervision, traffic

_POLL_SECONDS = 0.25
_TICK_SECONDS = 5.0
_LEAST_AFTER_SECONDS = 30.0  # the policy checks its switch over a window, which the manifest makes 20 s
_MOST_TRAFFIC_SECONDS = 100.0  # where the switch leaves a choice
_SETTLE_SECONDS = 30.0


@dataclass(frozen=True)
class Limits:
    """When a run ends."""

    steady_seconds: float | None = None  # the whole length where no switch is expected
    switch_seconds: float = 120.0  # how long the policy may take to decide


class Narrator(Protocol):
    """Who is told what happens while it does."""

    def tick(self, now: float, answers: list[records.Answer], reading: records.Reading) -> None:
        """Some seconds have passed; `answers` are those that came meanwhile."""

    def switched(self, switch: records.Switch) -> None:
        """The policy has decided."""

    def settled(self, at: float) -> None:
        """The new plan serves."""


@dataclass
class Watch:
    """What was seen so far, and until when to go on."""

    supervised: supervision.Supervised
    clients: traffic.Traffic
    limits: Limits
    narrator: Narrator
    began_unix: float
    readings: list[records.Reading] = field(default_factory=list)
    switches: tuple[records.Switch, ...] = ()
    settled: float | None = None
    told_until: float = 0.0

    async def until_told(self) -> None:
        """Returns when the run has shown what it can. Raises SupervisionError when `up` fails."""
        while not self._is_over(self.clients.now()):
            await asyncio.sleep(_POLL_SECONDS)
            self.supervised.check_running()
            await self.read()
            self._note_switches()
            self._tick()

    async def read(self) -> None:
        """Asks the server for its signals; an answer that does not come is passed over."""
        place, now = self.supervised.place, self.clients.now()
        model = self.clients.served.model
        reading = await asyncio.to_thread(observation.read, place.port + 1, model, now)
        if reading is not None:
            self.readings.append(reading)

    def _note_switches(self) -> None:
        known = len(self.switches)
        self.switches = self.supervised.journal.switches(self.began_unix)
        for switch in self.switches[known:]:
            self.narrator.switched(switch)
        if not self.switches or self.settled is not None or not self.readings:
            return
        newest = self.readings[-1]
        if newest.strategy == self.switches[0].strategies[1]:
            self.settled = newest.at
            self.narrator.settled(newest.at)

    def _tick(self) -> None:
        now = self.clients.now()
        if now - self.told_until < _TICK_SECONDS or not self.readings:
            return
        answers = [answer for answer in self.clients.answers if answer.end >= self.told_until]
        self.narrator.tick(now, answers, self.readings[-1])
        self.told_until = now

    def _is_over(self, now: float) -> bool:
        if self.limits.steady_seconds is not None:
            return now >= self.limits.steady_seconds
        if not self.switches:
            return now >= self.limits.switch_seconds
        decided = self.switches[0].at
        if self.settled is None:
            return now >= decided + _SETTLE_SECONDS
        after = min(decided, _MOST_TRAFFIC_SECONDS - self.settled)
        return now >= self.settled + max(after, _LEAST_AFTER_SECONDS)


async def run(
    supervised: supervision.Supervised, clients: traffic.Traffic, *, limits: Limits, narrator: Narrator
) -> records.Run:
    """The records of a run over a server that is ready. Raises SupervisionError when it goes down."""
    watch = Watch(supervised, clients, limits, narrator, time.time())
    await watch.read()
    sending = asyncio.create_task(clients.run())
    try:
        await watch.until_told()
    finally:
        ended = clients.now()
        clients.stop()
        await sending
    return records.Run(
        answers=tuple(clients.answers),
        readings=tuple(watch.readings),
        switches=supervised.journal.switches(watch.began_unix),
        ended=ended,
        settled=watch.settled,
        decision=supervised.journal.decision(clients.served.model),
    )
