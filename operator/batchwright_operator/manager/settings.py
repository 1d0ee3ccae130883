"""How one operator runs, from the command line or the environment."""

import secrets
import socket
from dataclasses import dataclass, field
from pathlib import Path

from batchwright_operator.render.revisions.registry import REVISIONS
from batchwright_operator.render.template import Revisions


def new_identity(name: str = "") -> str:
    """A name that no other process ever has: a container that is started again keeps its pod's name."""
    return f"{name or socket.gethostname()}_{secrets.token_hex(4)}"


@dataclass(frozen=True)
class OperatorSettings:
    """One process's settings."""

    namespaces: tuple[str, ...] = ()  # none: all
    operator_namespace: str = "batchwright-system"
    admin_key_file: Path | None = None  # a key a line, the newest first
    server_image: str | None = None  # None: the one this release was made with
    workers: int = 16
    http_port: int = 8080  # 0: any that is free
    http_bind_address: str = "0.0.0.0"  # noqa: S104  probes and Prometheus come from outside the pod
    kubeconfig: Path | None = None  # None: a pod's own credentials
    context: str | None = None
    resync_seconds: float = 600.0
    identity: str = field(default_factory=new_identity)
    has_leader_election: bool = True
    pod_addresses: Path | None = None  # JSON: where pods' addresses are really reached
    models_mount: str | None = None
    config_mount: str | None = None
    revisions: Revisions = REVISIONS  # the pod templates that the release knows

    @property
    def heartbeat_namespaces(self) -> tuple[str, ...]:
        """Where heartbeats are written: in each namespace that is watched, or in our own for all."""
        return self.namespaces or (self.operator_namespace,)
