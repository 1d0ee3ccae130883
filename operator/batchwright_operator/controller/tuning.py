"""The plan of each model: the policy's where it may choose, the user's where it may not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from batchwright_operator.pods.readings import to_scrape
from batchwright_operator.policy import decide, rules
from batchwright_operator.policy.canary import Canary
from batchwright_operator.policy.decision import Action, Decision, Reason
from batchwright_operator.policy.state import ModelState
from batchwright_operator.reconcile.observed import Observed, Reports
from batchwright_operator.render.document import candidates, default_plan
from batchwright_operator.resources.batching import OnMiss
from batchwright_operator.resources.model import Model
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.status import ModelServerStatus
from batchwright_server.config.batching import MOST_BUCKETS
from batchwright_server.config.document import parse_document
from batchwright_server.config.plan import Plan, Strategy
from batchwright_server.config.problems import InvalidDocument
from batchwright_server.config.signals import Signals

Seen = tuple[Observed, Reports]

PAUSE = "batchwright.dev/pause-switching"


@dataclass(frozen=True)
class Tuned:
    """A model with the plan it is to serve with; state and decision are the policy's, if asked."""

    model: Model
    plan: Plan
    state: ModelState | None = None
    decision: Decision | None = None

    @property
    def canary(self) -> Canary | None:
        """The trial of another plan by one pod, if there is one."""
        return self.state.canary if self.state is not None else None

    def plan_on(self, pod: str) -> Plan:
        """The plan that the pod of that name is to serve it with."""
        canary = self.canary
        return canary.plan if canary is not None and canary.pod == pod else self.plan


def rules_of(server: ModelServer, model: Model) -> rules.Rules:
    """What the policy has to keep to for `model`."""
    adaptive, reload = model.batching.adaptive, model.batching.reload
    is_paused = server.metadata.annotations.get(PAUSE, "false").lower() == "true"
    return rules.Rules(
        candidates=candidates(model),
        bucket_sizes=model.batching.buckets.sizes or (),
        most_buckets=0
        if model.batching.buckets.sizes
        else min(reload.compiled_cache.max_entries, MOST_BUCKETS),
        max_batch_size=model.batching.max_batch_size,
        split_entries=reload.compiled_cache.max_entries if reload.on_miss is OnMiss.SPLIT else 0,
        mode=rules.Mode.PAUSED if is_paused else adaptive.mode,
        objective=adaptive.objective,
        window_seconds=adaptive.window_seconds,
        cooldown_seconds=adaptive.cooldown_seconds,
        min_saving_percent=adaptive.min_saving_percent,
    )


def adopt(
    server: ModelServer, status: ModelServerStatus, seen: Seen, *, now: float
) -> dict[str, ModelState]:
    """The policy's states after a start: from the status, else from the document, else from the pods."""
    states = {}
    for model in server.spec.models:
        if model.batching.is_adaptive:
            known = _from_status(status, model.name)
            states[model.name] = known or _initial(server, model, seen, now)
    return states


def served_plans(server: ModelServer, observed: Observed) -> dict[str, Plan]:
    """The plans in the document that pods start from; none if there is none to be understood.

    Buckets have sizes where `server` leaves them open.
    """
    try:
        document = parse_document((observed.config_text or "").encode())
    except InvalidDocument:
        return {}
    is_open = {model.name: model.batching.buckets.sizes is None for model in server.spec.models}
    return {
        model.name: _sized(batching.plan, batching.buckets.sizes if is_open.get(model.name) else ())
        for model in document.models
        for batching in [model.effective_batching]
    }


@dataclass(frozen=True)
class Tuner:
    """The policy over one ModelServer at one moment.

    `is_held`: an edit of the user's is still on its way to the pods, and one change at a time is enough.
    `is_edited`: it has come just now. Either ends what a pod tries: all pods are sent the edit at once.
    """

    server: ModelServer
    seen: Seen
    is_held: bool
    now: float
    is_edited: bool = False

    def tune(self, states: Mapping[str, ModelState]) -> tuple[Tuned, ...]:
        """Every model with its plan. Changes nothing: the new states are in the answer."""
        return tuple(self._tune(model, states.get(model.name)) for model in self.server.spec.models)

    def _tune(self, model: Model, known: ModelState | None) -> Tuned:
        if not model.batching.is_adaptive:
            return Tuned(model, default_plan(model))
        state = known or _initial(self.server, model, self.seen, self.now)
        state = state.forgiving() if self.is_edited else state
        obeyed = rules_of(self.server, model)
        is_ended = self.is_edited and state.canary is not None
        if (self.is_held or is_ended) and obeyed.allows(state.plan):
            kept = replace(state, canary=None)
            return Tuned(model, state.plan, kept, _hold(kept))
        observed, reports = self.seen
        scrape = to_scrape(model.name, reports, _expected_pods(self.server, observed))
        state, decision = decide.decide(obeyed, state, scrape, self.now)
        return Tuned(model, state.plan, state, decision)


def _hold(state: ModelState) -> Decision:
    message = f"{state.plan}: held while an edit is on its way to the pods"
    nothing: dict[str, int] = {}
    return Decision(
        Action.HOLD, Reason.PODS_UNSETTLED, message, state.plan, state.plan, nothing, nothing
    )


def _expected_pods(server: ModelServer, observed: Observed) -> int:
    deployment = observed.deployment
    if deployment is None:
        return server.spec.replicas
    return int(deployment["spec"].get("replicas", server.spec.replicas))


def _sized(plan: Plan, sizes: tuple[int, ...]) -> Plan:
    return plan.with_sizes(sizes) if plan.strategy is Strategy.BUCKETS else plan


def _plan_of_pods(reports: Reports, model: Model) -> Plan | None:
    """The plan that pods serve a model with, if they all say the same."""
    is_open = model.batching.buckets.sizes is None
    plans = {
        _sized(item.plan.plan, item.bucket_sizes if is_open else ())
        for report in reports.values()
        if isinstance(report, Signals)
        for item in report.models
        if item.name == model.name and item.plan is not None
    }
    return plans.pop() if len(plans) == 1 else None


def _initial(server: ModelServer, model: Model, seen: Seen, now: float) -> ModelState:
    """A model of no known history goes on with the plan it serves, if the policy may choose it."""
    observed, reports = seen
    served = served_plans(server, observed).get(model.name) or _plan_of_pods(reports, model)
    is_allowed = rules_of(server, model).allows(served)
    plan = served if served is not None and is_allowed else default_plan(model)
    return ModelState.initial(plan, now)


def _from_status(status: ModelServerStatus, name: str) -> ModelState | None:
    known = status.model(name)
    if known is None or known.policy is None:
        return None
    return ModelState.from_status(known.policy)
