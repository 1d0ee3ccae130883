"""A snapshot of what exists for one ModelServer. Missing is a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from batchwright_operator.render import bundle, names
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
    http_port: int = 8000
    ready: bool = False
    restarts: int = 0
    failed_starts: int = 0  # deaths since it was last ready
    reason: str = ""

    @property
    def address(self) -> str:
        """Where its HTTP side is: host:port."""
        return f"{self.ip}:{self.http_port}"

    @property
    def is_current(self) -> bool:
        """Whether it is meant to stay."""
        return self.phase is not Phase.TERMINATING


@dataclass(frozen=True)
class Observed:
    """Everything that was read in one look."""

    config_map: names.Manifest | None = None
    deployment: names.Manifest | None = None
    service: names.Manifest | None = None
    pods: tuple[Pod, ...] = ()

    @property
    def config_text(self) -> str | None:
        """The configuration document that the pods are given."""
        if self.config_map is None:
            return None
        text = self.config_map.get("data", {}).get(names.CONFIG_FILE)
        return str(text) if text is not None else None

    @property
    def current_pods(self) -> tuple[Pod, ...]:
        """The pods that are meant to stay."""
        return tuple(pod for pod in self.pods if pod.is_current)

    def hash_of(self, kind: str) -> str | None:
        """The hash that the object of that kind was marked with when it was written."""
        found = {"ConfigMap": self.config_map, "Deployment": self.deployment, "Service": self.service}
        manifest = found.get(kind)
        return bundle.rendered_hash(manifest) if manifest is not None else None


@dataclass(frozen=True)
class Unreachable:
    """A pod that gave no answer, and why."""

    reason: str


Report = Signals | Unreachable
Reports = Mapping[str, Report]  # by pod name
