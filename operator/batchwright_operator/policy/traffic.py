"""What was asked of a model, and what it took, during some time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from batchwright_operator.policy.readings import Reading
from batchwright_server.config.plan import Strategy


@dataclass(frozen=True)
class Traffic:
    """Sums over some time of one pod, or over several pods; `seconds` are then pod-seconds."""

    seconds: float = 0.0
    requests: Mapping[int, int] = field(default_factory=dict)  # successful ones, by batch size
    in_flight_seconds: float = 0.0
    reloads: int = 0
    reload_seconds: float = 0.0
    would_reloads: int = 0
    cpu_seconds: float = 0.0
    core_seconds: float = 0.0  # what the cores could have given

    @cached_property
    def request_count(self) -> int:
        """Successful requests of any batch size."""
        return sum(self.requests.values())

    @cached_property
    def samples(self) -> int:
        """Samples of the successful requests."""
        return sum(size * count for size, count in self.requests.items())

    @cached_property
    def concurrency(self) -> float:
        """Requests in the server at once, on one pod's average; at least 1.

        A server that is idle between requests still works on one at a time when it works.
        """
        return max(1.0, self.in_flight_seconds / self.seconds) if self.seconds else 1.0

    @cached_property
    def cores(self) -> float:
        """Cores of one pod, on average; at least 1."""
        return max(1.0, self.core_seconds / self.seconds) if self.seconds else 1.0

    @property
    def mean_batch_size(self) -> float:
        """Samples in one request, on average; 0 without requests."""
        return self.samples / self.request_count if self.request_count else 0.0

    @property
    def samples_per_second(self) -> float:
        """Samples in one pod-second."""
        return self.samples / self.seconds if self.seconds else 0.0

    def reloads_under(self, *, strategy: Strategy, serving: Strategy) -> int:
        """Reloads caused under `strategy`: counted while it serves, otherwise by the server's shadow."""
        if strategy is not Strategy.RELOAD:
            return 0
        return self.reloads if serving is Strategy.RELOAD else self.would_reloads

    def __add__(self, other: "Traffic") -> "Traffic":
        return total((self, other))


def total(parts: Iterable[Traffic]) -> Traffic:
    """The sum of `parts`."""
    changes = tuple(parts)
    if len(changes) == 1:
        return changes[0]
    requests: dict[int, int] = {}
    for change in changes:
        for size, count in change.requests.items():
            requests[size] = requests.get(size, 0) + count
    return Traffic(
        seconds=sum([change.seconds for change in changes]),
        requests=requests,
        in_flight_seconds=sum([change.in_flight_seconds for change in changes]),
        reloads=sum([change.reloads for change in changes]),
        reload_seconds=sum([change.reload_seconds for change in changes]),
        would_reloads=sum([change.would_reloads for change in changes]),
        cpu_seconds=sum([change.cpu_seconds for change in changes]),
        core_seconds=sum([change.core_seconds for change in changes]),
    )


def between(earlier: Reading, later: Reading) -> Traffic | None:
    """What the pod did between two readings of one process.

    None where that cannot be said: another process, no time passed, or a counter that shrank.
    """
    seconds = later.uptime_seconds - earlier.uptime_seconds
    if later.process != earlier.process or not seconds > 0:
        return None
    old, new = earlier.counters, later.counters
    sizes = sorted({*old.requests, *new.requests})
    requests = {size: new.requests.get(size, 0) - old.requests.get(size, 0) for size in sizes}
    change = Traffic(
        seconds=seconds,
        requests={size: count for size, count in requests.items() if count},
        in_flight_seconds=new.in_flight_seconds - old.in_flight_seconds,
        reloads=new.reloads - old.reloads,
        reload_seconds=new.reload_seconds - old.reload_seconds,
        would_reloads=new.would_reloads - old.would_reloads,
        cpu_seconds=later.cpu_seconds - earlier.cpu_seconds,
        core_seconds=later.cores * seconds,
    )
    others = (new.samples - old.samples, new.failed_requests - old.failed_requests)
    return change if _only_grew(change, others) else None


def _only_grew(change: Traffic, others: tuple[int, ...]) -> bool:
    grown = (
        *change.requests.values(),
        *others,
        change.in_flight_seconds,
        change.reloads,
        change.reload_seconds,
        change.would_reloads,
        change.cpu_seconds,
    )
    return all(amount >= 0 for amount in grown)
