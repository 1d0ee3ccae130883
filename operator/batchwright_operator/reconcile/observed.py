"""A snapshot of what exists for one ModelServer. Missing is a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from batchwright_operator.render import names
from batchwright_server.config.signals import Signals


class Phase(StrEnum):
    """Where a pod is in its life."""

    PENDING = "Pending"
    RUNNING = "Running"
    FAILED = "Failed"
    TERMINATING = "Terminating"


@dataclass(frozen=True)
class Pod:
    """One pod; `reason` says why it does not run, where that is known."""

    name: str
    ip: str
    phase: Phase
    admin_port: int = 8002
    template: str = ""  # the hash that its template was marked with; empty where it was not
    ready: bool = False
    restarts: int = 0
    failed_starts: int = 0  # deaths since it was last ready
    reason: str = ""
    unfetched: str = ""  # why files of a model could not be fetched, of which the pod does not start

    @property
    def address(self) -> str:
        """Where it is asked for signals and given documents: host:port."""
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{host}:{self.admin_port}"

    @property
    def is_current(self) -> bool:
        """Whether it is meant to stay."""
        return self.phase is not Phase.TERMINATING


@dataclass(frozen=True)
class Observed:
    """Everything that was read in one look.

    `objects` are as the cluster has them, with uid and resourceVersion. Those in `settled`, by kind and
    name, were not changed by writing what is rendered for them once more: the cluster says it otherwise.
    """

    objects: tuple[names.Manifest, ...] = ()
    pods: tuple[Pod, ...] = ()
    settled: frozenset[tuple[str, str]] = frozenset()

    def find(self, kind: str, name: str) -> names.Manifest | None:
        """The object of that kind and name."""
        found = (item for item in self.objects if item["kind"] == kind)
        return next((item for item in found if item["metadata"]["name"] == name), None)

    @property
    def config_map(self) -> names.Manifest | None:
        """The ConfigMap with the configuration document."""
        return next((item for item in self.objects if item["kind"] == "ConfigMap"), None)

    @property
    def deployment(self) -> names.Manifest | None:
        """The Deployment of the pods."""
        return next((item for item in self.objects if item["kind"] == "Deployment"), None)

    @property
    def config_text(self) -> str | None:
        """The configuration document that pods start from."""
        if self.config_map is None:
            return None
        text = self.config_map.get("data", {}).get(names.CONFIG_FILE)
        return str(text) if text is not None else None

    @property
    def current_pods(self) -> tuple[Pod, ...]:
        """The pods that are meant to stay."""
        return tuple(pod for pod in self.pods if pod.is_current)


@dataclass(frozen=True)
class Unreachable:
    """A pod that gave no answer, and why."""

    reason: str


Report = Signals | Unreachable
Reports = Mapping[str, Report]  # by pod name
