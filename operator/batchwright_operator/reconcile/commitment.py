"""When pods may start from a document: once those that run have shown that they take it."""

from batchwright_operator.reconcile.course import Course
from batchwright_operator.reconcile.observed import Phase, Pod
from batchwright_operator.reconcile.sight import Sight

# A ready pod that gives no answer is waited for so long, and no longer: one broken connection must not
# keep a configuration out for ever. What it says later still counts, and may take the commit back.
SILENCE_SECONDS = 60.0


def is_any_up(sight: Sight) -> bool:
    """Whether a pod runs that could say what it thinks of a document."""
    return any(_is_up(sight, pod) for pod in sight.observed.current_pods)


def is_due(sight: Sight, course: Course, now: float) -> bool:
    """Whether the wanted document, which no pod has refused, is to be committed now.

    Where nothing runs there is nobody to ask. Else the ready pods of the newest template decide, each of
    them; where none is ready, those that answer; where none does, the pods of the templates before it.
    """
    if not is_any_up(sight):
        return True
    up = [pod for pod in sight.observed.current_pods if _is_up(sight, pod)]
    newest = [pod for pod in up if sight.is_newest(pod)]
    judges = [pod for pod in newest if pod.ready] or newest or up
    return _is_agreed(sight, course, judges, now)


def _is_up(sight: Sight, pod: Pod) -> bool:
    is_ready = pod.ready and pod.phase is Phase.RUNNING
    return is_ready or sight.signals(pod) is not None


def _is_agreed(sight: Sight, course: Course, judges: list[Pod], now: float) -> bool:
    """Whether all that answer serve what they are to, at least one, and the others had their time."""
    answers = [
        signals.config.hash == sight.wanted_of(pod).hash
        for pod in judges
        if (signals := sight.signals(pod)) is not None
    ]
    waited = [now - course.silent.get(pod.name, now) for pod in judges if sight.signals(pod) is None]
    return bool(answers) and all(answers) and all(seconds >= SILENCE_SECONDS for seconds in waited)
