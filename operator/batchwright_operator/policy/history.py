"""The window: slices of traffic cut between consecutive readings of the same process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from batchwright_operator.policy import traffic
from batchwright_operator.policy.once import once
from batchwright_operator.policy.readings import Reading
from batchwright_operator.policy.traffic import Traffic
from batchwright_server.config.plan import Plan

# Slices are cut no finer than this. Thirty give a confidence bound enough of them, bound the cost of a
# decision whatever the pace of the caller, and are long enough (2 s of 60) to be nearly independent.
SLICES_PER_WINDOW = 30
# After a longer gap what was before says nothing of what is now.
LONGEST_GAP_WINDOWS = 3
# A window with too few requests reaches back further: the worse a plan, the fewer requests it lets
# through, and the window would never show enough of them.
MOST_WINDOWS = 10
# A pod whose own clock stands still for this share of a window gives stale numbers.
STALE_WINDOW_SHARE = 0.25


class Seen(NamedTuple):
    """A pod's reading from which its next slice starts, and when it was taken."""

    reading: Reading
    at: float


@dataclass(frozen=True)
class Slice:
    """What each pod did between its last two readings; it ends at `at`."""

    at: float
    pods: Mapping[str, Traffic]

    @once
    def requests(self) -> int:
        """Successful requests of all pods."""
        return sum(change.request_count for change in self.pods.values())


@dataclass(frozen=True)
class Tally:
    """The requests in some slices, by pod and batch size: counted on from look to look, not anew."""

    slices: tuple[Slice, ...] = ()
    requests: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, slices: tuple[Slice, ...]) -> "Tally":
        """The tally of any slices."""
        return cls().moved(slices, slices)

    def moved(self, slices: tuple[Slice, ...], added: tuple[Slice, ...]) -> "Tally":
        """The tally of `slices`: these and those added, without some of the oldest."""
        dropped = (*self.slices, *added)[: len(self.slices) + len(added) - len(slices)]
        if not (added or dropped):
            return Tally(slices, self.requests)
        counts = {pod: dict(sizes) for pod, sizes in self.requests.items()}
        for sign, parts in ((1, added), (-1, dropped)):
            for part in parts:
                for pod, change in part.pods.items():
                    _add(counts.setdefault(pod, {}), change.requests, sign)
        return Tally(slices, {pod: sizes for pod, sizes in counts.items() if sizes})


def _add(counts: dict[int, int], requests: Mapping[int, int], sign: int) -> None:
    for size, count in requests.items():
        left = counts.get(size, 0) + sign * count
        if left:
            counts[size] = left
        else:
            counts.pop(size, None)


@dataclass(frozen=True)
class Window:
    """How far back traffic counts: so many seconds, and further while there are too few requests."""

    seconds: float
    min_requests: int = 0

    def kept(self, slices: tuple[Slice, ...], now: float) -> tuple[Slice, ...]:
        """Those of `slices`, oldest first, that count at `now`; further back only from a request on."""
        first = next((at for at, it in enumerate(slices) if now - self.seconds < it.at), len(slices))
        requests = 0
        for part in reversed(slices[first:] if first else ()):
            requests += part.requests
            if requests >= self.min_requests:
                return slices[first:]
        for number in range(first - 1, -1, -1):
            part = slices[number]
            if requests >= self.min_requests or now - MOST_WINDOWS * self.seconds >= part.at:
                break
            requests += part.requests
            first = number if part.requests else first
        return slices[first:]


@dataclass(frozen=True)
class History:
    """The slices of one window, all served by one plan, and where each pod's next one starts."""

    at: float | None = None
    seen: Mapping[str, Seen] = field(default_factory=dict)
    slices: tuple[Slice, ...] = ()
    newest: Slice | None = None  # the slice that the last call added, if it added one
    tally: Tally = field(default_factory=Tally, compare=False, repr=False)  # saves time, no more

    def extended(
        self, readings: Mapping[str, Reading], *, plan: Plan, now: float, window: "Window"
    ) -> "History":
        """The history with new readings; only what `plan` served counts.

        A clock that went back, or a gap of more than three windows, starts it anew.
        """
        window_seconds = window.seconds
        gap = 0.0 if self.at is None else now - self.at
        longest_gap = LONGEST_GAP_WINDOWS * window_seconds
        base = self if 0 <= gap <= longest_gap else History()
        seen = {pod: known for pod, known in base.seen.items() if now - known.at <= longest_gap}
        parts: dict[str, Traffic] = {}
        for pod, reading in readings.items():
            known = seen.get(pod)
            if known and _continues(known.reading, reading, window_seconds / SLICES_PER_WINDOW):
                continue
            seen[pod] = Seen(reading, now)
            change = _served_by(plan, known.reading, reading) if known else None
            if change is not None:
                parts[pod] = change
        newest = Slice(now, parts) if parts else None
        slices = (*base.slices, newest) if newest else base.slices
        kept = window.kept(slices, now)
        tally = base.counted.moved(kept, (newest,) if newest else ())
        return History(now, seen, kept, newest, tally)

    def is_fresh(self, pod: str, *, window_seconds: float) -> bool:
        """Whether the pod's own clock moved lately; to be asked after its reading was added."""
        known = self.seen.get(pod)
        return (
            known is not None
            and self.at is not None
            and self.at - known.at <= STALE_WINDOW_SHARE * window_seconds
        )

    @once
    def by_pod(self) -> Mapping[str, Traffic]:
        """The whole window's traffic, pod by pod."""
        parts: dict[str, list[Traffic]] = {}
        for part in self.slices:
            for pod, change in part.pods.items():
                parts.setdefault(pod, []).append(change)
        requests = self.counted.requests
        return {pod: traffic.total(it, requests.get(pod, {})) for pod, it in parts.items()}

    @property
    def counted(self) -> Tally:
        """The tally of these slices; one of others, from which they were taken, is no use."""
        return self.tally if self.tally.slices is self.slices else Tally.of(self.slices)

    @once
    def seconds(self) -> float:
        """How much of the window is known: the longest that any pod was watched."""
        return max([change.seconds for change in self.by_pod.values()], default=0.0)


def _continues(known: Reading, reading: Reading, shortest: float) -> bool:
    """Whether the slice from `known` goes on: too short to be cut yet, or a reading that came late."""
    return (
        known.process == reading.process
        and known.plan == reading.plan
        and reading.uptime_seconds - known.uptime_seconds < shortest
    )


def _served_by(plan: Plan, earlier: Reading, later: Reading) -> Traffic | None:
    if earlier.plan != plan or later.plan != plan:
        return None
    return traffic.between(earlier, later)
