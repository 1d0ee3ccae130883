"""What becomes of the policy's plans when a pod refuses the document they were written to.

The plans of the last document that every pod served are taken back at once, each plan that was refused
is remembered as failed, and the cool-down starts. A document that a user edited is never undone here:
the pods go on with the one before, and a condition says why.
"""

from collections.abc import Iterator
from dataclasses import replace

from batchwright_operator.controller import tuning
from batchwright_operator.controller.memory import Memory
from batchwright_operator.policy import memory as lessons
from batchwright_operator.policy.state import ModelState
from batchwright_operator.reconcile import applied
from batchwright_operator.reconcile.observed import Observed, Reports
from batchwright_operator.reconcile.outcome import Event, EventType
from batchwright_operator.resources.model import Model
from batchwright_operator.resources.modelserver import ModelServer


def refused_by(memory: Memory, observed: Observed, reports: Reports) -> str:
    """Why a pod refused the policy's newest plans, with its name; empty if none did."""
    wanted, good = memory.wanted, memory.good
    if wanted is None or good is None or wanted.generation != good.generation:
        return ""
    if wanted.pipelines != good.pipelines:
        return ""
    if wanted.config_hash == good.config_hash:
        return ""
    found = applied.observe_applied(observed, reports, wanted.config_hash)
    return next((f"{pod}: {error}" for pod, error in found.errors.items()), "")


def withdraw(
    server: ModelServer, memory: Memory, why: str, *, now: float
) -> Iterator[tuple[ModelState, Event]]:
    """For each model whose plan was refused, the state to go on with and the event that tells."""
    good = memory.good.plans if memory.good is not None else {}
    for model in server.spec.models:
        state = memory.states.get(model.name)
        plan = good.get(model.name)
        if state is not None and plan is not None and state.plan != plan:
            rules = tuning.rules_of(server, model)
            message = f"{state.plan} was refused, back to {plan}: {why}"
            failures = lessons.remember(
                state.failures,
                state.plan,
                saving_permille=state.check.saving_permille if state.check is not None else 0,
                rules=rules,
                now=now,
            )
            back = state.switched(plan, rules=rules, now=now, because=message)
            yield replace(back, failures=failures), _event(model, state, back, message)


def _event(model: Model, state: ModelState, back: ModelState, message: str) -> Event:
    return Event(
        at=float(back.since),
        type=EventType.WARNING,
        reason="StrategyReturned",
        message=message,
        model=model.name,
        from_plan=str(state.plan),
        to_plan=str(back.plan),
    )
