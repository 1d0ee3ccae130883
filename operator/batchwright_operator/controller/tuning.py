"""The plan of each model: the policy's where it may choose, the user's where it may not."""

from dataclasses import dataclass

from batchwright_operator.controller.memory import Memory
from batchwright_operator.pods.readings import to_scrape
from batchwright_operator.policy import decide, rules
from batchwright_operator.policy.decision import Decision
from batchwright_operator.policy.state import ModelState
from batchwright_operator.reconcile.observed import Observed, Reports
from batchwright_operator.render.document import default_plan
from batchwright_operator.resources.model import Model
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.status import ModelServerStatus
from batchwright_server.config.document import parse_document
from batchwright_server.config.plan import Plan
from batchwright_server.config.problems import InvalidDocument

Seen = tuple[Observed, Reports]

PAUSE = "batchwright.dev/pause-switching"


@dataclass(frozen=True)
class Tuned:
    """A model with the plan it is to serve with; state and decision are the policy's, if asked."""

    model: Model
    plan: Plan
    state: ModelState | None = None
    decision: Decision | None = None


def rules_of(server: ModelServer, model: Model) -> rules.Rules:
    """What the policy has to keep to for `model`."""
    adaptive = model.batching.adaptive
    is_paused = server.metadata.annotations.get(PAUSE, "false").lower() == "true"
    return rules.Rules(
        candidates=tuple(Plan.of(strategy) for strategy in model.batching.strategies),
        mode=rules.Mode.PAUSED if is_paused else adaptive.mode,
        objective=adaptive.objective,
        window_seconds=adaptive.window_seconds,
        cooldown_seconds=adaptive.cooldown_seconds,
        min_saving_percent=adaptive.min_saving_percent,
    )


def adopt(
    server: ModelServer, status: ModelServerStatus, observed: Observed, *, now: float
) -> dict[str, ModelState]:
    """The policy's states after a start: from the status, else from the document that is served."""
    states = {}
    for model in server.spec.models:
        if model.batching.is_adaptive:
            known = _from_status(status, model.name)
            states[model.name] = known or _initial(server, model, observed, now)
    return states


def served_plans(observed: Observed) -> dict[str, Plan]:
    """The plans in the document that the pods are given; none if there is none to be understood."""
    try:
        document = parse_document((observed.config_text or "").encode())
    except InvalidDocument:
        return {}
    return {model.name: model.effective_batching.plan for model in document.models}


def tune(server: ModelServer, memory: Memory, seen: Seen, *, now: float) -> tuple[Tuned, ...]:
    """Every model with its plan. Changes nothing: the new states are in the answer."""
    return tuple(_tune_model(server, model, memory, (seen, now)) for model in server.spec.models)


def _tune_model(server: ModelServer, model: Model, memory: Memory, look: tuple[Seen, float]) -> Tuned:
    if not model.batching.is_adaptive:
        return Tuned(model, default_plan(model))
    (observed, reports), now = look
    state = memory.states.get(model.name) or _initial(server, model, observed, now)
    scrape = to_scrape(model.name, reports, server.spec.replicas)
    state, decision = decide.decide(rules_of(server, model), state, scrape, now)
    return Tuned(model, state.plan, state, decision)


def _initial(server: ModelServer, model: Model, observed: Observed, now: float) -> ModelState:
    """A model of no known history goes on with the plan it serves, if the policy may choose it."""
    served = served_plans(observed).get(model.name)
    is_candidate = served in rules_of(server, model).candidates
    plan = served if served is not None and is_candidate else default_plan(model)
    return ModelState.initial(plan, now)


def _from_status(status: ModelServerStatus, name: str) -> ModelState | None:
    known = status.model(name)
    if known is None or known.policy is None:
        return None
    return ModelState.from_status(known.policy)
