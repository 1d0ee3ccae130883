"""The conditions of a ModelServer, each from one look at its pods."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from batchwright_operator.reconcile.applied import Applied, Progress
from batchwright_operator.reconcile.course import Refusal
from batchwright_operator.reconcile.faults import Fault
from batchwright_operator.reconcile.observed import Observed, Pod, Reports, Unreachable
from batchwright_operator.resources.conditions import Condition, ConditionStatus, ConditionType
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.signals import ModelSignals, Signals

# A pod that died this often without becoming ready will not heal by itself.
_CRASHES = 2


@dataclass(frozen=True)
class Look:
    """One look at one ModelServer; `unsettled` are sentences of models whose switch is under way.

    `refusal` is that of the wanted configuration, if a pod has refused it; `is_committed` tells whether
    pods start from it; `left_out` are the Pipelines that are not in it. `unknown_template` names the pod
    template of a newer operator, if edits of the pods have to wait for one.
    """

    server: ModelServer
    observed: Observed
    reports: Reports
    applied: Applied
    unsettled: tuple[str, ...] = ()
    refusal: Refusal | None = None
    is_committed: bool = True
    faults: tuple[Fault, ...] = ()
    left_out: tuple[str, ...] = ()
    unknown_template: str = ""

    @property
    def ready_pods(self) -> int:
        """How many of the pods that stay are ready."""
        return sum(pod.ready for pod in self.observed.current_pods)


def judge(look: Look) -> tuple[Condition, ...]:
    """All conditions, their transition times not yet set."""
    return (_ready(look), _config_applied(look), _models_available(look), _settled(look))


def _ready(look: Look) -> Condition:
    if look.faults:
        text = " ".join(_sentence(fault.message) for fault in look.faults)
        return _false(look, ConditionType.READY, look.faults[0].reason, text)
    ready, wanted = look.ready_pods, look.server.spec.replicas
    text = f"{ready} of {wanted} pods are ready.{_waiting(look)}"
    if ready >= wanted:
        return _true(look, ConditionType.READY, "AllPodsReady", text)
    crashed = next((pod for pod in look.observed.current_pods if _is_crashing(pod)), None)
    if crashed is not None:
        died = f"Pod {crashed.name} died {crashed.failed_starts} times while starting: {crashed.reason}"
        return _false(look, ConditionType.READY, "PodsCrashing", died)
    return _false(look, ConditionType.READY, "PodsNotReady", text)


def _waiting(look: Look) -> str:
    """That an edit of the pods would not be noticed."""
    if not look.unknown_template:
        return ""
    return (
        f" A newer operator made them, by the pod template {look.unknown_template!r}, which is not "
        "known here: changes of the pods wait until a newer operator is back."
    )


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _is_crashing(pod: Pod) -> bool:
    return not pod.ready and pod.failed_starts >= _CRASHES


def _config_applied(look: Look) -> Condition:
    kind, applied = ConditionType.CONFIG_APPLIED, look.applied
    if look.refusal is not None:
        return _false(look, kind, "ConfigRejected", look.refusal.message)
    if applied.is_everywhere and not look.is_committed:
        return _false(look, kind, "Committing", "All pods serve it, and it is being kept for new ones.")
    if applied.is_everywhere:
        text = f"{_all(len(applied.progress), 'pod')} the configuration wanted"
        if look.left_out:
            names = ", ".join(look.left_out)
            return _true(look, kind, "PipelinesLeftOut", f"{text}, without Pipelines at fault: {names}.")
        return _true(look, kind, "Applied", f"{text}.")
    silent = applied.pods(Progress.UNKNOWN)
    if silent:
        text = f"No answer yet from {', '.join(silent)}: {_reason(look.reports, silent[0])}"
        return _unknown(look, kind, _silence(look), text)
    if not applied.progress:
        return _unknown(look, kind, "NoPods", "There is no pod.")
    text = f"Pods that do not serve it yet: {', '.join(applied.behind)}."
    return _false(look, kind, "Applying", text)


def _reason(reports: Reports, pod: str) -> str:
    report = reports.get(pod)
    return report.reason if isinstance(report, Unreachable) else "it is not running"


def _silence(look: Look) -> str:
    """Why nothing is known: pods that start give no answers, and only silence of ready ones is news."""
    silent = (pod for pod in look.observed.current_pods if not _has_answered(look.reports, pod))
    return "MetricsUnreachable" if any(pod.ready for pod in silent) else "PodsNotReady"


def _has_answered(reports: Reports, pod: Pod) -> bool:
    return isinstance(reports.get(pod.name), Signals)


def _all(count: int, noun: str) -> str:
    return f"The {noun} serves" if count == 1 else f"All {count} {noun}s serve"


def _models_available(look: Look) -> Condition:
    kind = ConditionType.MODELS_AVAILABLE
    if not any(isinstance(report, Signals) for report in look.reports.values()):
        return _unknown(look, kind, _silence(look), "No pod has answered.")
    failed = tuple(_each_model(look, _error))
    if failed:
        return _false(look, kind, "ModelsNotAvailable", "; ".join(failed))
    waiting = tuple(_each_model(look, _stage))
    if waiting:
        return _false(look, kind, "ModelsLoading", "; ".join(waiting))
    return _true(look, kind, "AllAvailable", f"{_all(len(look.server.spec.models), 'model')}.")


def _each_model(look: Look, describe: Callable[[tuple[ModelSignals, ...]], str]) -> Iterator[str]:
    """A sentence for each model of each pod of which `describe` has something to say."""
    for pod, report in sorted(look.reports.items()):
        if isinstance(report, Signals):
            for model in look.server.spec.models:
                found = tuple(item for item in report.models if item.name == model.name)
                text = describe(found)
                if text:
                    yield f"{model.name} on {pod}: {text}"


def _error(versions: tuple[ModelSignals, ...]) -> str:
    return next((version.error for version in versions if version.error), "")


def _stage(versions: tuple[ModelSignals, ...]) -> str:
    if any(version.state == "AVAILABLE" for version in versions):
        return ""
    return versions[0].state.lower() if versions else "not loaded yet"


def _settled(look: Look) -> Condition:
    kind = ConditionType.STRATEGY_SETTLED
    if look.unsettled:
        return _false(look, kind, "Switching", " ".join(look.unsettled))
    if not any(isinstance(report, Signals) for report in look.reports.values()):
        return _unknown(look, kind, _silence(look), "No pod has answered.")
    return _true(look, kind, "Settled", "No switch is under way.")


def _true(look: Look, kind: ConditionType, reason: str, message: str) -> Condition:
    return _condition(look, kind, ConditionStatus.TRUE, (reason, message))


def _false(look: Look, kind: ConditionType, reason: str, message: str) -> Condition:
    return _condition(look, kind, ConditionStatus.FALSE, (reason, message))


def _unknown(look: Look, kind: ConditionType, reason: str, message: str) -> Condition:
    return _condition(look, kind, ConditionStatus.UNKNOWN, (reason, message))


def _condition(
    look: Look, kind: ConditionType, status: ConditionStatus, why: tuple[str, str]
) -> Condition:
    return Condition(
        type=kind,
        status=status,
        reason=why[0],
        message=why[1],
        observed_generation=look.server.metadata.generation,
    )
