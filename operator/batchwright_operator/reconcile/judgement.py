"""The conditions of a ModelServer, each from one look at its pods."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from batchwright_operator.reconcile.applied import Applied, Progress
from batchwright_operator.reconcile.course import Refusal
from batchwright_operator.reconcile.faults import Fault
from batchwright_operator.reconcile.observed import Observed, Phase, Pod, Reports, Unreachable
from batchwright_operator.resources.conditions import Condition, ConditionStatus, ConditionType
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.signals import ModelSignals, Signals

# A pod that died this often without becoming ready will not heal by itself.
_CRASHES = 2


@dataclass(frozen=True)
class Look:
    """One look at one ModelServer; `unsettled` are sentences of models whose switch is under way.

    `canaries` are sentences of models whose next plan is tried by one pod.
    `refusal` is that of the wanted configuration, if a pod has refused it; `is_committed` tells whether
    pods start from it; `left_out` are the Pipelines that are not in it. `unknown_template` names the pod
    template of a newer operator, if edits of the pods have to wait for one. `template` is the newest pod
    template's hash, and `applied_generation` the newest generation that was ever wholly applied.
    """

    server: ModelServer
    observed: Observed
    reports: Reports
    applied: Applied
    unsettled: tuple[str, ...] = ()
    canaries: tuple[str, ...] = ()
    refusal: Refusal | None = None
    is_committed: bool = True
    faults: tuple[Fault, ...] = ()
    left_out: tuple[str, ...] = ()
    unknown_template: str = ""
    template: str = ""
    applied_generation: int = 0

    def is_newest(self, pod: Pod) -> bool:
        """Whether the pod is of the newest template; where templates are not marked, all are."""
        return not self.template or pod.template == self.template

    @property
    def is_replacing(self) -> bool:
        """Whether pods of an older template are still to be replaced; those that failed do not count."""
        staying = (pod for pod in self.observed.current_pods if pod.phase is not Phase.FAILED)
        return any(not self.is_newest(pod) for pod in staying)

    def is_up_to_date(self, pod: str) -> bool:
        """Whether the pod of that name is of the newest template and serves the wanted document."""
        newest = {item.name for item in self.observed.current_pods if self.is_newest(item)}
        return pod in newest and self.applied.progress.get(pod) is Progress.APPLIED

    @property
    def ready_pods(self) -> int:
        """How many of the pods that stay are ready."""
        return sum(pod.ready for pod in self.observed.current_pods)


def judge(look: Look) -> tuple[Condition, ...]:
    """All conditions, their transition times not yet set.

    A condition carries the newest generation once that is wholly applied, and before only where it is
    false by what that generation wants; else it carries the generation that was last wholly applied.
    """
    return (_ready(look), _config_applied(look), _models_available(look), _settled(look))


def _ready(look: Look) -> Condition:
    if look.faults:
        text = " ".join(_sentence(fault.message) for fault in look.faults)
        found = _false(look, ConditionType.READY, look.faults[0].reason, text)
        newest = look.server.metadata.generation
        return _about(look, found, is_news=any(it.generation == newest for it in look.faults))
    ready, wanted = look.ready_pods, look.server.spec.replicas
    text = f"{min(ready, wanted)} of {wanted} pods are ready.{_replaced(look)}{_waiting(look)}"
    crashed = _crashed(look)
    if ready >= wanted:
        return _serving(look, text, crashed)
    if crashed is not None:
        reason = "ModelNotFetched" if crashed.unfetched else "PodsCrashing"
        found = _false(look, ConditionType.READY, reason, _died(crashed))
        return _about(look, found, is_news=look.is_newest(crashed))
    return _false(look, ConditionType.READY, "PodsNotReady", text)


def _serving(look: Look, text: str, crashed: Pod | None) -> Condition:
    """Ready is true: enough pods serve, be it by the template before."""
    if not look.is_replacing:
        return _true(look, ConditionType.READY, "AllPodsReady", text)
    if crashed is not None and look.is_newest(crashed):
        reason = "NewPodsNotFetched" if crashed.unfetched else "NewPodsCrashing"
        return _true(look, ConditionType.READY, reason, f"{text} {_died(crashed)}")
    return _true(look, ConditionType.READY, "RollingOut", text)


def _replaced(look: Look) -> str:
    """How far the replacement of pods is, where one is under way."""
    if not look.is_replacing:
        return ""
    wanted = look.server.spec.replicas
    new = sum(pod.ready and look.is_newest(pod) for pod in look.observed.current_pods)
    verb = "has" if new == 1 else "have"
    return f" {min(new, wanted)} of {wanted} {verb} the newest template."


def _crashed(look: Look) -> Pod | None:
    """A pod that does not heal by itself, one of the newest template first."""
    crashed = [pod for pod in look.observed.current_pods if _is_crashing(pod)]
    return min(crashed, key=lambda pod: not look.is_newest(pod), default=None)


def _died(pod: Pod) -> str:
    if pod.unfetched:
        return f"Pod {pod.name} cannot fetch {pod.unfetched}"
    return f"Pod {pod.name} died {pod.failed_starts} times while starting: {pod.reason}"


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
    return not pod.ready and (pod.failed_starts >= _CRASHES or bool(pod.unfetched))


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
        crashed = _crashed(look)
        if crashed is not None and crashed.unfetched:
            found = _false(look, kind, "ModelNotFetched", _died(crashed))
            return _about(look, found, is_news=look.is_newest(crashed))
        return _unknown(look, kind, _silence(look), "No pod has answered.")
    failed = tuple(_each_model(look, _error))
    if failed:
        found = _false(look, kind, "ModelsNotAvailable", "; ".join(text for _, text in failed))
        return _about(look, found, is_news=any(look.is_up_to_date(pod) for pod, _ in failed))
    waiting = tuple(_each_model(look, _stage))
    if waiting:
        return _false(look, kind, "ModelsLoading", "; ".join(text for _, text in waiting))
    return _true(look, kind, "AllAvailable", f"{_all(len(look.server.spec.models), 'model')}.")


def _each_model(
    look: Look, describe: Callable[[tuple[ModelSignals, ...]], str]
) -> Iterator[tuple[str, str]]:
    """A pod and a sentence for each model of each pod of which `describe` has something to say."""
    for pod, report in sorted(look.reports.items()):
        if isinstance(report, Signals):
            for model in look.server.spec.models:
                found = tuple(item for item in report.models if item.name == model.name)
                text = describe(found)
                if text:
                    yield pod, f"{model.name} on {pod}: {text}"


def _error(versions: tuple[ModelSignals, ...]) -> str:
    return next((version.error for version in versions if version.error), "")


def _stage(versions: tuple[ModelSignals, ...]) -> str:
    if any(version.state == "AVAILABLE" for version in versions):
        return ""
    return versions[0].state.lower() if versions else "not loaded yet"


def _settled(look: Look) -> Condition:
    kind = ConditionType.STRATEGY_SETTLED
    if look.canaries:
        return _false(look, kind, "Canary", " ".join((*look.canaries, *look.unsettled)))
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
    condition = Condition(type=kind, status=status, reason=why[0], message=why[1])
    return _about(look, condition, is_news=status is ConditionStatus.FALSE)


def _about(look: Look, condition: Condition, *, is_news: bool) -> Condition:
    """The condition with the generation that it is about: `is_news` tells whether it is the newest."""
    generation = look.server.metadata.generation if is_news else look.applied_generation
    return condition.model_copy(update={"observed_generation": generation})
