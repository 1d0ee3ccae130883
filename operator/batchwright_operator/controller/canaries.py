"""The documents of pods that try a plan, and what follows when such a pod refuses its own."""

from collections.abc import Iterator, Mapping, Sequence

from batchwright_operator.controller import tuning
from batchwright_operator.controller.memory import Memory
from batchwright_operator.controller.tuning import Tuned
from batchwright_operator.policy import trial
from batchwright_operator.policy.state import ModelState
from batchwright_operator.reconcile.course import Course, Document
from batchwright_operator.reconcile.observed import Report, Reports
from batchwright_operator.reconcile.outcome import Event, EventType
from batchwright_operator.render.document import render_config
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.signals import Signals


def render(admitted: ModelServer, settings: Settings, tuned: Sequence[Tuned]) -> dict[str, Document]:
    """The document of each pod that tries a plan, by its name: the wanted one but for that."""
    pods = sorted({item.canary.pod for item in tuned if item.canary is not None})
    plans = {pod: {item.model.name: item.plan_on(pod) for item in tuned} for pod in pods}
    return {pod: Document.of(render_config(admitted, settings, plans[pod])) for pod in pods}


def find_refused(
    server: ModelServer,
    memory: Memory,
    reports: Reports,
    states: Mapping[str, ModelState],
    *,
    now: float,
) -> Iterator[tuple[ModelState, Event]]:
    """For each model whose trial a pod has refused, the state to go on with and the event that tells."""
    for model in server.spec.models:
        state = states.get(model.name)
        if state is None or state.canary is None:
            continue
        pod, plan = state.canary.pod, state.canary.plan
        error = _refusal(memory.course, pod, reports.get(pod))
        if error is not None:
            message = f"{plan} was refused, {state.plan} stays: {pod}: {error}"
            rules = tuning.rules_of(server, model)
            yield trial.give_up(state, message, rules=rules, now=now), _event(model.name, message, now)


def _refusal(course: Course, pod: str, report: Report | None) -> str | None:
    """Why the pod does not take what it was sent to try; None where it does, or is still at it."""
    sent, tried_hash = course.sent.get(pod), course.canaries.get(pod)
    if not isinstance(report, Signals) or sent is None or sent.config_hash != tried_hash:
        return None
    told = report.config
    is_over = told.rejected_hash == tried_hash and told.pending_hash != tried_hash
    return told.error if is_over and sent.process == report.process else None


def _event(model: str, message: str, now: float) -> Event:
    kind = EventType.WARNING
    return Event(at=now, type=kind, reason="StrategyReturned", message=message, model=model)
