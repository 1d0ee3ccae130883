"""A server in virtual time whose true costs are known, with clients that ask in a loop.

Not the policy's own formulas: requests and compilations share the cores moment by moment, each using at
most what its span allows, compilations wait for one another, and compiled sizes are kept in a cache.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from batchwright_operator.policy import costs
from batchwright_operator.policy.readings import Counters, PlanCost, Reading, ReloadCost
from batchwright_server.config.plan import Plan, Strategy

CORES = 2


@dataclass
class Job:
    """Something that uses cores: a request's inference, or a compilation."""

    size: int
    work: float  # core-seconds left
    rate: float  # cores it can use
    started: float = 0.0


@dataclass
class Cache:
    """The sizes compiled, newest last."""

    entries: int
    sizes: list[int] = field(default_factory=list)

    def has(self, size: int) -> bool:
        """Whether the size is compiled; it is then the newest."""
        if size not in self.sizes:
            return False
        self.add(size)
        return True

    def add(self, size: int) -> None:
        """Keep the size, and let the oldest go."""
        self.sizes = [*(it for it in self.sizes if it != size), size][-self.entries :]


@dataclass
class SimulatedServer:
    """One pod of one model."""

    plan: Plan
    next_size: Callable[[], int]
    clients: int
    true_costs: tuple[PlanCost, ...]
    told_costs: tuple[PlanCost, ...]
    reload_cost: ReloadCost
    noise: Callable[[], float] = lambda: 1.0
    cache_entries: int = 1
    now: float = 0.0
    cpu: float = 0.0

    def __post_init__(self) -> None:
        self.lines = {cost.plan: _lines(cost) for cost in self.true_costs}
        self.cache, self.shadow = Cache(self.cache_entries), Cache(self.cache_entries)
        self.shadow_busy_until: dict[int, float] = {}
        self.requests: dict[int, int] = {}
        self.in_flight = self.reload_seconds = 0.0
        self.reloads = self.would_reloads = 0
        self.running: list[Job] = []
        self.waiting: list[Job] = []
        self.compiling: Job | None = None
        for _ in range(self.clients):
            self._ask()

    def switch(self, plan: Plan) -> None:
        """Serve with `plan` from now on; requests that wait for a compilation go on with it."""
        if plan == self.plan:
            return
        self.plan, self.cache, self.compiling = plan, Cache(self.cache_entries), None
        waiting, self.waiting = self.waiting, []
        for job in waiting:
            self._place(job)

    def run_until(self, end: float) -> None:
        """Serve until `end`."""
        while self.now < end:
            jobs = [*self.running, *([self.compiling] if self.compiling else [])]
            share = min(1.0, CORES / sum(job.rate for job in jobs))
            step = min([end - self.now, *(job.work / (job.rate * share) for job in jobs)])
            self.now += step
            self.in_flight += step * (len(self.running) + len(self.waiting))
            for job in jobs:
                job.work -= step * job.rate * share
                self.cpu += step * job.rate * share
            self._finish()

    def reading(self) -> Reading:
        """What the pod says now."""
        counters = Counters(
            requests=dict(self.requests),
            failed_requests=0,
            samples=self.samples,
            in_flight_seconds=self.in_flight,
            reloads=self.reloads,
            reload_seconds=self.reload_seconds,
            queue_wait_seconds=0.0,
            would_reloads=self.would_reloads,
        )
        return Reading(
            pod="pod",
            process="process",
            uptime_seconds=self.now,
            cpu_seconds=self.cpu,
            cores=CORES,
            plan=self.plan,
            counters=counters,
            costs=self.told_costs,
            reload_cost=self.reload_cost,
        )

    @property
    def samples(self) -> int:
        """Samples served so far."""
        return sum(size * count for size, count in self.requests.items())

    def _ask(self) -> None:
        size = self.next_size()
        self._shade(size)
        self._place(Job(size, 0.0, 1.0))

    def _place(self, job: Job) -> None:
        """Let a request run, or wait for its size."""
        if self.plan.strategy is Strategy.RELOAD and not self.cache.has(job.size):
            self.waiting.append(job)
            self._compile()
            return
        work, span = self.lines[self.plan]
        job.work = work.at(job.size) * self.noise()
        job.rate = work.at(job.size) / span.at(job.size)
        self.running.append(job)

    def _compile(self) -> None:
        if self.compiling or not self.waiting:
            return
        rate = self.reload_cost.work_seconds / self.reload_cost.span_seconds
        self.compiling = Job(self.waiting[0].size, self.reload_cost.work_seconds, rate, self.now)
        self.reloads += 1

    def _finish(self) -> None:
        done = [job for job in self.running if job.work <= 1e-9]
        self.running = [job for job in self.running if job.work > 1e-9]
        for job in done:
            self.requests[job.size] = self.requests.get(job.size, 0) + 1
            self._ask()
        if self.compiling and self.compiling.work <= 1e-9:
            compiled, self.compiling = self.compiling, None
            self.reload_seconds += self.now - compiled.started
            self.cache.add(compiled.size)
            waiting, self.waiting = self.waiting, []
            for job in waiting:
                self._place(job)
            self._compile()

    def _shade(self, size: int) -> None:
        """Count the reload that the reload strategy would make: one at a time, joined by the like."""
        if self.shadow.has(size) or self.shadow_busy_until.get(size, 0.0) > self.now:
            return
        start = max([self.now, *self.shadow_busy_until.values()])
        self.shadow_busy_until = {it: at for it, at in self.shadow_busy_until.items() if at > self.now}
        self.shadow_busy_until[size] = start + self.reload_cost.span_seconds
        self.shadow.add(size)
        self.would_reloads += 1


def _lines(cost: PlanCost) -> tuple[costs.Line, costs.Line]:
    """The true work and span."""
    work = costs.fit([(point.batch_size, point.work_seconds) for point in cost.points])
    return work, costs.fit([(point.batch_size, point.span_seconds) for point in cost.points])
