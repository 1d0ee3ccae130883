"""What the way of a configuration is decided on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from batchwright_operator.reconcile.course import Document
from batchwright_operator.reconcile.observed import Observed, Phase, Pod, Reports
from batchwright_server.config.signals import Signals


@dataclass(frozen=True)
class Sight:
    """What one run has before it.

    `recorded` is the hash that the ConfigMap was marked with when it was written: of another text than
    it has now if somebody else has written to it. `template` is the hash of the newest pod template.
    `canaries` are the documents of pods, by name, that try a plan: the wanted one but for that.
    """

    wanted: Document
    committed: Document | None
    recorded: str
    template: str
    subject: object
    observed: Observed
    reports: Reports
    canaries: Mapping[str, Document] = field(default_factory=dict)

    @property
    def is_committed(self) -> bool:
        """Whether pods start from the wanted document."""
        return self.committed is not None and self.committed.hash == self.wanted.hash

    def signals(self, pod: Pod) -> Signals | None:
        """What a running pod told."""
        report = self.reports.get(pod.name)
        return report if pod.phase is Phase.RUNNING and isinstance(report, Signals) else None

    def wanted_of(self, pod: Pod) -> Document:
        """What that pod is to serve."""
        return self.canaries.get(pod.name, self.wanted)

    def is_newest(self, pod: Pod) -> bool:
        """Whether the pod is of the newest template; where templates are not marked, all are."""
        return not self.template or pod.template == self.template
