"""One simulated pod with its clients, and the signals document that it would send."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from batchwright_server.config import signals
from batchwright_server.config.plan import Plan
from benchmarks.policy.caches import Shadow
from benchmarks.policy.processor import Done, Processor
from benchmarks.policy.profiles import Profile
from benchmarks.policy.scripts import Item, Script
from benchmarks.policy.serving import CompileWorker, Limits, Place, Tally, serving_of

MODEL = "model"
CALIBRATED_SIZES = (1, 4, 16)  # as the server measures them


@dataclass(frozen=True)
class Told:
    """What the pod's calibration says: the truth at a few sizes, disturbed by `errors` of its plans."""

    costs: tuple[signals.PlanCost, ...]
    reload: signals.ReloadCost


@dataclass(frozen=True)
class Pod:
    """What a server is like; `noise` draws a factor for each request's costs."""

    profile: Profile
    limits: Limits
    told: Told
    noise: Callable[[], float]
    processors: float | None = None  # that it really has, where others take some of the machine's


@dataclass
class Clients:
    """How many ask, and how many of them are at work."""

    wanted: int = 1
    alive: int = 0


@dataclass
class Served:
    """What was served so far."""

    requests: Counter[int] = field(default_factory=Counter)
    in_flight: int = 0
    in_flight_seconds: float = 0.0
    busy_seconds: float = 0.0  # with at least one request in the server
    would_reloads: int = 0
    busy_at: list[float] = field(
        default_factory=list
    )  # busy seconds when each window of the script began


class SimulatedServer:
    """Serves a script by one plan after another."""

    def __init__(self, pod: Pod, plan: Plan, script: Script) -> None:
        profile, limits, told, noise = pod.profile, pod.limits, pod.told, pod.noise
        self.plan = plan
        self.served = Served()
        self.tally = Tally()
        self._profile = profile
        self._script = script
        self._told = told
        self._processor = Processor(pod.processors or profile.cores)
        worker = CompileWorker(self._processor)
        self._place = Place(self._processor, worker, profile, limits, self.tally, noise)
        self._shadow = Shadow(limits.cache_entries, told.reload.span_seconds)
        self._serving = serving_of(self._place, plan, first=1)
        self._clients = Clients()
        self._switching: Plan | None = None
        self._counted = 0.0
        self.has_ended = False
        self._arrive()

    @property
    def now(self) -> float:
        """Simulated seconds since the start."""
        return self._processor.now

    @property
    def cpu_seconds(self) -> float:
        """What all threads have computed."""
        return self._processor.cpu_seconds

    def run_until(self, end: float) -> None:
        """Serve until `end`, or until the script is over."""
        while not self.has_ended and self._processor.step(end):
            pass
        self._count()

    def switch(self, plan: Plan) -> None:
        """Prepare `plan` beside the one that serves, then let it take over."""
        if plan == (self._switching or self.plan):
            return
        self._switching = plan
        cost = self._profile.plans[plan]
        self._place.worker.run(cost.prepare_work, cost.prepare_span, lambda: self._take_over(plan))

    def signals(self) -> signals.Signals:
        """What the pod says now."""
        counters = signals.ModelCounters.model_construct(
            requests=dict(self.served.requests),
            failed_requests=0,
            samples=sum(size * count for size, count in self.served.requests.items()),
            in_flight_seconds=self.served.in_flight_seconds,
            reloads=self.tally.reloads,
            reload_seconds=self.tally.reload_seconds,
            queue_wait_seconds=0.0,
            would_reloads=self.served.would_reloads,
        )
        model = signals.ModelSignals.model_construct(
            name=MODEL,
            version=1,
            state="AVAILABLE",
            plan=signals.PlanName.of(self.plan),
            counters=counters,
            costs=self._told.costs,
            reload_cost=self._told.reload,
        )
        return signals.Signals.model_construct(
            process="process",
            uptime_seconds=self.now,
            cpu_seconds=self.cpu_seconds,
            cores=self._profile.cores,
            ready=True,
            config=signals.ConfigState(hash=""),
            models=(model,),
            pipelines=(),
        )

    def _take_over(self, plan: Plan) -> None:
        if plan != self._switching:
            return
        self._switching, self.plan = None, plan
        waiting = self._serving.retire()
        most = self.served.requests.most_common(1)
        self._serving = serving_of(self._place, plan, first=most[0][0] if most else 1)
        for size, done in waiting:
            self._serving.take(size, done)

    def _arrive(self) -> None:
        """Let clients come until there are as many as the script wants."""
        while self._clients.alive < self._clients.wanted and not self.has_ended:
            self._clients.alive += 1
            self._ask()

    def _ask(self) -> None:
        """A client's next request; it leaves where there is none, or where clients are too many."""
        if self._clients.alive > self._clients.wanted:
            self._clients.alive -= 1
            return
        item = self._script.next(self._switching or self.plan)
        if item is None:
            self._clients.alive -= 1
            self.has_ended = self._clients.alive == 0
            return
        self._send(item)
        if item.clients != self._clients.wanted:
            self._clients.wanted = item.clients
            self._arrive()

    def _send(self, item: Item) -> None:
        self._count()
        while len(self.served.busy_at) <= item.window:
            self.served.busy_at.append(self.served.busy_seconds)
        self.served.in_flight += 1
        if self._shadow.misses(item.size, self.now):
            self.served.would_reloads += 1
        self._serving.take(item.size, self._answer_to(item))

    def _answer_to(self, item: Item) -> Done:
        def answered() -> None:
            self._count()
            self.served.in_flight -= 1
            self.served.requests[item.size] += 1
            if item.pause:
                self._processor.call_at(self.now + item.pause, self._ask)
            else:
                self._ask()

        return answered

    def _count(self) -> None:
        """Bring the sums over time up to now."""
        elapsed, self._counted = self.now - self._counted, self.now
        self.served.in_flight_seconds += elapsed * self.served.in_flight
        self.served.busy_seconds += elapsed * (self.served.in_flight > 0)
