"""The operator's own metrics, for Prometheus."""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client import generate_latest as render

from batchwright_operator.controller.run import Run
from batchwright_operator.policy import figures
from batchwright_operator.policy.decision import Action, Decision, Reason
from batchwright_operator.resources.conditions import ConditionType, get_condition
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.workqueue.keyed import Stats

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_PREFIX = "batchwright_operator"
# Rare answers of the policy: known at 0 from the start, so that an increase counts the first of them.
_RARE = (
    (Action.TRY, Reason.CHEAPER_PLAN),
    (Action.SWITCH, Reason.CHEAPER_PLAN),
    (Action.SWITCH, Reason.PREDICTION_CONFIRMED),
    (Action.SWITCH, Reason.PLAN_NOT_ALLOWED),
    (Action.RETURN, Reason.PREDICTION_WRONG),
    (Action.RETURN, Reason.PLAN_REFUSED),
    (Action.RETURN, Reason.CANARY_LOST),
)


class Metrics:
    """One process's metrics. Those of an object go when it goes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._runs = self._counter("runs", "Runs of the controller by how they ended.", "result")
        self._run_seconds = self._histogram("run_seconds", "How long runs took.")
        self._calls = self._counter(
            "api_calls", "Calls to the Kubernetes API server.", "verb", "kind", "code"
        )
        self._call_seconds = self._histogram("api_call_seconds", "How long such calls took.", "verb")
        self._switches = self._counter("switches", "Models that were moved to another strategy.")
        self._decisions = self._counter("decisions", "Answers of the policy.", "action", "reason")
        for action, reason in _RARE:
            self._decisions.labels(action.value, reason.value)
        object_labels = ("namespace", "name")
        self._ready = self._gauge(
            "modelserver_ready", "Whether the ModelServer's condition Ready is true.", *object_labels
        )
        self._strategy = self._gauge(
            "model_strategy", "The strategy each model is on: 1.", *object_labels, "model", "strategy"
        )
        self._strategies: dict[ObjectKey, frozenset[tuple[str, str]]] = {}
        self._errors = self._gauge(
            "prediction_error_ratio",
            "How far the gain of the last switch that was checked was from the one predicted: 0 is not.",
            *object_labels,
            "model",
        )
        self._checked: dict[ObjectKey, frozenset[str]] = {}

    def watch_queue(self, stats: Callable[[], Stats]) -> None:
        """Show how the work queue is, whenever it is asked for."""
        for name, text, read in (
            ("queue_due", "Objects that wait for a worker.", lambda: stats().due),
            ("queue_scheduled", "Objects whose next run is due later.", lambda: stats().scheduled),
            ("queue_running", "Runs under way.", lambda: stats().running),
            ("queue_failing", "Objects whose last run failed.", lambda: stats().failing),
            ("queue_oldest_seconds", "How long the oldest waits.", lambda: stats().oldest_wait),
        ):
            self._gauge(name, text).set_function(read)

    def watch_leader(self, is_leader: Callable[[], bool]) -> None:
        """Show whether this replica leads."""
        self._gauge("leader", "Whether this replica leads.").set_function(lambda: float(is_leader()))

    def watch_heartbeat(self, age: Callable[[], float]) -> None:
        """Show since when the watch has brought no heartbeat."""
        text = "Seconds since the watch brought a heartbeat, while any replica leads."
        self._gauge("heartbeat_age_seconds", text).set_function(age)

    def observe_call(self, verb: str, kind: str, code: str, seconds: float) -> None:
        """Count a call to the API server."""
        self._calls.labels(verb, kind, code).inc()
        self._call_seconds.labels(verb).observe(seconds)

    def observe_end(self, result: str, seconds: float) -> None:
        """Count a run by its result."""
        self._runs.labels(result).inc()
        self._run_seconds.observe(seconds)

    def observe_run(self, run: Run) -> None:
        """Show what a run found."""
        key = run.server.key
        ready = get_condition(run.status.conditions, ConditionType.READY)
        self.show_ready(key, is_ready=ready is not None and ready.is_true)
        for item in run.tuned:
            if item.decision is not None:
                self._decisions.labels(item.decision.action.value, item.decision.reason.value).inc()
        self._switches.inc(sum(bool(event.to_plan) for event in run.events))
        self._show_strategies(key, frozenset((item.name, item.strategy) for item in run.status.models))
        self._show_errors(key, {item.model.name: item.decision for item in run.tuned})

    def show_ready(self, key: ObjectKey, *, is_ready: bool) -> None:
        """Show whether an object is ready."""
        self._ready.labels(key.namespace, key.name).set(float(is_ready))

    def forget(self, key: ObjectKey) -> None:
        """Show nothing more of an object."""
        self._show_strategies(key, frozenset())
        self._strategies.pop(key, None)
        self._show_errors(key, {})
        self._checked.pop(key, None)
        self._ready.remove_by_labels({"namespace": key.namespace, "name": key.name})

    def exposition(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return render(self.registry)

    def _show_strategies(self, key: ObjectKey, shown: frozenset[tuple[str, str]]) -> None:
        before = self._strategies.get(key, frozenset())
        for model, strategy in before - shown:
            self._strategy.remove(key.namespace, key.name, model, strategy)
        for model, strategy in shown - before:
            self._strategy.labels(key.namespace, key.name, model, strategy).set(1)
        self._strategies[key] = shown

    def _show_errors(self, key: ObjectKey, decisions: Mapping[str, Decision | None]) -> None:
        """Of models that are there; the last check of each counts until the next one."""
        labels = (key.namespace, key.name)
        shown = self._checked.get(key, frozenset())
        for model in shown - decisions.keys():
            self._errors.remove(*labels, model)
        found = {
            model: error
            for model, decision in decisions.items()
            if decision is not None and (error := figures.prediction_error(decision)) is not None
        }
        for model, error in found.items():
            self._errors.labels(*labels, model).set(error)
        self._checked[key] = (shown & decisions.keys()) | found.keys()

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"{_PREFIX}_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(f"{_PREFIX}_{name}", text, labels, registry=self.registry, buckets=_SECONDS)
