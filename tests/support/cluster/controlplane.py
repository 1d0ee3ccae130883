"""A control plane of real programs on loopback: etcd, API server, controller manager, scheduler."""

import json
import random
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.support.cluster import blocking, commands
from tests.support.cluster.access import Cluster
from tests.support.cluster.binaries import Binaries
from tests.support.cluster.daemon import Daemon, wait_until
from tests.support.cluster.kinds import find_kind
from tests.support.cluster.kubeconfig import write_kubeconfig
from tests.support.cluster.pki import Authority

START_SECONDS = 60.0
_PORTS = range(20_000, 32_000)  # below those that a kernel gives to clients, so a restart finds its own


class ControlPlane(Cluster):
    """One control plane in a directory of its own. `start` it, and `stop` it."""

    def __init__(self, directory: Path, binaries: Binaries) -> None:
        self.binaries = binaries
        self.url = f"https://127.0.0.1:{free_port()}"
        self._authority = Authority(directory / "pki")
        self._kubeconfigs = directory / "kubeconfigs"
        admin = self.kubeconfig_for_user("kubernetes-admin", ["system:masters"])
        super().__init__(directory, admin, binaries["kubectl"])
        plan = commands.Plan(directory, binaries, self._authority, self.url, free_port(), free_port())
        manager = self.kubeconfig_for_user("system:kube-controller-manager")
        scheduler = self.kubeconfig_for_user("system:kube-scheduler")
        self.etcd = self._daemon("etcd", commands.etcd(plan))
        self.api_server = self._daemon("kube-apiserver", commands.api_server(plan))
        self.controller_manager = self._daemon(
            "kube-controller-manager", commands.controller_manager(plan, manager)
        )
        self.scheduler = self._daemon("kube-scheduler", commands.scheduler(plan, scheduler))

    @property
    def daemons(self) -> tuple[Daemon, ...]:
        """In the order in which they are started."""
        return (self.etcd, self.api_server, self.controller_manager, self.scheduler)

    @property
    def audit_log(self) -> Path:
        """What the API server was asked, one JSON event a line; `audit_events` reads it."""
        return self.directory / commands.AUDIT_LOG

    def start(self) -> None:
        """Start everything, and return once pods could be scheduled."""
        self.etcd.start()
        self.api_server.start()
        self.wait_until_ready()
        self.controller_manager.start()
        self.scheduler.start()
        self.apply_custom_resources()
        self._wait_with(self._has_default_account, "the default service account", START_SECONDS)

    def stop(self) -> None:
        """End everything; the directory stays."""
        # Nothing in it is worth an orderly end, and an API server takes its time for one.
        for daemon in reversed(self.daemons):
            daemon.kill()

    def wait_until_ready(self, seconds: float = START_SECONDS) -> None:
        """Return once the API server says that it is ready."""
        self._wait_with(self._is_ready, "the API server", seconds)

    def restart_api_server(self, *, down_seconds: float = 0.0) -> None:
        """Kill the API server, and start it again after a while; returns when it is ready."""
        self.api_server.kill()
        time.sleep(down_seconds)
        self.api_server.start()
        self.wait_until_ready()

    def kubeconfig_for_user(self, user: str, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig for a user of `groups`, by certificate."""
        pair = self._authority.issue_user(user, groups)
        path = self._kubeconfigs / f"{pair.key.stem}.yaml"
        return write_kubeconfig(path, self.url, self._authority.pair.certificate, pair)

    def audit_events(self, user: str = "") -> list[dict[str, Any]]:
        """What was asked of the API server, by one user or by all but Kubernetes' own and the tests."""
        lines = self.audit_log.read_text().splitlines() if self.audit_log.exists() else []
        events = [json.loads(line) for line in lines if line.endswith("}")]
        return [event for event in events if not user or event["user"].get("username") == user]

    def _daemon(self, name: str, command: list[str]) -> Daemon:
        return Daemon(name, command, self.directory / f"{name}.log")

    def _wait_with(self, check: Callable[[], bool], what: str, seconds: float) -> None:
        wait_until(check, what, (self.etcd, self.api_server), seconds=seconds)

    def _is_ready(self) -> bool:
        return blocking.request(self.access, "GET", "/readyz")[0] == 200

    def _has_default_account(self) -> bool:
        path = find_kind("ServiceAccount").path("default", "default")
        return blocking.request(self.access, "GET", path)[0] == 200


def free_port() -> int:
    """A port of loopback that nobody listens on, and that no client is given by chance."""
    while True:
        port = random.choice(_PORTS)  # noqa: S311  nothing secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
