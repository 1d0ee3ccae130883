"""What was asked of a model, and what it took, during some time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from batchwright_operator.policy.once import once
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

    @once
    def request_count(self) -> int:
        """Successful requests of any batch size."""
        return sum(self.requests.values())

    @once
    def samples(self) -> int:
        """Samples of the successful requests."""
        return sum(size * count for size, count in self.requests.items())

    @once
    def concurrency(self) -> float:
        """Requests in the server at once, on one pod's average; at least 1.

        A server that is idle between requests still works on one at a time when it works.
        """
        return max(1.0, self.in_flight_seconds / self.seconds) if self.seconds else 1.0

    @once
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


def total(parts: Iterable[Traffic], requests: Mapping[int, int] | None = None) -> Traffic:
    """The sum of `parts`; `requests`: all of theirs by batch size, where they are counted already."""
    changes = tuple(parts)
    if len(changes) == 1:
        return changes[0]
    return Traffic(
        seconds=sum([change.seconds for change in changes]),
        requests=requests if requests is not None else _count(changes),
        in_flight_seconds=sum([change.in_flight_seconds for change in changes]),
        reloads=sum([change.reloads for change in changes]),
        reload_seconds=sum([change.reload_seconds for change in changes]),
        would_reloads=sum([change.would_reloads for change in changes]),
        cpu_seconds=sum([change.cpu_seconds for change in changes]),
        core_seconds=sum([change.core_seconds for change in changes]),
    )


def _count(changes: Iterable[Traffic]) -> dict[int, int]:
    requests: dict[int, int] = {}
    for change in changes:
        for size, count in change.requests.items():
            requests[size] = requests.get(size, 0) + count
    return requests


def between(earlier: Reading, later: Reading) -> Traffic | None:
    """What the pod did between two readings of one process.

    None where that cannot be said: another process, no time passed, or a counter that shrank.
    """
    seconds = later.uptime_seconds - earlier.uptime_seconds
    if later.process != earlier.process or not seconds > 0:
        return None
    old, new = earlier.counters, later.counters
    requests = _grown(old.requests, new.requests)
    change = Traffic(
        seconds=seconds,
        requests=requests or {},
        in_flight_seconds=new.in_flight_seconds - old.in_flight_seconds,
        reloads=new.reloads - old.reloads,
        reload_seconds=new.reload_seconds - old.reload_seconds,
        would_reloads=new.would_reloads - old.would_reloads,
        cpu_seconds=later.cpu_seconds - earlier.cpu_seconds,
        core_seconds=later.cores * seconds,
    )
    has_grown = (
        requests is not None
        and new.samples >= old.samples
        and new.failed_requests >= old.failed_requests
        and change.in_flight_seconds >= 0
        and change.reloads >= 0
        and change.reload_seconds >= 0
        and change.would_reloads >= 0
        and change.cpu_seconds >= 0
    )
    return change if has_grown else None


def _grown(old: Mapping[int, int], new: Mapping[int, int]) -> dict[int, int] | None:
    """The requests in between, by rising batch size; None where a count shrank."""
    if not old.keys() <= new.keys() and any(old[size] > 0 for size in old.keys() - new.keys()):
        return None
    grown = {size: more for size in sorted(new) if (more := new[size] - old.get(size, 0))}
    return None if grown and min(grown.values()) < 0 else grown
