"""What becomes of the policy's plans when a pod refuses the document they were written to.

The plans of the committed document are gone back to at once, each plan that was refused is remembered as
failed, and the cool-down starts. A document that a user edited is never undone here: see
`reconcile/proposal.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from batchwright_operator.controller import tuning
from batchwright_operator.controller.memory import Memory
from batchwright_operator.policy import memory as lessons
from batchwright_operator.policy.state import ModelState
from batchwright_operator.reconcile import applied
from batchwright_operator.reconcile.observed import Observed, Reports
from batchwright_operator.reconcile.outcome import Event, EventType
from batchwright_operator.render.document import render_config
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.model import Model
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config import digest
from batchwright_server.config.plan import Plan


@dataclass(frozen=True)
class Pending:
    """A wanted document that pods do not start from yet.

    `is_plans_alone`: it differs from the committed one in nothing but plans, which are the policy's
    doing. `why` is a pod's refusal of it; empty if none has refused.
    """

    is_plans_alone: bool
    why: str


def find_pending(
    server: ModelServer, settings: Settings, memory: Memory, seen: tuple[Observed, Reports]
) -> Pending | None:
    """What the last run wanted, if it is still on its way."""
    wanted, observed = memory.wanted, seen[0]
    if wanted is None or observed.config_text is None:
        return None
    committed = digest.digest(observed.config_text.encode())
    if wanted.config_hash == committed:
        return None
    before = server.with_pipelines(wanted.pipelines)
    with_old_plans = render_config(before, settings, tuning.served_plans(server, observed))
    is_plans_alone = digest.digest(with_old_plans) == committed
    is_same_edit = wanted.generation == server.metadata.generation
    return Pending(is_plans_alone and is_same_edit, _why(memory, wanted.config_hash, seen))


def _why(memory: Memory, config_hash: str, seen: tuple[Observed, Reports]) -> str:
    course = memory.course
    if course.refusal is not None and course.config_hash == config_hash:
        return f"{course.refusal.pod}: {course.refusal.error}"
    errors = applied.observe_applied(*seen, config_hash).errors
    fresh = (pod for pod in errors if pod not in course.retried)
    return next((f"{pod}: {errors[pod]}" for pod in fresh), "")


def withdraw(
    server: ModelServer, memory: Memory, back_to: tuple[dict[str, Plan], str], *, now: float
) -> Iterator[tuple[ModelState, Event]]:
    """For each model whose plan was refused, the state to go on with and the event that tells.

    `back_to` are the plans of the committed document, and why the others were refused.
    """
    good, why = back_to
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
