"""What is remembered after a run, and what is known of it again after a start."""

from batchwright_operator.controller import resolution, tuning
from batchwright_operator.controller.memory import Memory
from batchwright_operator.controller.resolution import Resolution, Scene
from batchwright_operator.reconcile.course import Course, Refusal
from batchwright_operator.resources.conditions import ConditionType, get_condition
from batchwright_operator.resources.status import ModelServerStatus


def recollect(scene: Scene, status: ModelServerStatus) -> Memory:
    """The memory of an object that this process has not seen before."""
    return Memory(
        scene.server,
        status=status,
        pods=scene.observed.pods,
        states=tuning.adopt(scene.server, status, scene.seen, now=scene.now),
        course=Course(refusal=_known_refusal(scene, status)),
    )


def remember(memory: Memory, resolved: Resolution) -> None:
    """Take over what was resolved, once it is in the status."""
    memory.status = resolved.status
    memory.pods = resolved.look.observed.pods
    memory.states = resolution.states_of(resolved.tuned)
    memory.decisions = {
        item.model.name: item.decision for item in resolved.tuned if item.decision is not None
    }
    memory.wanted = resolved.wanted


def _known_refusal(scene: Scene, status: ModelServerStatus) -> Refusal | None:
    """That pods refused the object as it is now: even if none of them is left to say so again."""
    told = get_condition(status.conditions, ConditionType.CONFIG_APPLIED)
    if told is None or told.reason != "ConfigRejected":
        return None
    if told.observed_generation != scene.server.metadata.generation:
        return None
    return Refusal("", told.message, scene.now)
